/**
 * Native layers for the nets at frame rate: rows of floats through products in 16-bit integers, normalisation and attention. What a layer gives
 * depends on its inputs alone; between instruction sets it differs by rounding.
 */
import { chooseKernel } from '../kernels/index.ts'
import { loadAddon } from '../native-addon.ts'

type Handle = { readonly __handle: unique symbol }

interface Addon {
  isas(): { name: string; supported: boolean }[]
  createEngine(isa: number): Handle
  createMatrix(engine: Handle, weight: Float32Array, bias: Float32Array, k: number, n: number): Handle
  product(
    matrix: Handle,
    x: Float32Array,
    rows: number,
    width: number,
    padding: number,
    activation: number,
    residual: Float32Array | null,
    out: Float32Array,
  ): void
  norm(
    engine: Handle,
    x: Float32Array,
    rows: number,
    channels: number,
    epsilon: number,
    scale: Float32Array,
    shift: Float32Array,
    out: Float32Array,
  ): void
  attention(engine: Handle, qkv: Float32Array, rows: number, channels: number, heads: number, out: Float32Array): void
  createPrediction(
    engine: Handle,
    point: Uint8Array,
    weight: Float64Array,
    correlation: Float64Array,
    whitening: number,
    floor: number,
  ): Handle
  predict(
    prediction: Handle,
    envelopes: Float32Array,
    index: number,
    lpc: Float32Array,
    gain: Float32Array,
    inverseLevel: Float32Array,
  ): void
  dispose(handle: Handle): void
}

const ACTIVATIONS = ['none', 'relu', 'tanh'] as const
export type Activation = (typeof ACTIVATIONS)[number]

/** x W + b over windows of rows; weights are kept in 16 bits with a scale a column. */
export interface Matrix {
  /** Channels of an output row. */
  readonly columns: number
  /**
   * Rows x [rows, channels] with `padding` rows of zeros before and after: each window of the matrix's width becomes a row of `out`
   * [rows + 2 padding - width + 1, columns], after the activation and with `residual` (same shape) added.
   */
  product(
    x: Float32Array,
    rows: number,
    padding: number,
    out: Float32Array,
    options?: { activation?: Activation; residual?: Float32Array | undefined },
  ): void
  close(): void
}

/** Linear prediction in bands from log power envelopes; what its tables are: src/vocoder/sparse-wavernn/frame-parameters.ts. */
export interface PredictionTables {
  /** [129] envelope point below each frequency, and the weight of the one above. */
  readonly point: Uint8Array
  readonly weight: Float64Array
  /** [129, 9, 4] by frequency, lag and band. */
  readonly correlation: Float64Array
  readonly whitening: number
  readonly floor: number
}
export interface Prediction {
  /** Of row `index` of envelopes [.., 64]: predictors lpc [4, 8], gain [4] and inverseLevel [4]. */
  predict(
    envelopes: Float32Array,
    index: number,
    lpc: Float32Array,
    gain: Float32Array,
    inverseLevel: Float32Array,
  ): void
  close(): void
}

export interface Layers {
  readonly name: string
  /** `weight` [width * channels, columns] by row, rows of one window after the other; `bias` [columns]. */
  matrix(weight: Float32Array, bias: Float32Array, width: number): Matrix
  /** Normalises each row of x [rows, channels] to mean 0 and variance 1, then scales and shifts it by channel. */
  norm(
    x: Float32Array,
    rows: number,
    epsilon: number,
    scale: Float32Array,
    shift: Float32Array,
    out: Float32Array,
  ): void
  /** Self-attention, softmax of q k / sqrt(channels / heads) over the rows: qkv [rows, 3 channels] to out [rows, channels]. */
  attention(qkv: Float32Array, rows: number, channels: number, heads: number, out: Float32Array): void
  prediction(tables: PredictionTables): Prediction
  close(): void
}

/** Instruction sets that the addon was built for and the CPU has, fastest first; empty when the addon is not built. */
export const layerIsas = (): string[] =>
  (loadAddon<Addon>('layers')?.isas() ?? []).flatMap(({ name, supported }) => (supported ? [name] : []))

/** Layers of one instruction set; undefined when the addon is not built or the CPU lacks it. */
export function nativeLayers(isa: string): Layers | undefined {
  const addon = loadAddon<Addon>('layers')
  const index = addon?.isas().findIndex(({ name, supported }) => name === isa && supported) ?? -1
  if (!addon || index < 0) return undefined
  const engine = addon.createEngine(index)
  return {
    name: `native-${isa}`,
    matrix(weight, bias, width) {
      const columns = bias.length
      const handle = addon.createMatrix(engine, weight, bias, weight.length / columns, columns)
      return {
        columns,
        product: (x, rows, padding, out, { activation = 'none', residual } = {}) =>
          addon.product(handle, x, rows, width, padding, ACTIVATIONS.indexOf(activation), residual ?? null, out),
        close: () => addon.dispose(handle),
      }
    },
    norm: (x, rows, epsilon, scale, shift, out) =>
      addon.norm(engine, x, rows, scale.length, epsilon, scale, shift, out),
    attention: (qkv, rows, channels, heads, out) => addon.attention(engine, qkv, rows, channels, heads, out),
    prediction({ point, weight, correlation, whitening, floor }) {
      const handle = addon.createPrediction(engine, point, weight, correlation, whitening, floor)
      return {
        predict: (envelopes, index, lpc, gain, inverseLevel) =>
          addon.predict(handle, envelopes, index, lpc, gain, inverseLevel),
        close: () => addon.dispose(handle),
      }
    },
    close: () => addon.dispose(engine),
  }
}

/** Instruction sets whose 16-bit products were measured to be faster than onnxruntime's floats. */
const FASTER = ['avx512', 'avx2']

/** Layers for the kernel in use; undefined where onnxruntime is faster. Throws KERNEL_*. */
export function chooseLayers(): Layers | undefined {
  const isa = FASTER.find((name) => chooseKernel().kernel.name === `native-${name}`)
  return isa === undefined ? undefined : nativeLayers(isa)
}
