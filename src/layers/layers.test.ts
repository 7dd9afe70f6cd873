/** Every implementation of the layers against plain sums in double precision, and their integers against one another. */
import { expect, test } from 'vitest'
import { Random } from '../random.ts'
import { nativeIsas } from '../serve-addon.ts'
import { availableLayers, type Layers, nativeLayers, wasmLayers } from './index.ts'

const random = new Random(3)
const normals = (count: number) => Float32Array.from({ length: count }, () => random.normal())
const implementations: [string, () => Layers][] = [
  ...nativeIsas().map((isa): [string, () => Layers] => [`native-${isa}`, () => nativeLayers(isa)!]),
  ['wasm', () => wasmLayers()!],
]

test('every implementation that runs here is listed', () => {
  expect(availableLayers().map(({ name }) => name)).toEqual(implementations.map(([name]) => name))
})

/** x W + b over windows, rows of zeros outside. */
function exact(
  x: Float32Array,
  rows: number,
  weight: Float32Array,
  bias: Float32Array,
  width: number,
  padding: number,
) {
  const n = bias.length
  const channels = weight.length / n / width
  const made = rows + 2 * padding - width + 1
  return Float64Array.from({ length: made * n }, (_, at) => {
    const row = Math.floor(at / n)
    const column = at % n
    let sum = bias[column]!
    for (let w = 0; w < width; w++) {
      const from = row + w - padding
      if (from < 0 || from >= rows) continue
      for (let c = 0; c < channels; c++) sum += x[from * channels + c]! * weight[(w * channels + c) * n + column]!
    }
    return sum
  })
}

const close = (got: Float32Array, want: Float64Array, tolerance: number) => {
  const worst = want.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i]!)), 0)
  expect(worst).toBeLessThan(tolerance)
}

test.each(implementations)('%s: products of every shape', (_, open) => {
  const layers = open()
  for (const [rows, channels, n, width, padding] of [
    [1, 1, 1, 1, 0],
    [3, 3, 7, 1, 0],
    [5, 7, 33, 3, 1],
    [17, 12, 64, 5, 2],
    [18, 66, 10, 3, 0],
    [29, 192, 96, 5, 2],
  ] as const) {
    const x = normals(rows * channels)
    const weight = normals(width * channels * n)
    const bias = normals(n)
    const matrix = layers.matrix(weight, bias, width)
    const made = rows + 2 * padding - width + 1
    const out = new Float32Array(made * n + 1).fill(7)
    const want = exact(x, rows, weight, bias, width, padding)
    // Values are of the size of sqrt(k).
    const tolerance = 5e-3 * Math.sqrt(width * channels)
    matrix.product(x, rows, padding, out)
    close(out.subarray(0, -1), want, tolerance)
    const residual = normals(made * n)
    matrix.product(x, rows, padding, out, { activation: 'relu', residual })
    close(
      out,
      want.map((v, i) => Math.max(0, v) + residual[i]!),
      tolerance,
    )
    matrix.product(x, rows, padding, out, { activation: 'tanh' })
    close(out, want.map(Math.tanh), tolerance)
    expect(out.at(-1)).toBe(7)
    matrix.close()
  }
  layers.close()
})

test.each(implementations)('%s: the largest inputs and weights do not overflow', (_, open) => {
  const layers = open()
  for (const k of [1, 2, 960, 16384]) {
    const matrix = layers.matrix(new Float32Array(k).fill(-2), Float32Array.of(1), 1)
    const out = new Float32Array(2)
    matrix.product(new Float32Array(2 * k).fill(3), 2, 0, out)
    for (const v of out) expect(Math.abs(v / (1 - 6 * k) - 1)).toBeLessThan(0.04)
    matrix.product(new Float32Array(2 * k), 2, 0, out)
    expect([...out]).toEqual([1, 1])
    matrix.close()
  }
  layers.close()
})

test('integers are the same in every implementation', () => {
  const x = normals(20 * 31)
  const weight = normals(31 * 40)
  const results = implementations.map(([, open]) => {
    const out = new Float32Array(20 * 40)
    open().matrix(weight, new Float32Array(40), 1).product(x, 20, 0, out)
    return out
  })
  for (const result of results) expect(result).toEqual(results[0])
})

test.each(implementations)('%s: normalisation', (_, open) => {
  const layers = open()
  for (const channels of [1, 5, 16, 192, 195]) {
    const x = normals(4 * channels).map((v) => 10 + 3 * v)
    const scale = normals(channels)
    const shift = normals(channels)
    const out = new Float32Array(4 * channels)
    layers.norm(x, 4, 1e-5, scale, shift, out)
    const want = Float64Array.from(x, (v, i) => {
      const row = x.subarray(i - (i % channels), i - (i % channels) + channels)
      const mean = row.reduce((a, b) => a + b, 0) / channels
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / channels
      return ((v - mean) / Math.sqrt(variance + 1e-5)) * scale[i % channels]! + shift[i % channels]!
    })
    close(out, want, 2e-5)
  }
  layers.close()
})

test.each(implementations)('%s: attention', (_, open) => {
  const layers = open()
  for (const [rows, channels, heads] of [
    [1, 4, 1],
    [7, 12, 4],
    [40, 96, 2],
  ] as const) {
    const qkv = normals(rows * 3 * channels)
    const out = new Float32Array(rows * channels)
    layers.attention(qkv, rows, channels, heads, out)
    const width = channels / heads
    const at = (row: number, part: number, c: number) => qkv[(row * 3 + part) * channels + c]!
    const want = Float64Array.from(out, (_, i) => {
      const row = Math.floor(i / channels)
      const c = i % channels
      const head = Math.floor(c / width) * width
      const weights = Array.from({ length: rows }, (_, j) => {
        let score = 0
        for (let d = head; d < head + width; d++) score += at(row, 0, d) * at(j, 1, d)
        return Math.exp(score / Math.sqrt(width))
      })
      const sum = weights.reduce((a, b) => a + b, 0)
      return weights.reduce((mixed, w, j) => mixed + (w / sum) * at(j, 2, c), 0)
    })
    close(out, want, 2e-5)
  }
  layers.close()
})

test.each(implementations)('%s: shapes that do not fit are refused', (_, open) => {
  const layers = open()
  const matrix = layers.matrix(new Float32Array(6 * 4), new Float32Array(4), 3)
  const x = new Float32Array(5 * 2)
  const out = new Float32Array(5 * 4)
  expect(() => matrix.product(x, 6, 1, out)).toThrow('arrays')
  expect(() => matrix.product(x, 5, 1, out.subarray(1))).toThrow('arrays')
  expect(() => matrix.product(x, 5, 3, out)).toThrow('shape')
  expect(() => matrix.product(x, 1, 0, out)).toThrow('too few rows')
  expect(() => matrix.product(x, 5, 1, out, { residual: new Float32Array(19) })).toThrow('arrays')
  expect(() => layers.matrix(new Float32Array(0), new Float32Array(4), 1)).toThrow('size')
  expect(() => layers.norm(x, 6, 1e-5, new Float32Array(2), new Float32Array(2), out)).toThrow('arrays')
  expect(() => layers.attention(x, 5, 2, 3, out)).toThrow('shape')
  matrix.close()
  matrix.close()
  expect(() => matrix.product(x, 5, 1, out)).toThrow('closed')
  layers.close()
  expect(() => layers.norm(x, 1, 1e-5, x, x, out)).toThrow('closed')
})
