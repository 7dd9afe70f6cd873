/**
 * Layers of the nets at frame rate (acoustic model, conditioning): rows of floats through products in 16-bit integers, normalisation and
 * attention. What a layer gives depends on its inputs alone. Implementations differ from one another by rounding, and not at all in the integers.
 */

export const ACTIVATIONS = ['none', 'relu', 'tanh'] as const
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
export interface PredictorTables {
  /** [129] envelope point below each frequency, and the weight of the one above. */
  readonly point: Uint8Array
  readonly weight: Float64Array
  /** [129, 9, 4] by frequency, lag and band. */
  readonly correlation: Float64Array
  readonly whitening: number
  readonly floor: number
}
export interface Predictor {
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
  predictor(tables: PredictorTables): Predictor
  close(): void
}
