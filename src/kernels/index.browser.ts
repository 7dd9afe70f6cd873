/** The kernels in a browser: the WebAssembly one, whose module is given. */
import type { KernelChoice, PrecisionChoice } from './index.ts'
import { wasmKernel } from './wasm-file.ts'

export { ISAS, type Isa } from './isas.ts'
export * from './kernel.ts'

export function chooseKernel(): KernelChoice {
  const kernel = wasmKernel()
  if (!kernel) throw new Error('no WebAssembly kernel that this browser runs has been provided')
  return { kernel, why: 'a browser has no other' }
}

export const choosePrecision = (): PrecisionChoice => ({ precision: 'int16', why: 'the fastest that wasm has' })
