/** The WebAssembly kernel from its file in build/; the module is compiled once a thread. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../root.ts'
import type { VocoderKernel } from './kernel.ts'
import { createWasmKernel } from './wasm.ts'

let kernel: VocoderKernel | undefined

/** Undefined when the module was not built. */
export function wasmKernel(): VocoderKernel | undefined {
  const path = join(PACKAGE_ROOT, 'build/wasm/vocoder.wasm')
  if (!kernel && existsSync(path)) kernel = createWasmKernel(new WebAssembly.Module(readFileSync(path)))
  return kernel
}
