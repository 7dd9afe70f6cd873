/**
 * Trains the aligner's net on corpora with exact durations and writes its weights. Needs TensorFlow (`npx sparsewave setup`). Every draw
 * follows from the seed: the same corpora give the same weights, up to the rounding of TensorFlow.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Tensor, Tensor3D, Variable } from '@tensorflow/tfjs'
import { Resampler } from 'sparsewave/internal/audio/resample'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import { encodeSafetensors } from 'sparsewave/internal/vocoder/sparse-wavernn/safetensors'
import { readUtterance } from '../../data/audio.ts'
import { DURATION_UNIT, readCorpus, split, type Utterance } from '../../data/corpus.ts'
import { loadTfjs } from '../../engines/tfjs.ts'
import { toHalf } from '../../export/onnx.ts'
import { adamUpdateNamed, type ParameterValues } from '../../net/adam.ts'
import { replaceFile } from '../../net/checkpoint-files.ts'
import { averageDecay, learningRate } from '../../net/schedule.ts'
import { lightGradients } from '../../tasks/acoustic/tf-ops.ts'
import { measureDurations } from './durations.ts'
import { ALIGN_HOP, BAND_EDGES, MEL_BANDS, melPower, normalizeMel } from './features.ts'
import { ALIGNER_FILE, ALIGNER_FORMAT, ALIGNER_SYMBOLS, alignerParameters, CLASSES } from './net.ts'

const USAGE = `usage: train CORPUS [CORPUS ...] [options]

  --without a,b     speakers (the id up to its first dash) that are never trained on
  --utterances 500  at most so many of each corpus
  --updates 2000    parameter updates
  --seed 1          of initial weights, order and alterations
  -o FILE           where the weights go (default: the trainer's own)

Example:
  node training/dist/voices/align/train.js ../shared/corpus runs/voices --without am_puck`

const { values: flags, positionals: corpora } = parseArgs({
  allowPositionals: true,
  options: {
    without: { type: 'string', default: '' },
    utterances: { type: 'string', default: '500' },
    updates: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    output: { type: 'string', short: 'o', default: ALIGNER_FILE },
    help: { type: 'boolean', short: 'h' },
  },
})
if (flags.help || corpora.length === 0) {
  console.error(USAGE)
  process.exit(flags.help ? 0 : 2)
}

const SHAPE = { channels: 64, width: 5, dilations: [1, 1, 2, 2, 4, 4] }
/** Frames of a crop, and crops of a batch. */
const CROP = 256
const LANES = 16
/** Half of the recordings are resampled: other pitches, rates and sizes of mouth. */
const FASTEST = 1.2
/** The corpora count alike: a smaller one is taken in so many differently resampled copies at most. */
const MOST_COPIES = 6
/** Updates between files of weights: what was learned so far is there if the run ends early. */
const SAVE_EVERY = 250
const SCHEDULE = { learningRate: 2e-3, finalRate: 0.02, warmup: 100 }
const ADAM = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, clip: 1 }

interface Recording {
  /** [frames, MEL_BANDS] of power, before any alteration. */
  readonly power: Float32Array
  /** [frames] class. */
  readonly labels: Uint8Array
}

const classOf = new Map([...ALIGNER_SYMBOLS].map((symbol, i) => [symbol, i + 1]))

/** Power and labels of an utterance that starts `offset` samples late and is played `speed` times as fast. */
async function prepare(u: Utterance, speed: number, offset: number): Promise<Recording> {
  let samples = await readUtterance(u)
  // In 1/40, so that the filter has few phases.
  const steps = Math.round(speed * 40)
  if (steps !== 40) {
    const resampler = new Resampler((SAMPLE_RATE / 40) * steps, SAMPLE_RATE)
    const [body, rest] = [resampler.push(samples), resampler.end()]
    samples = new Float32Array(body.length + rest.length)
    samples.set(body)
    samples.set(rest, body.length)
  }
  const power = melPower(samples.subarray(offset))
  const labels = new Uint8Array(power.length / MEL_BANDS)
  const classes = [0, ...[...u.phonemes!].map((symbol) => classOf.get(symbol) ?? 0), 0]
  let symbol = 0
  let end = u.durations![0]! * DURATION_UNIT
  for (let f = 0; f < labels.length; f++) {
    const at = ((f * ALIGN_HOP + ALIGN_HOP / 2 + offset) * steps) / 40
    while (at >= end && symbol < classes.length - 1) end += u.durations![++symbol]! * DURATION_UNIT
    labels[f] = classes[symbol]!
  }
  return { power, labels }
}

/** A room, noise, a narrower band: each drawn anew for each crop. */
function alter(power: Float32Array, random: Random): Float32Array {
  const out = power.slice()
  const frames = out.length / MEL_BANDS
  if (random.uniform() < 0.5) {
    // 60 dB fall in .1 to .6 s; the room's share is 5 to 25 dB below the voice's.
    const decay = Math.exp((-13.8 * ALIGN_HOP) / SAMPLE_RATE / (0.1 + 0.5 * random.uniform()))
    const share = 10 ** (-(5 + 20 * random.uniform()) / 10)
    for (let b = 0; b < MEL_BANDS; b++) {
      let tail = 0
      for (let f = 0; f < frames; f++) {
        const i = f * MEL_BANDS + b
        const direct = out[i]!
        out[i] = direct + share * tail
        tail = decay * (tail + direct)
      }
    }
  }
  const tilt = 3 * (2 * random.uniform() - 1)
  for (let b = 0; b < MEL_BANDS; b++) {
    const gain = Math.exp((tilt * (b - MEL_BANDS / 2)) / (MEL_BANDS / 2))
    for (let f = 0; f < frames; f++) out[f * MEL_BANDS + b]! *= gain
  }
  if (random.uniform() < 0.4) {
    const cutoff = 3400 * (11_000 / 3400) ** random.uniform()
    for (let b = 0; b < MEL_BANDS; b++)
      if (BAND_EDGES[b + 1]! > cutoff) for (let f = 0; f < frames; f++) out[f * MEL_BANDS + b]! *= 1e-7
  }
  if (random.uniform() < 0.8) {
    let mean = 0
    for (const v of out) mean += v / out.length
    const level = mean * 10 ** (-(8 + 52 * random.uniform()) / 10)
    const slope = 3 * random.uniform()
    for (let b = 0; b < MEL_BANDS; b++) {
      const here = level * Math.exp((-slope * (b - MEL_BANDS / 2)) / (MEL_BANDS / 2))
      // A band's power is a sum of a few squares.
      for (let f = 0; f < frames; f++)
        out[f * MEL_BANDS + b]! += (here * -Math.log(random.uniform() * random.uniform())) / 2
    }
  }
  return out
}

/** A crop's inputs and labels, normalised over 1 to 8 seconds around it, as short and long recordings are. */
function crop({ power, labels }: Recording, random: Random, x: Float32Array, y: Int32Array, lane: number): number {
  const frames = labels.length
  const span = Math.min(frames, Math.round(100 * 8 ** random.uniform() + 60))
  const from = random.below(frames - span + 1)
  const mel = normalizeMel(alter(power.subarray(from * MEL_BANDS, (from + span) * MEL_BANDS), random))
  const length = Math.min(CROP, span)
  const start = random.below(span - length + 1)
  x.set(mel.subarray(start * MEL_BANDS, (start + length) * MEL_BANDS), lane * CROP * MEL_BANDS)
  for (let i = 0; i < length; i++) y[lane * CROP + i] = labels[from + start + i]!
  return length
}

const seed = Number(flags.seed)
const updates = Number(flags.updates)
const without = new Set(flags.without.split(','))
const began = performance.now()
const seconds = () => ((performance.now() - began) / 1000).toFixed(0)

const parts = corpora.map((folder) =>
  readCorpus(folder)
    .filter((u) => u.durations && split(u.id) === 'train' && !without.has(u.id.split('-')[0]!))
    .slice(0, Number(flags.utterances)),
)
const table = measureDurations(
  parts.flat().map(({ phonemes, durations }) => ({ phonemes: phonemes!, durations: durations! })),
)
const most = Math.max(...parts.map((part) => part.length))
const recordings: Recording[] = []
for (const part of parts) {
  const copies = Math.min(MOST_COPIES, Math.round(most / Math.max(1, part.length)))
  for (const u of part)
    for (let copy = 0; copy < copies; copy++) {
      const random = new Random(seed, recordings.length)
      const speed = random.uniform() < 0.5 ? 1 : FASTEST ** (2 * random.uniform() - 1)
      recordings.push(await prepare(u, speed, random.below(ALIGN_HOP)))
    }
}
const hours = recordings.reduce((sum, r) => sum + r.labels.length, 0) / 360_000
console.error(`${recordings.length} recordings with their copies, ${hours.toFixed(2)} hours, read in ${seconds()} s`)

const { tf, backend } = await loadTfjs({ threads: 1 })
if (backend === 'cpu') console.error('TensorFlow is not set up: this will take days. Run `npx sparsewave setup`.')
const { relu, normalize } = lightGradients(tf)
const shapes = alignerParameters(SHAPE)
const init = new Random(seed, 0xa11)
const make = (fill: (spread: number, constant: number) => number): ParameterValues =>
  Object.fromEntries(
    shapes.map(({ name, shape, spread, constant }) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => fill(spread, constant)),
    ]),
  )
const parameters = make((spread, constant) => (spread > 0 ? spread * init.normal() : constant))
const zeros = () => make(() => 0)
const state = {
  parameters,
  first: zeros(),
  second: zeros(),
  average: Object.fromEntries(Object.entries(parameters).map(([name, v]) => [name, v.slice()])),
}
const variables: Record<string, Variable> = Object.fromEntries(
  shapes.map(({ name, shape }) => [name, tf.tidy(() => tf.variable(tf.tensor(parameters[name]!, [...shape])))]),
)

function forward(x: Tensor3D): Tensor {
  const conv = (input: Tensor, name: string) =>
    tf
      .conv1d(input as Tensor3D, variables[`${name}.weight`] as unknown as Tensor3D, 1, 'same')
      .add(variables[`${name}.bias`]!)
  const norm = (input: Tensor, name: string) =>
    normalize(input, variables[`${name}.scale`]!, variables[`${name}.shift`]!)
  let h: Tensor = relu(conv(x, 'in'))
  SHAPE.dilations.forEach((d, i) => {
    // The library has no gradient of a dilated convolution: every d-th frame is a row of its own.
    const rows = norm(h, `block${i}.norm`)
    const apart = rows.reshape([LANES, CROP / d, d, SHAPE.channels]).transpose([0, 2, 1, 3])
    const mixed = relu(conv(apart.reshape([LANES * d, CROP / d, SHAPE.channels]), `block${i}.conv`))
    const together = mixed.reshape([LANES, d, CROP / d, SHAPE.channels]).transpose([0, 2, 1, 3])
    h = h.add(together.reshape([LANES, CROP, SHAPE.channels]))
  })
  return conv(norm(h, 'out.norm'), 'out')
}

/** The averaged weights. Matrices stand half precision; what scales and shifts is small and stays whole. */
function save(done: number): void {
  const tensors = shapes.map(({ name, shape }) => {
    const values = state.average[name]!
    return name.endsWith('.weight')
      ? { name, dtype: 'U16' as const, shape, data: Uint16Array.from(values, toHalf) }
      : { name, dtype: 'F32' as const, shape, data: values }
  })
  const metadata = {
    format: ALIGNER_FORMAT,
    symbols: ALIGNER_SYMBOLS,
    shape: JSON.stringify(SHAPE),
    updates: String(done),
    seed: String(seed),
  }
  const durations = { name: 'durations', dtype: 'F32' as const, shape: [CLASSES, 2, 2], data: table }
  replaceFile(path.resolve(flags.output), encodeSafetensors([...tensors, durations], metadata))
}

let order = new Uint32Array(0)
let at = 0
let epoch = 0
let shown = 0
let smoothed = Number.NaN
let correct = Number.NaN
const names = Object.keys(variables)
for (let update = 0; update < updates; update++) {
  const random = new Random(seed, 0x100000 + update)
  const x = new Float32Array(LANES * CROP * MEL_BANDS)
  const y = new Int32Array(LANES * CROP)
  const weight = new Float32Array(LANES * CROP)
  for (let lane = 0; lane < LANES; lane++) {
    if (at >= order.length) {
      order = new Random(seed, 0x8000 + epoch++).permutation(recordings.length) as Uint32Array<ArrayBuffer>
      at = 0
    }
    const length = crop(recordings[order[at++]!]!, random, x, y, lane)
    weight.fill(1, lane * CROP, lane * CROP + length)
  }
  const gradients: ParameterValues = {}
  let loss = 0
  let right = 0
  tf.tidy(() => {
    const input = tf.tensor3d(x, [LANES, CROP, MEL_BANDS])
    const targets = tf.oneHot(tf.tensor1d(y, 'int32'), CLASSES)
    const mask = tf.tensor1d(weight)
    const { value, grads } = tf.variableGrads(
      () => {
        const logits = forward(input).reshape([LANES * CROP, CLASSES])
        const hit = logits.argMax(1).equal(tf.tensor1d(y, 'int32')).cast('float32').mul(mask).sum().div(mask.sum())
        right = hit.dataSync()[0]!
        const nll = (tf.logSoftmax(logits as never) as Tensor).mul(targets).sum(1).neg()
        return nll.mul(mask).sum().div(mask.sum()).asScalar()
      },
      names.map((name) => variables[name]!),
    )
    loss = value.dataSync()[0]!
    for (const name of names) gradients[name] = grads[variables[name]!.name]!.dataSync() as Float32Array
  })
  const rate = learningRate(SCHEDULE, update, update / updates)
  adamUpdateNamed(state, gradients, { ...ADAM, rate, average: averageDecay(0.998, update), step: update + 1 })
  for (const { name, shape } of shapes)
    tf.tidy(() => variables[name]!.assign(tf.tensor(state.parameters[name]!, [...shape])))
  smoothed = Number.isNaN(smoothed) ? loss : 0.98 * smoothed + 0.02 * loss
  correct = Number.isNaN(correct) ? right : 0.98 * correct + 0.02 * right
  if ((update + 1) % SAVE_EVERY === 0 || update === updates - 1) save(update + 1)
  if (performance.now() - shown > 15_000 || update === updates - 1) {
    shown = performance.now()
    console.error(
      `${update + 1}/${updates}  loss ${smoothed.toFixed(3)}  frames right ${(100 * correct).toFixed(1)} %  ${seconds()} s`,
    )
  }
}
console.error(path.resolve(flags.output))
