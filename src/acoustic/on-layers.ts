/**
 * The acoustic net on layers: the stages of acoustic.onnx's graph with the weights of that file. A test compares the two.
 */

import { ENVELOPE_POINTS } from '../frames.ts'
import type { Layers, Matrix } from '../layers/index.ts'
import type { ModelFile } from '../onnx/model.ts'
import type { OnnxContents } from '../onnx/read.ts'
import { readOnnx } from '../onnx/read-file.ts'
import type { Utterance } from './index.ts'
import {
  type AcousticConfig,
  acousticConfigSchema,
  FRAMES_PER_UNIT,
  PITCH_FIELDS,
  POSITION_FIELDS,
  SHORTEST,
  SPEAKER_FIELDS,
  UNIT_FIELDS,
} from './net/config.ts'
import { NORMALIZATION_NAMES, SPEAKER_NAMES } from './net/names.ts'
import { decode, encode, parametersOf, placeUnits, predictDurations, predictPitch } from './net/net.ts'
import { NORM_EPSILON, type Ops } from './net/ops.ts'
import { positions } from './net/positions.ts'

/** Outputs of the acoustic model's graph. */
export interface Outputs {
  /** [P] frames of 5 ms. */
  readonly durations: Int32Array
  /** Their sum at rate 1; undefined where the graph does not say it. */
  readonly length: number | undefined
  /** [frames] Hz, 0 = unvoiced. */
  readonly f0: Float32Array
  /** [frames, 64]. */
  readonly envelope: Float32Array
}

interface Sharpening {
  /** [64], or [speakers, 64]. */
  readonly means: Float32Array
  /** [64, 64], or [speakers, 64, 64]. */
  readonly matrix: Float32Array
  readonly time: number
}

interface Weights {
  readonly config: AcousticConfig
  readonly values: (name: string) => Float32Array
  readonly sharpening: Sharpening | undefined
}

/** Reads what training's export wrote; undefined when the file is an unsupported graph. Throws VOICE_DAMAGED. */
function readWeights(file: ModelFile): Weights | undefined {
  const contents = readOnnx(file)
  const { initializers, metadata } = contents
  if (metadata.format !== 'sparsewave-1') return undefined
  const config = configOf(metadata.config)
  if (!config) return undefined
  const expected = [
    ...parametersOf(config).map(({ name, shape }) => ({ name, size: shape.reduce((a, b) => a * b, 1) })),
    ...Object.entries(NORMALIZATION_NAMES).map(([key, name]) => ({
      name,
      size: key === 'envelopeMean' ? ENVELOPE_POINTS : 1,
    })),
    ...(config.speakers.length > 0 ? [{ name: SPEAKER_NAMES.pitch, size: config.speakers.length }] : []),
  ]
  const values = (name: string) => initializers[name]?.data as Float32Array
  const fits = ({ name, size }: { name: string; size: number }) =>
    values(name) instanceof Float32Array && values(name).length === size
  if (!expected.every(fits)) return undefined
  const sharpening = sharpeningOf(contents, config.speakers.length)
  const last = outermost(values, sharpening)
  return { config, values: (name) => last[name] ?? values(name), sharpening }
}

/**
 * The last layer with all that follows it in one: normalisation and, in a model of one voice that is sharpened, (envelope - mean) matrix.
 * Of several speakers' matrices one is chosen by the call.
 */
function outermost(
  values: Weights['values'],
  sharpening: Weights['sharpening'],
): Readonly<Record<string, Float32Array>> {
  const N = ENVELOPE_POINTS
  const spread = values(NORMALIZATION_NAMES.envelopeSpread)[0]!
  const mean = values(NORMALIZATION_NAMES.envelopeMean)
  const isOfOne = sharpening !== undefined && sharpening.means.length === N
  const onwards = (rows: Float32Array, offset: (k: number) => number): Float32Array => {
    const envelopes = rows.map((v, i) => v * spread + offset(i % N))
    if (!isOfOne) return envelopes
    return envelopes.map((_, i) => {
      const row = i - (i % N)
      let sum = 0
      for (let k = 0; k < N; k++) sum += envelopes[row + k]! * sharpening.matrix[k * N + (i % N)]!
      return sum
    })
  }
  const centre = (k: number) => (isOfOne ? sharpening.means[k]! : 0)
  return {
    'frame.out.weight': onwards(values('frame.out.weight'), () => 0),
    'frame.out.bias': onwards(values('frame.out.bias'), (k) => mean[k]! - centre(k)),
  }
}

function configOf(json: string | undefined): AcousticConfig | undefined {
  try {
    return acousticConfigSchema.safeParse(JSON.parse(json ?? 'null')).data
  } catch {
    return undefined
  }
}

/** (envelope - mean) matrix, then (1 + time) times it less time times the mean of the frames around: found by its shape, since its constants have no names. */
function sharpeningOf({ initializers, nodes }: OnnxContents, speakers: number): Sharpening | undefined {
  const constant = (name: string | undefined, size: number): Float32Array | undefined => {
    const data = name === undefined ? undefined : initializers[name]?.data
    return data instanceof Float32Array && data.length === size ? data : undefined
  }
  const maker = (name: string | undefined) => nodes.find((n) => n.outputs[0] === name)
  /** Whether a value is the speakers' matrices, weighted. */
  const isMixed = (name: string | undefined): boolean =>
    maker(maker(name)?.inputs[0])?.inputs[1] === SPEAKER_NAMES.sharpening
  const ofSpeakers = constant(SPEAKER_NAMES.sharpening, speakers * ENVELOPE_POINTS ** 2)
  for (const { op, inputs, outputs } of nodes) {
    if (op !== 'MatMul') continue
    const matrix = speakers > 0 ? isMixed(inputs[1]) && ofSpeakers : constant(inputs[1], ENVELOPE_POINTS ** 2)
    const centred = matrix ? nodes.find((n) => n.op === 'Sub' && n.outputs[0] === inputs[0]) : undefined
    const means =
      centred &&
      (speakers > 0
        ? constant(SPEAKER_NAMES.means, speakers * ENVELOPE_POINTS)
        : constant(centred.inputs[1], ENVELOPE_POINTS))
    const steeper = means && nodes.find((n) => n.op === 'Mul' && n.inputs[0] === outputs[0])
    const gain = constant(steeper?.inputs[1], 1)
    if (matrix && means && gain) return { means, matrix, time: gain[0]! - 1 }
  }
  return undefined
}

interface Extras {
  relu?: boolean
  residual?: Rows
}

/** Rows [rows, channels] that are computed when first read, so that a ReLU or a sum can be fused into the product before it. */
class Rows {
  readonly rows: number
  readonly channels: number
  #data: Float32Array | undefined
  readonly #make: (extras: Extras) => Float32Array

  constructor(rows: number, channels: number, make: (extras: Extras) => Float32Array) {
    this.rows = rows
    this.channels = channels
    this.#make = make
  }

  get data(): Float32Array {
    this.#data ??= this.#make({})
    return this.#data
  }

  /** This product followed by a ReLU or a sum, in its place. */
  with(extras: Extras): Rows {
    return new Rows(this.rows, this.channels, (more) => {
      if (more.relu || more.residual) throw new Error('only one thing joins a product')
      return this.#make(extras)
    })
  }
}

/** How long the model keeps the thread at a time, ms. */
const TIME_SLICE = 2

/** Lets other work of the thread go first; browsers have no setImmediate. */
const yieldThread = (): Promise<void> =>
  new Promise((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume)
    else setTimeout(resume, 0)
  })

/** Matrices of voices and of their mixtures that are kept, 16 kB each. */
const MADE = 64

/** Values of one prediction, at most this many floats kept from one to the next. */
const ARENA = 1 << 22

class LayerOps implements Ops<Rows> {
  readonly #layers: Layers
  readonly #weights: Weights
  readonly #matrices = new Map<string, Matrix>()
  /** Those of `times`, the latest used last. */
  readonly #made = new Map<string, Matrix>()
  /** What is to be computed, inputs before outputs. */
  #plan: Rows[] = []
  #arena = new Float32Array(0)
  #used = 0

  constructor(layers: Layers, weights: Weights) {
    this.#layers = layers
    this.#weights = weights
  }

  /** Gives the memory of all values back. */
  reset(): void {
    if (this.#used > this.#arena.length) this.#arena = new Float32Array(Math.min(ARENA, this.#used * 1.25))
    this.#used = 0
    this.#plan = []
  }

  /** Computes the operations asked for so far; between two of them others may have the thread. */
  async compute(): Promise<void> {
    const plan = this.#plan
    this.#plan = []
    let since = performance.now()
    for (const rows of plan) {
      rows.data
      if (performance.now() - since < TIME_SLICE) continue
      await yieldThread()
      since = performance.now()
    }
  }

  #planned(rows: number, channels: number, make: (extras: Extras) => Float32Array): Rows {
    const made = new Rows(rows, channels, make)
    this.#plan.push(made)
    return made
  }

  /** Puts `joined` in the place of the product that it includes. */
  #joined(product: Rows, joined: Rows): Rows {
    const at = this.#plan.lastIndexOf(product)
    if (at < 0) throw new Error('only a product that is still to be made can be joined')
    this.#plan.splice(at, 1)
    this.#plan.push(joined)
    return joined
  }

  close(): void {
    for (const matrix of [...this.#matrices.values(), ...this.#made.values()]) matrix.close()
    this.#layers.close()
  }

  rows(rows: number, channels: number, data: Float32Array): Rows {
    return new Rows(rows, channels, () => data)
  }

  allocate(count: number): Float32Array {
    const from = this.#used
    this.#used += count
    return this.#used <= this.#arena.length ? this.#arena.subarray(from, this.#used) : new Float32Array(count)
  }

  #matrix(name: string, width: number): Matrix {
    const known = this.#matrices.get(name)
    if (known) return known
    const { values } = this.#weights
    const matrix = this.#layers.matrix(values(`${name}.weight`), values(`${name}.bias`), width)
    this.#matrices.set(name, matrix)
    return matrix
  }

  embed(ids: Rows, name: string, _count: number, channels: number): Rows {
    const table = this.#weights.values(`${name}.table`)
    return this.#planned(ids.rows, channels, () => {
      const data = this.allocate(ids.rows * channels)
      ids.data.forEach((id, i) => {
        data.set(table.subarray(id * channels, (id + 1) * channels), i * channels)
      })
      return data
    })
  }

  linear(x: Rows, name: string): Rows {
    return this.conv(x, name, 1)
  }

  conv(x: Rows, name: string, width: number): Rows {
    const matrix = this.#matrix(name, width)
    return this.#planned(x.rows, matrix.columns, ({ relu, residual }) => {
      const out = this.allocate(x.rows * matrix.columns)
      const extras = { activation: relu ? 'relu' : 'none', residual: residual?.data } as const
      matrix.product(x.data, x.rows, (width - 1) / 2, out, extras)
      return out
    })
  }

  /** The product with a layer [channels, channels] that is made where it is not kept from a call before. */
  times(x: Rows, name: string, make: () => { weight: Float32Array; bias: Float32Array }): Rows {
    const matrix = this.#kept(name, () => {
      const { weight, bias } = make()
      return this.#layers.matrix(weight, bias, 1)
    })
    return this.#planned(x.rows, x.channels, () => {
      const out = this.allocate(x.rows * x.channels)
      matrix.product(x.data, x.rows, 0, out, { activation: 'none', residual: undefined })
      return out
    })
  }

  #kept(name: string, make: () => Matrix): Matrix {
    const matrix = this.#made.get(name) ?? make()
    // The latest is the last to go.
    this.#made.delete(name)
    this.#made.set(name, matrix)
    const [oldest] = this.#made
    if (oldest && this.#made.size > MADE) {
      oldest[1].close()
      this.#made.delete(oldest[0])
    }
    return matrix
  }

  norm(x: Rows, name: string, channels: number): Rows {
    const { values } = this.#weights
    return this.#planned(x.rows, channels, () => {
      const out = this.allocate(x.rows * channels)
      this.#layers.norm(x.data, x.rows, NORM_EPSILON, values(`${name}.scale`), values(`${name}.shift`), out)
      return out
    })
  }

  attention(x: Rows, name: string, channels: number, heads: number): Rows {
    const qkv = this.linear(x, `${name}.in`)
    const mixed = this.#planned(x.rows, channels, () => {
      const out = this.allocate(x.rows * channels)
      this.#layers.attention(qkv.data, x.rows, channels, heads, out)
      return out
    })
    return this.linear(mixed, `${name}.out`)
  }

  shift(x: Rows, row: Rows, name: string): Rows {
    const matrix = this.#matrix(name, 1)
    return this.#planned(x.rows, x.channels, () => {
      const by = this.allocate(x.channels)
      matrix.product(row.data, 1, 0, by, { activation: 'none', residual: undefined })
      const out = this.allocate(x.rows * x.channels)
      const { data } = x
      for (let i = 0; i < out.length; i += x.channels)
        for (let k = 0; k < x.channels; k++) out[i + k] = data[i + k]! + by[k]!
      return out
    })
  }

  relu(x: Rows): Rows {
    return this.#joined(x, x.with({ relu: true }))
  }

  /** `b` is a product: all sums of the net are of what there was and what a layer adds to it. */
  add(a: Rows, b: Rows): Rows {
    return this.#joined(b, b.with({ residual: a }))
  }

  dropout(x: Rows): Rows {
    return x
  }

  spread(x: Rows, factor: number, channels: number): Rows {
    return this.#planned(x.rows * factor, channels, () => x.data)
  }
}

export class LayeredAcoustic {
  readonly #ops: LayerOps
  readonly #weights: Weights
  /** The prediction before the next one, failed or not. */
  #last: Promise<void> = Promise.resolve()

  private constructor(layers: Layers, weights: Weights) {
    this.#weights = weights
    this.#ops = new LayerOps(layers, weights)
  }

  /** Opens acoustic.onnx on layers, which it then owns; undefined when its graph is unsupported. Throws VOICE_DAMAGED. */
  static async open(file: ModelFile, layers: Layers): Promise<LayeredAcoustic | undefined> {
    const weights = readWeights(file)
    if (!weights) return undefined
    const model = new LayeredAcoustic(layers, weights)
    // Packs all matrices before the first request.
    const shares = new Float32Array(weights.config.speakers.length)
    shares.fill(1, 0, 1)
    await model.run({ ids: [0, 1, 0], rate: 1, pitch: 1, shares })
    return model
  }

  close(): void {
    this.#ops.close()
  }

  /** As the graph. One prediction after the other; others may use the thread meanwhile. */
  run(utterance: Utterance): Promise<Outputs> {
    const made = this.#last.then(() => this.#run(utterance)).finally(() => this.#ops.reset())
    this.#last = made.then(
      () => {},
      () => {},
    )
    return made
  }

  async #run({ ids, rate, pitch, shares }: Utterance): Promise<Outputs> {
    const ops = this.#ops
    const { config, values } = this.#weights
    const count = ids.length
    const speaker =
      shares.length > 0 ? ops.rows(1, SPEAKER_FIELDS, mixed(values(SPEAKER_NAMES.table), shares)) : undefined
    const encoded = encode(
      ops,
      config,
      ops.rows(count, 1, Float32Array.from(ids)),
      ops.rows(count, POSITION_FIELDS, positions(count)),
      speaker,
    )
    const lnDurations = predictDurations(ops, config, encoded)
    await ops.compute()
    const own = Array.from(lnDurations.data, (ln) => Math.max(1, roundHalfEven(Math.exp(ln))))
    // A rate shortens what is longer than two units: a sound of one unit alone is hard to understand.
    const units = Array.from(lnDurations.data, (ln, i) =>
      Math.max(Math.min(own[i]!, SHORTEST), roundHalfEven(Math.fround(Math.exp(ln)) / Math.fround(rate))),
    )
    const { places, symbolOfUnit } = unitsOf(units)
    const total = symbolOfUnit.length
    const { channels } = config
    const repeated = ops.allocate(total * channels)
    for (let u = 0; u < total; u++) {
      const from = symbolOfUnit[u]! * channels
      repeated.set(encoded.data.subarray(from, from + channels), u * channels)
    }
    const placed = placeUnits(ops, config, ops.rows(total, channels, repeated), ops.rows(total, UNIT_FIELDS, places))

    const pitches = predictPitch(ops, config, placed, speaker)
    await ops.compute()
    const predicted = pitches.data
    const given = predicted.slice()
    const frames = total * FRAMES_PER_UNIT
    const f0 = new Float32Array(frames)
    const pitchMean =
      values(NORMALIZATION_NAMES.pitchMean)[0]! + (speaker ? mixed(values(SPEAKER_NAMES.pitch), shares)[0]! : 0)
    const pitchSpread = values(NORMALIZATION_NAMES.pitchSpread)[0]!
    for (let u = 0; u < total; u++)
      for (let i = 0; i < FRAMES_PER_UNIT; i++) {
        const at = u * PITCH_FIELDS + i
        const frame = u * FRAMES_PER_UNIT + i
        const voiced = predicted[at + FRAMES_PER_UNIT]! > 0
        given[at + FRAMES_PER_UNIT] = voiced ? 1 : 0
        if (voiced) f0[frame] = Math.exp(predicted[at]! * pitchSpread + pitchMean) * pitch
      }
    const decoded = decode(ops, ops, config, placed, ops.rows(total, PITCH_FIELDS, given), speaker)
    const sharpened = this.#sharpened(decoded, shares)
    await ops.compute()
    const envelope = this.#envelope(sharpened, shares)
    return {
      durations: Int32Array.from(units, (count) => count * FRAMES_PER_UNIT),
      length: sum(own) * FRAMES_PER_UNIT,
      f0,
      envelope,
    }
  }

  /** (envelope - mean) matrix of the call's speaker, in a model of several that is sharpened. The layers of one voice give it. */
  #sharpened(rows: Rows, shares: Float32Array): Rows {
    const { sharpening } = this.#weights
    if (!sharpening || shares.length === 0) return rows
    return this.#ops.times(rows, `sharpening ${shares.join(' ')}`, () => centred(sharpening, shares))
  }

  /** The last layer's rows to log power, sharpened in time where the voice is; in memory of its own. */
  #envelope({ rows, data }: Rows, shares: Float32Array): Float32Array {
    const { sharpening } = this.#weights
    if (!sharpening) return data.slice()
    const { time } = sharpening
    const mean = shares.length > 0 ? mixed(sharpening.means, shares) : sharpening.means
    const out = new Float32Array(data.length)
    const last = (rows - 1) * ENVELOPE_POINTS
    const self = 1 + time
    const around = time / 4
    for (let at = 0; at <= last; at += ENVELOPE_POINTS) {
      const a = Math.max(0, at - 2 * ENVELOPE_POINTS)
      const b = Math.max(0, at - ENVELOPE_POINTS)
      const c = Math.min(last, at + ENVELOPE_POINTS)
      const d = Math.min(last, at + 2 * ENVELOPE_POINTS)
      for (let k = 0; k < ENVELOPE_POINTS; k++)
        out[at + k] =
          data[at + k]! * self - (data[a + k]! + data[b + k]! + data[c + k]! + data[d + k]!) * around + mean[k]!
    }
    return out
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** The rows of a table [shares, n], weighted: [n]. */
function mixed(table: Float32Array, shares: Float32Array): Float32Array {
  const n = table.length / shares.length
  const out = new Float32Array(n)
  for (const [s, share] of shares.entries())
    if (share !== 0) for (let k = 0; k < n; k++) out[k]! += share * table[s * n + k]!
  return out
}

/** The layer that makes (envelope - mean) matrix of envelopes, for speakers by their shares. */
function centred({ means, matrix }: Sharpening, shares: Float32Array): { weight: Float32Array; bias: Float32Array } {
  const mean = mixed(means, shares)
  const weight = mixed(matrix, shares)
  const bias = mean.map((_, k) => {
    let sum = 0
    for (let i = 0; i < ENVELOPE_POINTS; i++) sum -= mean[i]! * weight[i * ENVELOPE_POINTS + k]!
    return sum
  })
  return { weight, bias }
}

/** The symbol of each unit, and its place in it: fraction, ln of the symbol's units, units since its start / 10. */
function unitsOf(units: readonly number[]): { places: Float32Array; symbolOfUnit: Int32Array } {
  const total = units.reduce((a, b) => a + b, 0)
  const symbolOfUnit = new Int32Array(total)
  const places = new Float32Array(total * UNIT_FIELDS)
  let unit = 0
  for (const [symbol, count] of units.entries()) {
    const length = Math.log(count)
    for (let i = 0; i < count; i++, unit++) {
      symbolOfUnit[unit] = symbol
      places[unit * UNIT_FIELDS] = (i + 0.5) / count
      places[unit * UNIT_FIELDS + 1] = length
      places[unit * UNIT_FIELDS + 2] = (i + 0.5) / 10
    }
  }
  return { places, symbolOfUnit }
}

/** ONNX's Round. */
function roundHalfEven(x: number): number {
  const low = Math.floor(x)
  const rest = x - low
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low
}
