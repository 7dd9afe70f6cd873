/**
 * The one file that touches onnxruntime-web: its WebAssembly build alone, on one thread, which needs no headers of the page. It
 * fetches nothing by itself: its module is given to it.
 */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { type ModelFile, nameOf, type OnnxModel, openModel, type RuntimeSession } from './model.ts'

export type { ModelFile, OnnxModel, OnnxValue } from './model.ts'

env.wasm.numThreads = 1
env.logLevel = 'error'

/** Gives the contents of ort-wasm-simd-threaded.wasm, before the first model is loaded. */
export function provideOnnxRuntime(wasm: ArrayBuffer): void {
  env.wasm.wasmBinary = wasm
}

/** A page has it with its other files. */
export const hasOnnxRuntime = (): boolean => true

/** Opens a model of which the bytes are there. Throws VOICE_DAMAGED, naming the file, when it is not one that can run. */
export function loadOnnx(file: ModelFile): Promise<OnnxModel> {
  return openModel(nameOf(file), Tensor, async () => {
    if (typeof file === 'string') throw new Error('a browser has no files')
    const session = await InferenceSession.create(file.bytes, { executionProviders: ['wasm'], logSeverityLevel: 3 })
    return session as unknown as RuntimeSession
  })
}
