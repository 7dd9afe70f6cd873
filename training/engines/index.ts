/**
 * The registry of training engines: one file and one line each, the preferred one first.
 */
import { nearest, SparsewaveError } from '../../src/errors.ts'
import type { ParameterLayout } from '../tasks/sparse-wavernn/parameters.ts'
import type { Engine, EngineFactory } from './engine.ts'
import { createNativeEngine } from './native.ts'
import { createReferenceEngine } from './reference.ts'

const ENGINES: Record<string, EngineFactory> = {
  native: createNativeEngine,
  reference: createReferenceEngine,
}

export const ENGINE_NAMES: readonly string[] = Object.keys(ENGINES)

/** Creates the engine `name`; 'auto' is the first that works here. Throws ENGINE_UNAVAILABLE or JOB_INVALID. */
export async function createEngine(
  name: string,
  layout: ParameterLayout,
  options: { threads: number },
): Promise<Engine> {
  if (name === 'auto') return createEngine(ENGINE_NAMES[0]!, layout, options)
  const create = ENGINES[name]
  if (create) return create(layout, options)
  const near = nearest(name, ENGINE_NAMES)
  throw new SparsewaveError(
    'JOB_INVALID',
    `There is no training engine '${name}'; there are: auto, ${ENGINE_NAMES.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
  )
}
