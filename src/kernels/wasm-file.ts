/** The WebAssembly kernel from its file in build/; the module is compiled once a thread. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../root.ts'
import type { VocoderKernel } from './kernel.ts'
import { createWasmKernel } from './wasm.ts'

let kernel: VocoderKernel | undefined

/** Undefined when the module was not built. */
export function wasmKernel(): VocoderKernel | undefined {
  // The first that the engine takes: with relaxed SIMD's multiply-add, 8 % faster (V8 of Node 22 on), or without.
  for (const file of ['vocoder-relaxed.wasm', 'vocoder.wasm']) {
    const path = join(PACKAGE_ROOT, 'build/wasm', file)
    if (kernel || !existsSync(path)) continue
    const bytes = readFileSync(path)
    if (WebAssembly.validate(bytes)) kernel = createWasmKernel(new WebAssembly.Module(bytes))
  }
  return kernel
}
