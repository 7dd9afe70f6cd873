/**
 * The registry of training engines: one file and one line each, the preferred one first.
 */
import { nearest, SparsewaveError } from '../../src/errors.ts'
import type { ParameterLayout } from '../tasks/sparse-wavernn/parameters.ts'
import type { Engine, EngineFactory } from './engine.ts'
import { createNativeEngine, nativeIsas } from './native.ts'
import { createReferenceEngine } from './reference.ts'

const ENGINES: Record<string, EngineFactory> = {
  native: createNativeEngine,
  reference: createReferenceEngine,
}

export const ENGINE_NAMES: readonly string[] = Object.keys(ENGINES)

/** Creates the engine `name`; 'auto' is the fastest that can train here. Throws ENGINE_UNAVAILABLE or JOB_INVALID. */
export async function createEngine(
  name: string,
  layout: ParameterLayout,
  options: { threads: number },
): Promise<Engine> {
  // Never the reference by itself: it would train for weeks without a word.
  if (name === 'auto') return createNativeEngine(layout, options)
  const create = ENGINES[name]
  if (create) return create(layout, options)
  const near = nearest(name, ENGINE_NAMES)
  throw new SparsewaveError(
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
  let native: EngineReport
  try {
    native = { name: 'native', ok: true, detail: `C++ threads: ${nativeIsas().join(', ')}` }
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    native = { name: 'native', ok: false, detail: `${error.message} ${error.remedy}` }
  }
  return [native, { name: 'reference', ok: true, detail: 'plain TypeScript, slow: for checks' }]
}
