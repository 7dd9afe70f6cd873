/** The WebAssembly layers of this thread. */
import { wasmModule } from '../wasm/module-file.ts'
import type { Layers } from './layers.ts'
import { createWasmLayers } from './wasm.ts'

/** Undefined when the module was not built. */
export function wasmLayers(): Layers | undefined {
  const module = wasmModule('layers')
  return module && createWasmLayers(module)
}
