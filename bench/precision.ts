/**
 * What narrower weights cost a voice: held-out bits a sample of the kernels' precisions, and of formats that no kernel has, for which
 * the f32 kernel runs weights that were rounded to them (its inputs stay f32, so a kernel of theirs would lose at least that).
 *
 *     node bench/dist/precision.js CORPUS [--voice heart] [--recordings 16] [--cache runs/cache]
 *
 * Recordings are the first of the corpus's test split (ids ending in 7), whole, teacher-forced on the kernel chosen here. Times are
 * CPU time of free running synthesis, the median of 9 interleaved rounds.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import {
  chooseKernel,
  detectCpu,
  type KernelModel,
  PRECISIONS,
  type Precision,
} from 'sparsewave/internal/kernels/index'
import { referenceKernel } from 'sparsewave/internal/kernels/reference'
import {
  BANDS,
  BLOCK,
  FRAME_FEATURES,
  HEAD_OUTPUTS,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { writeFrameFeatures } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { randomFrameBlocks } from 'sparsewave/internal/vocoder/sparse-wavernn/random-weights'
import {
  type BlockSparseMatrix,
  parseWeights,
  type VocoderWeights,
} from 'sparsewave/internal/vocoder/sparse-wavernn/weights'
import { loadVoice } from 'sparsewave/internal/voices/index'
import { cacheUtterance } from 'sparsewave-training/internal/data/cache'
import { readCorpus, split } from 'sparsewave-training/internal/data/corpus'
import { conditioningGates, mixtureLoss } from 'sparsewave-training/internal/engines/reference'
import { parameterLayout } from 'sparsewave-training/internal/net/vocoder-layout'
import type { Normalization } from 'sparsewave-training/internal/tasks/sparse-wavernn/batches'
import { readRecording } from 'sparsewave-training/internal/tasks/sparse-wavernn/data'
import { checkpointOfVoice } from 'sparsewave-training/internal/tasks/sparse-wavernn/from-voice'
import { Utterance } from 'sparsewave-training/internal/tasks/sparse-wavernn/utterance'
import { median } from './measure.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    voice: { type: 'string', default: 'heart' },
    recordings: { type: 'string', default: '16' },
    cache: { type: 'string', default: 'runs/cache' },
  },
})
const [corpus] = positionals
if (corpus === undefined) {
  console.error('usage: precision CORPUS [--voice NAME] [--recordings N] [--cache FOLDER]')
  process.exit(2)
}

type Round = (values: Float32Array, row: (i: number) => number) => Float32Array

const bf16: Round = (values) => {
  const words = new Uint32Array(values.slice().buffer)
  for (const [i, word] of words.entries()) words[i] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000
  return new Float32Array(words.buffer)
}

/** Signed integers of `bits` with one scale a row. */
const integers =
  (bits: number): Round =>
  (values, row) => {
    const top = 2 ** (bits - 1) - 1
    const largest = new Map<number, number>()
    for (const [i, v] of values.entries()) largest.set(row(i), Math.max(largest.get(row(i)) ?? 0, Math.abs(v)))
    return values.map((v, i) => {
      const scale = largest.get(row(i))! / top || 1
      return Math.round(v / scale) * scale
    })
  }

/** The products with h and x rounded, the rest as it is: what precisions are about (src/kernels/quantize.ts). */
function rounded(w: VocoderWeights, round: Round): VocoderWeights {
  const matrix = (m: BlockSparseMatrix): BlockSparseMatrix => ({
    ...m,
    values: round(m.values, (i) => Math.floor(i / (m.kept * BLOCK)) * BLOCK + (i % BLOCK)),
  })
  const gates = ([r, z, n]: VocoderWeights['recurrent']) => [matrix(r), matrix(z), matrix(n)] as const
  return {
    ...w,
    recurrent: gates(w.recurrent),
    input: gates(w.input),
    headHidden: matrix(w.headHidden),
    headStep: w.headStep.map((s, b) => round(s, (i) => Math.floor(i / (STEP_INPUTS.count + b)))),
  }
}

interface Forced {
  readonly steps: number
  readonly inputs: Float32Array
  readonly gateTerms: Float32Array
  /** [steps, 4] */
  readonly residuals: Float32Array
}

const voice = await loadVoice(flags.voice)
const weights = parseWeights(readFileSync(voice.path('vocoder.safetensors')))
const { average, net, normalization } = checkpointOfVoice(voice.dir)
const layout = parameterLayout(net)

function forced(u: Utterance, { mean, std }: Normalization): Forced {
  const { count } = u.frames
  const features = new Float32Array((count + 2) * FRAME_FEATURES)
  for (let f = 0; f < count + 2; f++) {
    writeFrameFeatures(u.frames, Math.min(Math.max(f - 1, 0), count - 1), features, f * FRAME_FEATURES)
    for (let i = 0; i < FRAME_FEATURES; i++) {
      const at = f * FRAME_FEATURES + i
      features[at] = (features[at]! - mean[i]!) / std[i]!
    }
  }
  const steps = count * STEPS_PER_FRAME
  const inputs = new Float32Array(steps * STEP_INPUTS.count)
  const residuals = new Float32Array(steps * BANDS)
  const example = new Float32Array(STEP_INPUTS.count + BANDS)
  for (let t = 0; t < steps; t++) {
    u.write(t, example, 0, 1)
    inputs.set(example.subarray(0, STEP_INPUTS.count), t * STEP_INPUTS.count)
    residuals.set(example.subarray(STEP_INPUTS.count), t * BANDS)
  }
  return { steps, inputs, gateTerms: Float32Array.from(conditioningGates(layout, average, features)), residuals }
}

const chosen = readCorpus(corpus)
  .filter((u) => split(u.id) === 'test')
  .slice(0, Number(flags.recordings))
const recordings: Forced[] = []
for (const u of chosen) {
  await cacheUtterance(u, flags.cache)
  recordings.push(forced(new Utterance(readRecording(flags.cache, u.id), 0, 0), normalization))
}
const samples = recordings.reduce((sum, r) => sum + r.steps * BANDS, 0)

/** Bits a sample of each recording. */
function bits(model: KernelModel): number[] {
  return recordings.map((r) => {
    const outputs = model.outputs(r)
    let nats = 0
    for (let i = 0; i < r.steps * BANDS; i++)
      nats += mixtureLoss(
        Float64Array.from(outputs.subarray(i * HEAD_OUTPUTS, (i + 1) * HEAD_OUTPUTS)),
        r.residuals[i]!,
      ).loss
    return nats / Math.LN2 / (r.steps * BANDS)
  })
}

interface Variant {
  readonly name: string
  readonly weights: VocoderWeights
  readonly precision: Precision
  /** Whether a kernel has it, which then is timed. */
  readonly real: boolean
}
const variants: Variant[] = [
  { name: 'f32', weights, precision: 'f32', real: true },
  { name: 'int16 weights and inputs, int32 sums', weights, precision: 'int16', real: true },
  { name: 'int8 weights and inputs, int32 sums', weights, precision: 'int8', real: true },
  { name: 'bf16 weights', weights: rounded(weights, bf16), precision: 'f32', real: false },
  { name: 'int8 weights, a scale a row', weights: rounded(weights, integers(8)), precision: 'f32', real: false },
  { name: 'int6 weights, a scale a row', weights: rounded(weights, integers(6)), precision: 'f32', real: false },
]
if (variants.filter((v) => v.real).length !== PRECISIONS.length) throw new Error('a precision is not measured')

const { kernel } = chooseKernel()
/** What this kernel lacks is computed by the reference, slowly. */
const has = (precision: Precision) => kernel.precisions.includes(precision)
const FRAMES = 8
const timed = variants.flatMap(({ name, weights, precision, real }) => {
  if (!real || !has(precision)) return []
  const model = kernel.createModel(weights, { precision })
  const frames = randomFrameBlocks(net, FRAMES, 2)
  return [1, 16].map((n) => {
    const jobs = Array.from({ length: n }, (_, i) => model.open(i)).map((stream) => ({
      ...{ stream, frames, from: 0, at: 0 },
      out: new Float32Array(FRAMES * HOP),
    }))
    return { name, n, costs: [] as number[], run: () => model.generateMany(jobs, FRAMES) }
  })
})
for (let round = -1; round < 9; round++)
  for (const { n, costs, run } of timed) {
    const before = process.cpuUsage()
    const repeats = 64 / n
    for (let i = 0; i < repeats; i++) run()
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) costs.push((user + system) / 1e6 / ((64 * FRAMES * HOP) / SAMPLE_RATE))
  }
const cost = (name: string, n: number) => {
  const found = timed.find((t) => t.name === name && t.n === n)
  return found ? median(found.costs).toFixed(4) : '-'
}

const cpu = detectCpu()
console.log(
  `${flags.voice}, ${recordings.length} recordings, ${(samples / SAMPLE_RATE).toFixed(0)} s; ${kernel.name} on ${cpu.model}, Node ${process.versions.node}\n`,
)
console.log(
  '| precision | bits a sample | more than f32 (standard error) | CPU s a second of audio, 1 stream | 16 streams |',
)
console.log('| --- | --- | --- | --- | --- |')
let base: number[] = []
for (const { name, weights, precision } of variants) {
  const model = (has(precision) ? kernel : referenceKernel).createModel(weights, { precision })
  const each = bits(model)
  model.close()
  if (base.length === 0) base = each
  const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length
  const more = each.map((v, i) => v - base[i]!)
  const error = Math.sqrt(mean(more.map((v) => (v - mean(more)) ** 2)) / Math.max(1, more.length - 1))
  console.log(
    `| ${name} | ${mean(each).toFixed(4)} | ${mean(more).toFixed(5)} (${error.toFixed(5)}) | ${cost(name, 1)} | ${cost(name, 16)} |`,
  )
}
