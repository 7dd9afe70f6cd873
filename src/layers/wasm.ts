/**
 * Layers in WebAssembly SIMD (wasm/layers.ts): for CPUs and pages without native ones. One instance and one memory for all layers of a
 * net. Products are the same integers as in native code. Uses nothing of Node, so that it runs in browsers too.
 */

import { ENVELOPE_POINTS } from '../frames.ts'
import { BANDS, LPC_ORDER, SPECTRUM_POINTS } from '../vocoder/sparse-wavernn/layout.ts'
import { Arena } from '../wasm/arena.ts'
import { ACTIVATIONS, type Layers, type Matrix, type Predictor, type PredictorTables } from './layers.ts'

interface Exports {
  heapBase(): number
  quantize(x: number, count: number, q: number): number
  product(
    packed: number,
    pairs: number,
    columns: number,
    scales: number,
    biases: number,
    a: number,
    stride: number,
    rows: number,
    step: number,
    activation: number,
    residual: number,
    out: number,
  ): void
  norm(x: number, rows: number, channels: number, epsilon: number, scale: number, shift: number, out: number): void
  attentionScratch(rows: number, width: number): number
  attention(qkv: number, rows: number, channels: number, heads: number, scratch: number, out: number): void
  predict(
    point: number,
    weight: number,
    correlation: number,
    whitening: number,
    floor: number,
    envelope: number,
    lpc: number,
    gain: number,
    inverseLevel: number,
  ): void
}

/** As native/layers/layers.h: an input's integer is at most this, and a column's weights together at most MOST_WEIGHT, so that 31 bits hold a sum. */
const MOST_INPUT = 8191
const MOST_WEIGHT = Math.floor((2 ** 31 - 1) / MOST_INPUT)
/** Beyond what any net has. */
const MOST_SIZE = 1 << 14
const PANEL = 8

const refuse = (what: string): never => {
  throw new TypeError(what)
}

/** Layers on a compiled module. */
export function createWasmLayers(module: WebAssembly.Module): Layers {
  const net = new WasmNet(module)
  const whole = (): WasmNet => (net.closed ? refuse('the layers are closed') : net)
  return {
    name: 'wasm',
    matrix: (weight, bias, width) => new WasmMatrix(whole(), weight, bias, width),
    norm: (x, rows, epsilon, scale, shift, out) => whole().norm(x, rows, epsilon, scale, shift, out),
    attention: (qkv, rows, channels, heads, out) => whole().attention(qkv, rows, channels, heads, out),
    predictor: (tables) => new WasmPredictor(whole(), tables),
    close() {
      net.closed = true
    },
  }
}

class WasmNet {
  readonly arena: Arena
  readonly exports: Exports
  closed = false
  /** Memory of one call's rows, replaced when a call needs more. */
  #staging = { at: 0, bytes: 0 }

  constructor(module: WebAssembly.Module) {
    this.arena = new Arena()
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.arena.memory } })
    this.exports = exports as unknown as Exports
    this.arena.start(this.exports.heapBase())
  }

  /** Reserves memory for arrays of the given sizes in bytes and returns their addresses. The next call reuses the memory. */
  stage(...sizes: number[]): number[] {
    const padded = sizes.map((bytes) => Math.ceil(bytes / 64) * 64)
    const bytes = padded.reduce((a, b) => a + b, 0)
    if (bytes > this.#staging.bytes) {
      const larger = bytes + Math.ceil(bytes / 4)
      this.#staging = { at: this.arena.allocate(larger), bytes: larger }
    }
    let at = this.#staging.at
    return padded.map((size) => {
      at += size
      return at - size
    })
  }

  put(values: Float32Array, at: number, count = values.length): void {
    this.arena.f32.set(count === values.length ? values : values.subarray(0, count), at / 4)
  }

  take(at: number, out: Float32Array, count: number): void {
    out.set(this.arena.f32.subarray(at / 4, at / 4 + count))
  }

  norm(
    x: Float32Array,
    rows: number,
    epsilon: number,
    scale: Float32Array,
    shift: Float32Array,
    out: Float32Array,
  ): void {
    const channels = scale.length
    const count = rows * channels
    if (channels < 1) refuse('norm: shape')
    if (x.length < count || shift.length < channels || out.length < count) refuse('norm: arrays')
    const [input, factors, offsets, result] = this.stage(count * 4, channels * 4, channels * 4, count * 4)
    this.put(x, input!, count)
    this.put(scale, factors!)
    this.put(shift, offsets!, channels)
    this.exports.norm(input!, rows, channels, epsilon, factors!, offsets!, result!)
    this.take(result!, out, count)
  }

  attention(qkv: Float32Array, rows: number, channels: number, heads: number, out: Float32Array): void {
    if (channels < 1 || heads < 1 || channels % heads !== 0) refuse('attention: shape')
    const count = rows * channels
    if (qkv.length < 3 * count || out.length < count) refuse('attention: arrays')
    const floats = this.exports.attentionScratch(rows, channels / heads)
    const [input, scratch, result] = this.stage(3 * count * 4, floats * 4, count * 4)
    this.put(qkv, input!, 3 * count)
    this.exports.attention(input!, rows, channels, heads, scratch!, result!)
    this.take(result!, out, count)
  }
}

class WasmMatrix implements Matrix {
  readonly columns: number
  readonly #net: WasmNet
  readonly #width: number
  readonly #inputs: number
  /** Addresses of the packed integers, their scales and the biases. */
  readonly #packed: number
  readonly #scales: number
  readonly #biases: number
  #closed = false

  constructor(net: WasmNet, weight: Float32Array, bias: Float32Array, width: number) {
    const n = bias.length
    const k = weight.length / n
    if (!(k >= 1 && k <= MOST_SIZE && n >= 1 && n <= MOST_SIZE)) refuse('matrix: size')
    this.#net = net
    this.#width = width
    this.#inputs = k
    this.columns = n
    const pairs = Math.ceil(k / 2)
    const padded = Math.ceil(n / PANEL) * PANEL
    const integers = new Int16Array(padded * pairs * 2)
    const scales = new Float32Array(padded)
    for (let j = 0; j < n; j++) {
      let most = 0
      let sum = 0
      for (let i = 0; i < k; i++) {
        const size = Math.abs(weight[i * n + j]!)
        most = Math.max(most, size)
        sum += size
      }
      // Rounding adds at most half of k to the column's sum.
      const scale = most > 0 ? Math.min(32767 / most, (MOST_WEIGHT - Math.floor(k / 2) - 1) / sum) : 1
      const column = Math.floor(j / PANEL) * pairs * 2 * PANEL + (j % PANEL) * 2
      for (let i = 0; i < k; i++)
        integers[column + Math.floor(i / 2) * 2 * PANEL + (i % 2)] = roundEven(weight[i * n + j]! * scale)
      scales[j] = 1 / scale
    }
    const { arena } = net
    this.#packed = arena.allocate(integers.byteLength)
    this.#scales = arena.allocate(padded * 4)
    this.#biases = arena.allocate(padded * 4)
    new Int16Array(arena.memory.buffer).set(integers, this.#packed / 2)
    net.put(scales, this.#scales)
    net.put(bias, this.#biases)
  }

  product(
    x: Float32Array,
    rows: number,
    padding: number,
    out: Float32Array,
    { activation = 'none', residual }: Parameters<Matrix['product']>[4] = {},
  ): void {
    const net = this.#net
    const { arena, exports } = net
    if (this.#closed || net.closed) refuse('product: the matrix is closed')
    const channels = this.#inputs / this.#width
    if (padding >= this.#width) refuse('product: shape')
    const made = rows + 2 * padding - this.#width + 1
    if (made < 1) refuse('product: too few rows')
    const inputs = rows * channels
    const outputs = made * this.columns
    if (x.length < inputs || out.length < outputs || (residual && residual.length < outputs)) refuse('product: arrays')
    const padded = (rows + 2 * padding) * channels
    // One integer more: an odd row's last pair reads it.
    const [input, integers, added, result] = net.stage(
      inputs * 4,
      (padded + 1) * 2,
      residual ? outputs * 4 : 0,
      outputs * 4,
    )
    net.put(x, input!, inputs)
    if (residual) net.put(residual, added!, outputs)
    const first = integers! + padding * channels * 2
    const step = exports.quantize(input!, inputs, first)
    const all = new Int16Array(arena.memory.buffer, integers!, padded + 1)
    all.fill(0, 0, padding * channels)
    all.fill(0, padding * channels + inputs)
    exports.product(
      this.#packed,
      Math.ceil(this.#inputs / 2),
      this.columns,
      this.#scales,
      this.#biases,
      integers!,
      channels,
      made,
      step,
      ACTIVATIONS.indexOf(activation),
      residual ? added! : 0,
      result!,
    )
    net.take(result!, out, outputs)
  }

  close(): void {
    this.#closed = true
  }
}

class WasmPredictor implements Predictor {
  readonly #net: WasmNet
  readonly #tables: { point: number; weight: number; correlation: number; whitening: number; floor: number }
  /** Addresses of the envelope and the results. */
  readonly #envelope: number
  readonly #lpc: number
  readonly #gain: number
  readonly #inverseLevel: number
  #closed = false

  constructor(net: WasmNet, { point, weight, correlation, whitening, floor }: PredictorTables) {
    const lags = (LPC_ORDER + 1) * BANDS
    if (
      point.length < SPECTRUM_POINTS ||
      weight.length < SPECTRUM_POINTS ||
      correlation.length < SPECTRUM_POINTS * lags ||
      point.some((p) => p >= ENVELOPE_POINTS - 1)
    )
      refuse('predictor: arrays')
    const { arena } = net
    this.#net = net
    const bytes = arena.allocate(point.byteLength)
    const weights = arena.allocate(weight.byteLength)
    const correlations = arena.allocate(correlation.byteLength)
    this.#envelope = arena.allocate(ENVELOPE_POINTS * 4)
    this.#lpc = arena.allocate(BANDS * LPC_ORDER * 4)
    this.#gain = arena.allocate(BANDS * 4)
    this.#inverseLevel = arena.allocate(BANDS * 4)
    new Uint8Array(arena.memory.buffer).set(point, bytes)
    arena.f64.set(weight, weights / 8)
    arena.f64.set(correlation, correlations / 8)
    this.#tables = { point: bytes, weight: weights, correlation: correlations, whitening, floor }
  }

  predict(
    envelopes: Float32Array,
    index: number,
    lpc: Float32Array,
    gain: Float32Array,
    inverseLevel: Float32Array,
  ): void {
    const net = this.#net
    if (this.#closed || net.closed) refuse('predict: the predictor is closed')
    const from = index * ENVELOPE_POINTS
    if (
      envelopes.length < from + ENVELOPE_POINTS ||
      lpc.length < BANDS * LPC_ORDER ||
      gain.length < BANDS ||
      inverseLevel.length < BANDS
    )
      refuse('predict: arrays')
    const { point, weight, correlation, whitening, floor } = this.#tables
    const [envelope, a, g, l] = [this.#envelope, this.#lpc, this.#gain, this.#inverseLevel]
    net.put(envelopes.subarray(from, from + ENVELOPE_POINTS), envelope)
    net.exports.predict(point, weight, correlation, whitening, floor, envelope, a, g, l)
    net.take(a, lpc, BANDS * LPC_ORDER)
    net.take(g, gain, BANDS)
    net.take(l, inverseLevel, BANDS)
  }

  close(): void {
    this.#closed = true
  }
}

/** The nearest integer, halves to even. */
function roundEven(v: number): number {
  const r = Math.round(v)
  return r - v === 0.5 && r % 2 !== 0 ? r - 1 : r
}
