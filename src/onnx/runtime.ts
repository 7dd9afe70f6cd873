/**
 * The one file that touches onnxruntime-node, an optional package, loaded with the first model that needs it. A model runs on one
 * thread with no memory arena, so that its memory is bounded and many models can share a machine.
 */
import './telemetry.ts'
import { createRequire } from 'node:module'
import type { InferenceSession } from 'onnxruntime-node'
import { SparsewaveError } from '../errors.ts'
import { type ModelFile, nameOf, type OnnxModel, openModel, type RuntimeSession } from './model.ts'

export type { ModelFile, OnnxModel, OnnxValue } from './model.ts'

/**
 * Opens a model. `threads` (default 1) is the number of threads one operator may use.
 * Works in worker threads; a worker must not be terminated while it loads or runs a model (onnxruntime-node then aborts
 * the process), but asked to end. Throws VOICE_DAMAGED, naming the file, when it is missing or not a model that can run;
 * RUNTIME_MISSING when onnxruntime-node is not installed.
 */
export async function loadOnnx(file: ModelFile, { threads = 1 }: { threads?: number } = {}): Promise<OnnxModel> {
  const { InferenceSession, Tensor } = await runtime(nameOf(file))
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 3,
  }
  return openModel(nameOf(file), Tensor, async () => {
    const session = await (typeof file === 'string'
      ? InferenceSession.create(file, options)
      : InferenceSession.create(file.bytes, options))
    return session as unknown as RuntimeSession
  })
}

let installed: boolean | undefined

/** Whether onnxruntime-node is installed, without loading it. */
export function hasOnnxRuntime(): boolean {
  if (installed !== undefined) return installed
  try {
    createRequire(import.meta.url).resolve('onnxruntime-node')
    installed = true
  } catch {
    installed = false
  }
  return installed
}

async function runtime(model: string): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node')
  } catch (cause) {
    throw new SparsewaveError('RUNTIME_MISSING', `${model} needs onnxruntime-node, which is not installed.`, { cause })
  }
}
