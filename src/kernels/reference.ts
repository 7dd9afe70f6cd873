/**
 * The reference kernel: the net of docs/reference/net.md in plain TypeScript, written to be read. The other kernels are tested
 * against it. Values are kept as f32, sums are made in f64.
 */
import { PQMF_TAPS, PRE_EMPHASIS, SYNTHESIS_FILTERS } from '../audio/pqmf.ts'
import { HOP } from '../frames.ts'
import { fmix32 } from '../random.ts'
import { excitationTable } from '../vocoder/sparse-wavernn/excitation.ts'
import {
  BANDS,
  BLOCK,
  EXCITATION_OVERSAMPLING,
  EXCITATION_POINTS,
  EXCITATION_REACH,
  HEAD_OUTPUTS,
  HISTORY,
  LPC_ORDER,
  MAX_LAG,
  MIN_LAG,
  MIXTURES,
  RING,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from '../vocoder/sparse-wavernn/layout.ts'
import type { BlockSparseMatrix, VocoderWeights } from '../vocoder/sparse-wavernn/weights.ts'
import {
  type FrameBlocks,
  generateEach,
  type KernelModel,
  type KernelStream,
  NEUTRAL_TEMPERATURE,
  PRECISIONS,
  type Precision,
  type TeacherForced,
  type Temperature,
  type VocoderKernel,
} from './kernel.ts'
import { type Quantized, type QuantizedWeights, quantize, quantizeInput, quantizeState } from './quantize.ts'

const D = STEP_INPUTS.count

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))
const clip = (v: number, low: number, high: number): number => Math.min(Math.max(v, low), high)
const clip6 = (v: number): number => clip(v, -6, 6)

/** out += M v */
function multiply(m: BlockSparseMatrix, v: Float32Array, out: Float64Array): void {
  for (let s = 0; s < m.rows / BLOCK; s++) {
    for (let k = 0; k < m.kept; k++) {
      const x = v[m.index[s * m.kept + k]!]!
      for (let i = 0; i < BLOCK; i++) out[s * BLOCK + i]! += m.values[(s * m.kept + k) * BLOCK + i]! * x
    }
  }
}

/** out += M v in integers, then the rows' scales. */
function multiplyIntegers({ scale, values }: Quantized, m: BlockSparseMatrix, v: Int32Array, out: Float64Array): void {
  const sum = new Int32Array(m.rows)
  for (let s = 0; s < m.rows / BLOCK; s++) {
    for (let k = 0; k < m.kept; k++) {
      const x = v[m.index[s * m.kept + k]!]!
      for (let i = 0; i < BLOCK; i++) sum[s * BLOCK + i]! += values[(s * m.kept + k) * BLOCK + i]! * x
    }
  }
  for (let i = 0; i < sum.length; i++) out[i]! += sum[i]! * scale[i]!
}

/** The net alone: one step of the GRU and the heads, everything but signal processing and sampling. */
class Net {
  readonly h: Float32Array
  readonly #weights: VocoderWeights
  readonly #reset: Float64Array
  readonly #update: Float64Array
  readonly #recurrentCandidate: Float64Array
  readonly #candidate: Float64Array
  readonly #head: Float64Array
  /** In integers: the weights, and h and x in their steps. */
  readonly #quantized: QuantizedWeights | undefined
  readonly #integerState: Int32Array
  readonly #integerInput = new Int32Array(D)

  constructor(weights: VocoderWeights, precision: Precision) {
    const { hidden, headHidden } = weights.config
    this.#weights = weights
    this.#quantized = precision === 'f32' ? undefined : quantize(weights, precision)
    this.#integerState = new Int32Array(hidden)
    this.h = new Float32Array(hidden)
    this.#reset = new Float64Array(hidden)
    this.#update = new Float64Array(hidden)
    this.#recurrentCandidate = new Float64Array(hidden)
    this.#candidate = new Float64Array(hidden)
    this.#head = new Float64Array(BANDS * headHidden)
  }

  /** h <- GRU(h, x, c); c = gateTerms[at .. at + 3H]. */
  advance(x: Float32Array, gateTerms: Float32Array, at: number): void {
    const { h } = this
    const H = h.length
    const [Rr, Rz, Rn] = this.#weights.recurrent
    const [Ir, Iz, In] = this.#weights.input
    for (let i = 0; i < H; i++) {
      this.#reset[i] = gateTerms[at + i]!
      this.#update[i] = gateTerms[at + H + i]!
      this.#recurrentCandidate[i] = 0
      this.#candidate[i] = gateTerms[at + 2 * H + i]!
    }
    const q = this.#quantized
    const hq = this.#integerState
    const xq = this.#integerInput
    if (q) {
      for (let i = 0; i < D; i++) xq[i] = quantizeInput(x[i]!, i, q.steps)
      multiplyIntegers(q.recurrent[0], Rr, hq, this.#reset)
      multiplyIntegers(q.input[0], Ir, xq, this.#reset)
      multiplyIntegers(q.recurrent[1], Rz, hq, this.#update)
      multiplyIntegers(q.input[1], Iz, xq, this.#update)
      multiplyIntegers(q.recurrent[2], Rn, hq, this.#recurrentCandidate)
      multiplyIntegers(q.input[2], In, xq, this.#candidate)
    } else {
      multiply(Rr, h, this.#reset)
      multiply(Ir, x, this.#reset)
      multiply(Rz, h, this.#update)
      multiply(Iz, x, this.#update)
      multiply(Rn, h, this.#recurrentCandidate)
      multiply(In, x, this.#candidate)
    }
    for (let i = 0; i < H; i++) {
      const r = sigmoid(this.#reset[i]!)
      const z = sigmoid(this.#update[i]!)
      const n = Math.tanh(r * this.#recurrentCandidate[i]! + this.#candidate[i]!)
      h[i] = z * h[i]! + (1 - z) * n
    }
    this.#head.fill(0)
    if (!q) {
      multiply(this.#weights.headHidden, h, this.#head)
      return
    }
    for (let i = 0; i < H; i++) hq[i] = quantizeState(h[i]!, q.steps)
    multiplyIntegers(q.head, this.#weights.headHidden, hq, this.#head)
    const K = this.#weights.config.headHidden
    for (const [b, { scale, values }] of q.step.entries()) {
      for (let k = 0; k < K; k++) {
        let sum = 0
        for (let i = 0; i < D; i++) sum += values[k * D + i]! * xq[i]!
        this.#head[b * K + k]! += sum * scale[k]!
      }
    }
  }

  /** Output o_b of band `b` after `advance`: writes 12 values to out[at ..]. `e` holds e_0 .. e_{b-1}. */
  output(b: number, x: Float32Array, e: Float32Array, out: Float32Array, at: number): void {
    const w = this.#weights
    const K = w.config.headHidden
    const inputs = D + b
    const step = w.headStep[b]!
    const skip = w.headSkip[b]!
    let shift = 0
    for (let i = 0; i < inputs; i++) shift += skip[i]! * (i < D ? x[i]! : e[i - D]!)
    for (let o = 0; o < HEAD_OUTPUTS; o++) {
      out[at + o] = w.outputBias[b]![o]! + (o >= MIXTURES && o < 2 * MIXTURES ? shift : 0)
    }
    const sum = this.#sum.fill(0)
    for (let k = 0; k < K; k++) {
      let u = this.#head[b * K + k]! + w.headBias[b * K + k]!
      // In integers those of x are in the head's sums.
      for (let i = this.#quantized ? D : 0; i < inputs; i++) u += step[k * inputs + i]! * (i < D ? x[i]! : e[i - D]!)
      if (u <= 0) continue
      for (let o = 0; o < HEAD_OUTPUTS; o++) sum[o]! += w.outputWeight[b]![o * K + k]! * u
    }
    for (let o = 0; o < HEAD_OUTPUTS; o++) out[at + o]! += sum[o]!
  }

  readonly #sum = new Float64Array(HEAD_OUTPUTS)
}

/** Called at every step: its inputs x [D], residuals e_b [4] and bands X_b [4]. The arrays are the stream's own. */
export type StepObserver = (t: number, x: Float32Array, e: Float32Array, bands: Float32Array) => void

class ReferenceStream implements KernelStream {
  readonly #net: Net
  readonly #temperature: Temperature
  readonly #table: Float32Array
  readonly #key: number
  /** Step counter t; draws use it modulo 2^29 (8t is a 32-bit number). */
  #t = 0
  /** [RING, 4] X_b[t] at t modulo RING. */
  readonly #bands = new Float32Array(RING * BANDS)
  /** [RING, 4] e_b[t] at t modulo RING. */
  readonly #residuals = new Float32Array(RING * BANDS)
  readonly #e = new Float32Array(BANDS)
  readonly #x = new Float32Array(D)
  readonly #prediction = new Float32Array(BANDS)
  readonly #o = new Float32Array(HEAD_OUTPUTS)
  #phase = 0
  #voiced = false
  #last = 0
  readonly #observe: StepObserver | undefined

  constructor(
    weights: VocoderWeights,
    { temperature, precision }: { readonly temperature: Temperature; readonly precision: Precision },
    table: Float32Array,
    seed: number,
    observe?: StepObserver,
  ) {
    this.#observe = observe
    this.#net = new Net(weights, precision)
    this.#temperature = temperature
    this.#table = table
    this.#key = fmix32(seed + 0x9e3779b9)
  }

  generate(frames: FrameBlocks, from: number, count: number, out: Float32Array, at: number): void {
    for (let j = from; j < from + count; j++) {
      for (let i = 0; i < STEPS_PER_FRAME; i++) {
        this.#step(frames, j)
        this.#synthesize(out, at + (j - from) * HOP + i * BANDS)
        this.#t++
      }
    }
  }

  close(): void {}

  /** X_b[t - back] */
  #past(back: number, b: number): number {
    return this.#bands[((this.#t - back) & (RING - 1)) * BANDS + b]!
  }

  #step(frames: FrameBlocks, j: number): void {
    this.#writeInputs(frames, j)
    const H3 = 3 * this.#net.h.length
    this.#net.advance(this.#x, frames.gateTerms, j * H3)
    const temperature = this.#voiced ? this.#temperature.voiced : this.#temperature.unvoiced
    const slot = (this.#t & (RING - 1)) * BANDS
    for (let b = 0; b < BANDS; b++) {
      this.#net.output(b, this.#x, this.#e, this.#o, 0)
      this.#e[b] = this.#sample(b, temperature[b]!)
      this.#residuals[slot + b] = this.#e[b]!
      this.#bands[slot + b] = clip(this.#prediction[b]! + frames.gain[j * BANDS + b]! * this.#e[b]!, -2, 2)
    }
    this.#observe?.(this.#t, this.#x, this.#e, this.#bands.subarray(slot, slot + BANDS))
  }

  #writeInputs(frames: FrameBlocks, j: number): void {
    const I = STEP_INPUTS
    const x = this.#x
    const lag = frames.lag[j]! > 0 ? clip(frames.lag[j]!, MIN_LAG, MAX_LAG) : 0
    for (let b = 0; b < BANDS; b++) {
      const level = frames.inverseLevel[j * BANDS + b]!
      for (let l = 1; l <= HISTORY; l++) x[I.history + (l - 1) * BANDS + b] = clip6(this.#past(l, b) * level)
      x[I.residual + b] = clip6(this.#e[b]!)
      let p = 0
      for (let k = 1; k <= LPC_ORDER; k++) p += frames.lpc[(j * BANDS + b) * LPC_ORDER + k - 1]! * this.#past(k, b)
      this.#prediction[b] = p
      x[I.prediction + b] = clip6(this.#prediction[b]! * level)
      for (let o = -1; o <= 1; o++) {
        const from = ((this.#t - lag + o) & (RING - 1)) * BANDS + b
        x[I.pitch + (o + 1) * BANDS + b] = lag > 0 ? clip6(this.#residuals[from]!) : 0
      }
    }
    this.#writeExcitation(frames.phaseIncrement[j]!)
  }

  #writeExcitation(increment: number): void {
    const I = STEP_INPUTS
    const x = this.#x
    if (!(increment > 0)) {
      this.#voiced = false
      x.fill(0, I.excitation)
      return
    }
    this.#phase = this.#voiced ? this.#phase + increment : 0
    if (this.#phase >= 1) this.#phase -= 1
    this.#voiced = true
    const period = 1 / increment
    const amplitude = Math.sqrt(period)
    for (let o = 0; o < 3; o++) {
      for (let b = 0; b < BANDS; b++) {
        const behind = this.#pulse(b, o + this.#phase * period)
        const ahead = this.#pulse(b, o - (1 - this.#phase) * period)
        x[I.excitation + o * BANDS + b] = amplitude * (behind + ahead)
      }
    }
    x[I.phase] = Math.sin(2 * Math.PI * this.#phase)
    x[I.phase + 1] = Math.cos(2 * Math.PI * this.#phase)
  }

  /** k_b(u) */
  #pulse(b: number, u: number): number {
    const position = (u + EXCITATION_REACH) * EXCITATION_OVERSAMPLING
    if (!(position >= 0 && position < EXCITATION_POINTS - 1)) return 0
    const at = Math.floor(position)
    const weight = position - at
    const i = b * EXCITATION_POINTS + at
    return this.#table[i]! * (1 - weight) + this.#table[i + 1]! * weight
  }

  /** Draw i of band b at this step, uniform in (0, 1). */
  #draw(b: number, i: number): number {
    return ((fmix32(this.#key ^ (8 * this.#t + 2 * b + i)) >>> 8) + 0.5) / 16777216
  }

  #sample(b: number, temperature: number): number {
    const o = this.#o
    let top = o[0]!
    for (let k = 1; k < MIXTURES; k++) top = Math.max(top, o[k]!)
    let total = 0
    let mean = 0
    for (let k = 0; k < MIXTURES; k++) {
      const weight = Math.exp(o[k]! - top)
      total += weight
      mean += weight * o[MIXTURES + k]!
    }
    mean /= total
    const threshold = this.#draw(b, 0) * total
    let component = 0
    for (let sum = Math.exp(o[0]! - top); component < MIXTURES - 1 && sum <= threshold; ) {
      sum += Math.exp(o[++component]! - top)
    }
    const u = this.#draw(b, 1)
    const scale = Math.exp(clip(o[2 * MIXTURES + component]!, -7, 4))
    const drawn = o[MIXTURES + component]! + scale * Math.log(u / (1 - u))
    return mean + temperature * (drawn - mean)
  }

  /** Four samples of the step: y'[n] = 4 sum f_b[n - 4t] X_b[t], then de-emphasis. */
  #synthesize(out: Float32Array, at: number): void {
    for (let i = 0; i < BANDS; i++) {
      let y = 0
      for (let j = 0; j < PQMF_TAPS / BANDS; j++) {
        for (let b = 0; b < BANDS; b++) y += SYNTHESIS_FILTERS[b * PQMF_TAPS + BANDS * j + i]! * this.#past(j, b)
      }
      this.#last = 4 * y + PRE_EMPHASIS * this.#last
      out[at + i] = this.#last
    }
  }
}

export const referenceKernel: VocoderKernel = {
  name: 'reference',
  backend: 'reference',
  precisions: PRECISIONS,
  createModel(weights, { temperature = NEUTRAL_TEMPERATURE, precision = 'f32' } = {}): KernelModel {
    const table = excitationTable()
    return {
      streamBytes: undefined,
      open: (seed) => new ReferenceStream(weights, { temperature, precision }, table, seed),
      generateMany: generateEach,
      outputs: (input) => teacherForced(weights, precision, input),
      close() {},
    }
  },
}

/** Generates `count` frames at temperature 1 and shows every step: for tests of what the net is fed. */
export function traceReference(
  weights: VocoderWeights,
  seed: number,
  frames: FrameBlocks,
  count: number,
  observe: StepObserver,
): Float32Array {
  const out = new Float32Array(count * HOP)
  const options = { temperature: NEUTRAL_TEMPERATURE, precision: 'f32' } as const
  new ReferenceStream(weights, options, excitationTable(), seed, observe).generate(frames, 0, count, out, 0)
  return out
}

function teacherForced(weights: VocoderWeights, precision: Precision, input: TeacherForced): Float32Array {
  const net = new Net(weights, precision)
  const out = new Float32Array(input.steps * BANDS * HEAD_OUTPUTS)
  for (let t = 0; t < input.steps; t++) {
    const x = input.inputs.subarray(t * D, (t + 1) * D)
    const e = input.residuals.subarray(t * BANDS, (t + 1) * BANDS)
    net.advance(x, input.gateTerms, Math.floor(t / STEPS_PER_FRAME) * 3 * net.h.length)
    for (let b = 0; b < BANDS; b++) net.output(b, x, e, out, (t * BANDS + b) * HEAD_OUTPUTS)
  }
  return out
}
