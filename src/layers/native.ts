/** Layers in C++, one implementation for each instruction set. */
import type { Isa } from '../kernels/isas.ts'
import { addonFor } from '../serve-addon.ts'
import { ACTIVATIONS, type Layers } from './layers.ts'

/** Layers of one instruction set; undefined when the addon is not built or the CPU lacks it. */
export function nativeLayers(isa: Isa): Layers | undefined {
  const native = addonFor(isa)
  if (!native) return undefined
  const { dispose, layers } = native.addon
  const engine = layers.createEngine(native.index)
  return {
    name: `native-${isa}`,
    matrix(weight, bias, width) {
      const columns = bias.length
      const handle = layers.createMatrix(engine, weight, bias, weight.length / columns, columns)
      return {
        columns,
        product: (x, rows, padding, out, { activation = 'none', residual } = {}) =>
          layers.product(handle, x, rows, width, padding, ACTIVATIONS.indexOf(activation), residual ?? null, out),
        close: () => dispose(handle),
      }
    },
    norm: (x, rows, epsilon, scale, shift, out) =>
      layers.norm(engine, x, rows, scale.length, epsilon, scale, shift, out),
    attention: (qkv, rows, channels, heads, out) => layers.attention(engine, qkv, rows, channels, heads, out),
    predictor({ point, weight, correlation, whitening, floor }) {
      const handle = layers.createPredictor(engine, point, weight, correlation, whitening, floor)
      return {
        predict: (envelopes, index, lpc, gain, inverseLevel) =>
          layers.predict(handle, envelopes, index, lpc, gain, inverseLevel),
        close: () => dispose(handle),
      }
    },
    close: () => dispose(engine),
  }
}
