/** The kernels in a browser: the WebAssembly one, whose module is given. */
import type { KernelChoice, PrecisionChoice } from './index.ts'
import type { VocoderKernel } from './kernel.ts'
import { createWasmKernel } from './wasm.ts'

export * from './kernel.ts'

let kernel: VocoderKernel | undefined

/** Gives the contents of vocoder-relaxed.wasm and vocoder.wasm: the first that the engine takes is used. */
export function provideKernel(modules: readonly Uint8Array[]): void {
  const bytes = modules.find((module) => WebAssembly.validate(module))
  if (bytes) kernel = createWasmKernel(new WebAssembly.Module(bytes))
}

export function chooseKernel(): KernelChoice {
  if (!kernel) throw new Error('no WebAssembly kernel that this browser runs has been provided')
  return { kernel, why: 'a browser has no other' }
}

export const choosePrecision = (): PrecisionChoice => ({ precision: 'int16', why: 'the fastest that wasm has' })
