/**
 * The one file that touches onnxruntime-web: its WebAssembly build alone, on one thread, which needs no headers of the page. It
 * runs the graphs that layers do not support. Its module, larger than all else, is fetched when the first of them is opened.
 */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { SparsewaveError } from '../errors.ts'
import { type ModelFile, nameOf, type OnnxModel, openModel, type RuntimeSession } from './model.ts'

export type { ModelFile, OnnxModel, OnnxValue } from './model.ts'

env.wasm.numThreads = 1
env.logLevel = 'error'

let fetchModule: (() => Promise<Uint8Array<ArrayBuffer>>) | undefined

/** Says how to get the contents of ort-wasm-simd-threaded.wasm, should a graph need them. */
export function provideOnnxRuntime(fetcher: () => Promise<Uint8Array<ArrayBuffer>>): void {
  fetchModule = fetcher
}

/** Layers go first: they are there in any case. */
export const hasOnnxRuntime = (): boolean => false

/**
 * Opens a model of which the bytes are there. Throws VOICE_DAMAGED, naming the file, when it is not one that can run,
 * RUNTIME_MISSING when the runtime's module cannot be fetched.
 */
export async function loadOnnx(file: ModelFile): Promise<OnnxModel> {
  const name = nameOf(file)
  if (env.wasm.wasmBinary === undefined)
    try {
      env.wasm.wasmBinary = (await fetchModule!()).buffer
    } catch (cause) {
      throw new SparsewaveError('RUNTIME_MISSING', `${name} needs onnxruntime in the browser, which is not there.`, {
        remedy:
          'Copy dist/ort-wasm-simd-threaded.wasm of onnxruntime-web, compressed, to build/web/onnxruntime.wasm.gz.',
        cause,
      })
    }
  return openModel(name, Tensor, async () => {
    if (typeof file === 'string') throw new Error('a browser has no files')
    const session = await InferenceSession.create(file.bytes, { executionProviders: ['wasm'], logSeverityLevel: 3 })
    return session as unknown as RuntimeSession
  })
}
