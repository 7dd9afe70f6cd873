/**
 * Trains one classifier with any mask method within a budget of multiply-accumulates, so that methods of different cost get
 * equal compute. The seed draws initial weights, masks and batches: the same one gives the same figures.
 */
import { Random } from 'sparsewave/internal/random'
import { createMasks } from '../../masks/index.ts'
import { LANES, type PopulationEngine } from '../../net/engine.ts'
import { maskedSegments } from '../../net/layout.ts'
import type { MaskSet } from '../../net/mask.ts'
import { createUpdates } from '../../net/updates.ts'
import { createClassifierEngine } from './engine.ts'
import type { Dataset, Images } from './images.ts'
import { initialMlp, type LabelledBatch, type MlpConfig, mlpLayout, mlpMacs } from './mlp.ts'

/** Examples of one call when measuring. */
const EVALUATED = 400

export interface ClassifierOptions {
  readonly net: MlpConfig
  readonly masks: { readonly method: string } & Readonly<Record<string, unknown>>
  readonly seed: number
  /** Ends the schedule: multiply-accumulates of training (1e9). */
  readonly gmacs: number
  /** Examples of an update, a multiple of 16. */
  readonly batch: number
  readonly learningRate: number
  /** What is measured at the end. */
  readonly split: 'validation' | 'test'
  /** Training engine (default auto). */
  readonly engine?: string | undefined
  /** Points of the learning curve. */
  readonly points: number
  readonly signal?: AbortSignal
  report?(progress: number): void
}

export interface ClassifierResult {
  /** Share of wrong classes, percent, and mean negative log-likelihood in nats, of the split. */
  readonly error: number
  readonly nll: number
  readonly updates: number
  readonly gmacs: number
  /** [share of the budget, smoothed training loss in nats]. */
  readonly curve: readonly (readonly [number, number])[]
  /** Means of what the method logged. */
  readonly telemetry: Readonly<Record<string, number>>
}

/** Writes image `index` to lane `lane` of a batch, normalised. */
function fillImage(batch: LabelledBatch, lane: number, images: Images, index: number, table: Float32Array): void {
  const { size, pixels, labels } = images
  const at = Math.floor(lane / LANES) * size * LANES + (lane % LANES)
  for (let i = 0, from = index * size; i < size; i++) batch.x[at + i * LANES] = table[pixels[from + i]!]!
  batch.labels[lane] = labels[index]!
}

/** Normalised value of every byte. */
const normalized = ({ mean, deviation }: Dataset): Float32Array =>
  Float32Array.from({ length: 256 }, (_, v) => (v - mean) / deviation)

const emptyBatch = (examples: number, size: number): LabelledBatch => ({
  x: new Float32Array(examples * size),
  labels: new Uint8Array(examples),
})

/** The first `count` training images, or as many as there are, in whole groups of 16. */
export function firstImages(data: Dataset, count: number): LabelledBatch {
  const { train } = data
  const batch = emptyBatch(Math.floor(Math.min(count, train.labels.length) / LANES) * LANES, train.size)
  const table = normalized(data)
  for (let lane = 0; lane < batch.labels.length; lane++) fillImage(batch, lane, train, lane, table)
  return batch
}

/** Draws batches of training images without replacement, epoch by epoch. */
export class Batches {
  readonly #images: Images
  readonly #order: Uint32Array
  readonly #random: Random
  readonly #table: Float32Array
  readonly #batch: LabelledBatch
  #at: number

  constructor(data: Dataset, size: number, seed: number) {
    this.#images = data.train
    this.#order = Uint32Array.from(data.train.labels.keys())
    this.#random = new Random(seed, 2 ** 24)
    this.#table = normalized(data)
    this.#batch = emptyBatch(size, data.train.size)
    this.#at = this.#order.length
  }

  #index(): number {
    const order = this.#order
    if (this.#at === order.length) {
      for (let i = order.length - 1; i > 0; i--) {
        const j = this.#random.below(i + 1)
        const swap = order[i]!
        order[i] = order[j]!
        order[j] = swap
      }
      this.#at = 0
    }
    return order[this.#at++]!
  }

  /** The next batch, in the same memory as the last. */
  next(): LabelledBatch {
    for (let lane = 0; lane < this.#batch.labels.length; lane++)
      fillImage(this.#batch, lane, this.#images, this.#index(), this.#table)
    return this.#batch
  }
}

/** Error in percent and mean negative log-likelihood in nats on the first `limit` images of a split, whole groups of 16 only. */
export async function measure(
  engine: PopulationEngine<LabelledBatch>,
  weights: Float32Array,
  masks: MaskSet,
  data: Dataset,
  split: 'validation' | 'test',
  limit = Number.POSITIVE_INFINITY,
): Promise<{ error: number; nll: number }> {
  const measured = data[split]
  const table = normalized(data)
  // Of 10,000 images whole groups are all.
  const count = Math.floor(Math.min(limit, measured.labels.length) / LANES) * LANES
  let nats = 0
  let errors = 0
  for (let from = 0; from < count; from += EVALUATED) {
    const part = emptyBatch(Math.min(EVALUATED, count - from), measured.size)
    for (let lane = 0; lane < part.labels.length; lane++) fillImage(part, lane, measured, from + lane, table)
    const { losses } = await engine.run(weights, [masks], part, new Float32Array(0), null)
    nats += losses[0]!
    errors += losses[1]!
  }
  return { error: (100 * errors) / count, nll: nats / count }
}

/**
 * Trains and measures. Throws JOB_INVALID for a mask method, an option or an engine that does not exist, ENGINE_UNAVAILABLE also where a
 * device is lost: a run is short and keeps no checkpoints.
 */
export async function trainClassifier(data: Dataset, o: ClassifierOptions): Promise<ClassifierResult> {
  const engine = await createClassifierEngine(o.engine ?? 'auto', o.net)
  try {
    return await trainWith(engine, data, o)
  } finally {
    engine.close()
  }
}

async function trainWith(
  engine: PopulationEngine<LabelledBatch>,
  data: Dataset,
  o: ClassifierOptions,
): Promise<ClassifierResult> {
  const layout = mlpLayout(o.net)
  const matrices = maskedSegments(layout)
  const { method, ...options } = o.masks
  const masks = createMasks(method, { matrices, seed: o.seed }, options)
  const parameters = initialMlp(layout, o.seed, masks.startsDense)
  const average = parameters.slice()
  const weights = { parameters, first: new Float32Array(layout.size), second: new Float32Array(layout.size), average }
  const state = new Float32Array(0)
  const updates = createUpdates(engine, { layout, masks, weights, state, groups: o.batch / LANES })
  const batches = new Batches(data, o.batch, o.seed)
  const curve: [number, number][] = []
  const telemetry: Record<string, number[]> = {}
  let gmacs = 0
  let step = 0
  let smoothed: number | undefined
  while (gmacs < o.gmacs) {
    o.signal?.throwIfAborted()
    const at = { step, progress: gmacs / o.gmacs }
    const batch = batches.next()
    const { losses, counts, members, denseGradient, feedback } = await updates.update(at, batch, {
      rate: o.learningRate * Math.min(1, (step + 1) / 50) * (0.05 + 0.475 * (1 + Math.cos(Math.PI * at.progress))),
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      clip: 1,
      average: Math.min(0.99, (1 + step) / (10 + step)),
      step: step + 1,
    })
    const memberLosses = Float64Array.from(counts, (n, m) => losses[2 * m]! / n)
    masks.update(at, feedback(memberLosses))
    for (const [m, n] of counts.entries()) gmacs += (n * mlpMacs(layout, members[m], denseGradient)) / 1e9
    step++
    const loss = memberLosses.reduce((a, b) => a + b, 0) / memberLosses.length
    smoothed = smoothed === undefined ? loss : 0.98 * smoothed + 0.02 * loss
    const progress = Math.min(1, gmacs / o.gmacs)
    while (curve.length < Math.floor(progress * o.points)) curve.push([(curve.length + 1) / o.points, smoothed])
    if (step % 50 === 0) {
      for (const [key, value] of Object.entries(masks.telemetry?.() ?? {})) {
        telemetry[key] = [...(telemetry[key] ?? []), value]
      }
      o.report?.(progress)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await updates.fetch()
  const exported = masks.gateFinal ? average.slice() : average
  masks.gateFinal?.(average, exported)
  const { error, nll } = await measure(engine, exported, masks.final(), data, o.split)
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
  return {
    error,
    nll,
    updates: step,
    gmacs,
    curve: curve.map(([x, y]) => [x, Number(y.toFixed(4))]),
    telemetry: Object.fromEntries(Object.entries(telemetry).map(([k, v]) => [k, Number(mean(v).toFixed(4))])),
  }
}
