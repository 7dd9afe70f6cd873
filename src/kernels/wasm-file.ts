/** The WebAssembly kernel of this thread. */
import { wasmModule } from '../wasm/module-file.ts'
import type { VocoderKernel } from './kernel.ts'
import { createWasmKernel } from './wasm.ts'

/** Undefined when the module was not built. */
export function wasmKernel(): VocoderKernel | undefined {
  const module = wasmModule('vocoder')
  return module && createWasmKernel(module)
}
