/** The implementations of the layers. Which one is used is decided in src/engine.ts. */
import { nativeIsas } from '../serve-addon.ts'
import type { Layers } from './layers.ts'
import { nativeLayers } from './native.ts'
import { wasmLayers } from './wasm-file.ts'

export type { Activation, Layers, Matrix, Predictor, PredictorTables } from './layers.ts'
export { nativeLayers } from './native.ts'
export { wasmLayers } from './wasm-file.ts'

/** All that run here, fastest first. Each is opened anew and the caller's to close. */
export const availableLayers = (): Layers[] => [...nativeIsas().map(nativeLayers), wasmLayers()].flatMap((l) => l ?? [])
