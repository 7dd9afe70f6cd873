/**
 * The registry of training engines: one file and one line each, the preferred one first.
 */
import { nearest, SparsewaveError } from 'sparsewave/internal/errors'
import { nativeIsas } from '../net/addon.ts'
import type { Engine, EngineFactory, EngineOptions } from '../net/engine.ts'
import type { ParameterLayout } from '../net/vocoder-layout.ts'
import { createNativeEngine } from './native.ts'
import { createReferenceEngine } from './reference.ts'
import { createTfjsEngine } from './tfjs/sparse-wavernn.ts'
import { describeTfjs } from './tfjs.ts'
import { describeAdapters } from './webgpu/device.ts'
import { createWebgpuEngine } from './webgpu.ts'

const ENGINES: Record<string, EngineFactory> = {
  native: createNativeEngine,
  webgpu: createWebgpuEngine,
  tfjs: createTfjsEngine,
  reference: createReferenceEngine,
}

export const ENGINE_NAMES: readonly string[] = Object.keys(ENGINES)

/** Creates the engine `name`; 'auto' is the fastest that can train here. Throws ENGINE_UNAVAILABLE or JOB_INVALID. */
export async function createEngine(name: string, layout: ParameterLayout, options: EngineOptions): Promise<Engine> {
  // Never the reference by itself: it would train for weeks without a word.
  if (name === 'auto') return createNativeEngine(layout, options)
  const create = ENGINES[name]
  if (create) return create(layout, options)
  throw unknownEngine(name)
}

/** JOB_INVALID: there is no engine `name`. */
export function unknownEngine(name: string): SparsewaveError {
  const near = nearest(name, ENGINE_NAMES)
  return new SparsewaveError(
    'JOB_INVALID',
    `There is no training engine '${name}'; there are: auto, ${ENGINE_NAMES.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
  )
}

export interface EngineReport {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** Which engines can be used here, and why others cannot; for `sparsewave doctor`. */
export async function engineReport(): Promise<EngineReport[]> {
  return [
    await report('native', async () => `C++ threads: ${nativeIsas().join(', ')}`),
    await report('webgpu', describeAdapters),
    { name: 'tfjs', ok: true, detail: describeTfjs() },
    { name: 'reference', ok: true, detail: 'plain TypeScript, slow: for checks' },
  ]
}

async function report(name: string, detail: () => Promise<string>): Promise<EngineReport> {
  try {
    return { name, ok: true, detail: await detail() }
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    return { name, ok: false, detail: `${error.message} ${error.remedy}` }
  }
}
