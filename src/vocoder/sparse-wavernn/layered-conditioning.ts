/** The conditioning net on layers, with the weights of conditioning.onnx. It equals that file's graph but for rounding. */
import type { Layers, Matrix } from '../../layers/index.ts'
import type { ModelFile } from '../../onnx/model.ts'
import { readOnnx } from '../../onnx/read-file.ts'
import type { RunConditioning } from './conditioner.ts'
import { FRAME_FEATURES } from './config.ts'

/** Rows of features that one output row sees. */
const REACH = 3

export interface LayeredConditioning {
  /** Columns of the gate terms. */
  readonly width: number
  readonly run: RunConditioning
  close(): void
}

/** Opens conditioning.onnx on `layers`, which stay the caller's; undefined when it is an unsupported graph. Throws VOICE_DAMAGED. */
export function layeredConditioning(file: ModelFile, layers: Layers): LayeredConditioning | undefined {
  const { initializers } = readOnnx(file)
  const constant = (name: string, dims: readonly (number | undefined)[]): Float32Array | undefined => {
    const found = initializers[name]
    const fits = found?.dims.length === dims.length && dims.every((d, i) => d === undefined || d === found.dims[i])
    return fits && found.data instanceof Float32Array ? found.data : undefined
  }
  const mean = constant('mean', [FRAME_FEATURES])
  const std = constant('std', [FRAME_FEATURES])
  const weights: { weight: Float32Array; bias: Float32Array; width: number }[] = []
  let channels = FRAME_FEATURES
  for (const [i, width] of [1, REACH, 1].entries()) {
    const rows = constant(`layer.${i}.weight`, [undefined, width * channels])
    const bias = constant(`layer.${i}.bias`, [undefined])
    if (!mean || !std || !rows || !bias || rows.length !== bias.length * width * channels) return undefined
    weights.push({ weight: transposed(rows, bias.length), bias, width })
    channels = bias.length
  }
  const matrices = weights.map(({ weight, bias, width }) => layers.matrix(weight, bias, width))
  const [first, second, third] = matrices as [Matrix, Matrix, Matrix]
  /** Normalised features and both hidden layers, of as many rows as there were at most. */
  let inner: [Float32Array, Float32Array, Float32Array] | undefined
  return {
    width: third.columns,
    async run(features, frames, memory) {
      const rows = frames + REACH - 1
      if (!inner || inner[0].length < rows * FRAME_FEATURES) {
        const [x, a, b] = [FRAME_FEATURES, first.columns, second.columns].map((n) => new Float32Array(rows * n))
        inner = [x!, a!, b!]
      }
      const [x, a, b] = inner
      for (let at = 0; at < rows * FRAME_FEATURES; at += FRAME_FEATURES)
        for (let i = 0; i < FRAME_FEATURES; i++) x[at + i] = (features[at + i]! - mean![i]!) / std![i]!
      first.product(x, rows, 0, a, { activation: 'tanh' })
      second.product(a, rows, 0, b, { activation: 'tanh' })
      const needed = frames * third.columns
      const gates = memory && memory.length >= needed ? memory : new Float32Array(needed)
      third.product(b, frames, 0, gates)
      return gates
    },
    close() {
      for (const matrix of matrices) matrix.close()
    },
  }
}

/** [rows, columns] to [columns, rows]. */
function transposed(matrix: Float32Array, rows: number): Float32Array {
  const columns = matrix.length / rows
  return Float32Array.from(matrix, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!)
}
