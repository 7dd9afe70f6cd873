/**
 * Trains a dense classifier by losses alone, or the same net from the same weights on the same batches by its gradient, within a
 * budget of multiply-accumulates. All members of a generation see one batch, so that they differ by their weights only.
 */

import { createNetEngine } from '../../engines/net.ts'
import { PureEs, pureEsOptions } from '../../es/index.ts'
import { adamUpdate } from '../../net/adam.ts'
import { LANES } from '../../net/engine.ts'
import type { MaskSet } from '../../net/mask.ts'
import type { Dataset } from './images.ts'
import { initialMlp, type LabelledBatch, type MlpConfig, type MlpStatistics, mlpMacs, mlpTask } from './mlp.ts'
import type { Normalization } from './normalize.ts'
import { Batches, firstImages, measure } from './train.ts'

/** Images the way to a target is watched on: the first ones that no net trains on. */
const WATCHED = 2000
/** Training images that give a normalised net its statistics when it is measured. */
const CALIBRATION = 2000
/** Training images of a virtual batch, as many as a batch at most. */
const VIRTUAL = 64

/** The gradient, or options of training/es/pure.ts. */
export type Learner = { readonly adam: { readonly rate: number } } | { readonly es: object }

export interface PureEsRun {
  /** Of density 1: masks are not part of this. */
  readonly net: Omit<MlpConfig, 'normalized'>
  /** Batch normalisation (default none); the gradient takes `batch` only. */
  readonly normalization?: Normalization | undefined
  readonly learner: Learner
  readonly seed: number
  /** Ends the schedule: multiply-accumulates of training (1e9). */
  readonly gmacs: number
  /** Images an update, or a generation. */
  readonly batch: number
  readonly split: 'validation' | 'test'
  /** Points of the curve, at which the error is watched. */
  readonly points: number
  /** Errors, percent, whose first crossing is noted. */
  readonly targets: readonly number[]
  readonly signal?: AbortSignal
  report?(progress: number): void
}

/** What it took until the watched error was at most `error`, to a point of the curve. */
export interface Reached {
  readonly error: number
  /** Updates, or generations. */
  readonly updates: number
  /** Images run forward, by all members together. */
  readonly evaluations: number
  readonly gmacs: number
  /** Of training, without the watching. */
  readonly seconds: number
}

export interface PureEsResult {
  readonly error: number
  readonly nll: number
  readonly updates: number
  readonly evaluations: number
  readonly gmacs: number
  /** [share of the budget, percent of watched images that are wrong]. */
  readonly curve: readonly (readonly [number, number])[]
  readonly reached: readonly Reached[]
}

/** One update from one batch; returns the multiply-accumulates and the images run forward. */
type Step = (scale: number) => Promise<{ macs: number; evaluations: number }>

/** Trains and measures. Throws a ZodError for an option that does not exist, a RangeError for a normalisation that the learner has not. */
export async function trainWithoutGradients(data: Dataset, o: PureEsRun): Promise<PureEsResult> {
  const { normalization } = o
  if ('adam' in o.learner && normalization && normalization !== 'batch')
    throw new RangeError(`adam: normalisation '${normalization}' is for populations`)
  const net = { ...o.net, normalized: normalization !== undefined }
  const own: MlpStatistics = {}
  const task = mlpTask(net, own)
  const { layout } = task
  const engine = createNetEngine(task)
  const fixed: MlpStatistics = {}
  const given = createNetEngine(mlpTask(net, fixed))
  const all: MaskSet = new Map(
    layout.segments
      .filter((s) => s.kept !== undefined)
      .map((s) => [s.name, Uint16Array.from({ length: (s.rows / 16) * s.columns }, (_, i) => i % s.columns)]),
  )
  const batches = new Batches(data, o.batch, o.seed)
  const initial = initialMlp(layout, o.seed)
  const none = new Float32Array(0)
  const reference = firstImages(data, Math.min(VIRTUAL, o.batch))
  const calibration = firstImages(data, CALIBRATION)
  /** Has `given` go by the statistics of a net on images. */
  const fix = async (weights: Float32Array, images: LabelledBatch) => {
    await engine.run(weights, [all], images, none, null)
    fixed.given = own.used
    return images.labels.length
  }
  const measured = async (split: 'validation' | 'test', limit?: number) => {
    if (normalization) await fix(weights, calibration)
    return measure(normalization ? given : engine, weights, all, data, split, limit)
  }

  const gradientStep = (weights: Float32Array, rate: number): Step => {
    const [gradient, first, second] = [0, 1, 2].map(() => new Float32Array(layout.size)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const unused = new Float32Array(layout.size)
    const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clip: 1, average: 0 }
    let step = 0
    return async (scale) => {
      await engine.run(weights, [all], batches.next(), none, gradient)
      adamUpdate(weights, gradient, first, second, unused, { ...adam, rate: scale * rate, step: ++step })
      return { macs: o.batch * mlpMacs(layout), evaluations: o.batch }
    }
  }
  const generation = (es: PureEs): Step => {
    const candidate = new Float32Array(layout.size)
    const losses = new Float64Array(es.members)
    return async (scale) => {
      const batch = batches.next()
      let evaluations = es.members * o.batch
      if (normalization === 'centre') evaluations += await fix(es.mean, batch)
      const by = normalization === 'centre' || normalization === 'virtual' ? given : engine
      for (let k = 0; k < es.members; k++) {
        es.member(k, candidate)
        if (normalization === 'virtual') evaluations += await fix(candidate, reference)
        losses[k] = (await by.run(candidate, [all], batch, none, null)).losses[0]!
      }
      es.tell(losses, scale)
      return { macs: evaluations * mlpMacs(layout, undefined, false, true), evaluations }
    }
  }
  let weights = initial
  let step: Step
  if ('adam' in o.learner) step = gradientStep(weights, o.learner.adam.rate)
  else {
    const es = new PureEs(initial, o.seed, pureEsOptions.parse(o.learner.es))
    weights = es.mean
    step = generation(es)
  }

  const watched = Math.floor(Math.min(WATCHED, data.validation.labels.length) / LANES) * LANES
  const curve: [number, number][] = []
  const reached: Reached[] = []
  let [gmacs, updates, evaluations, seconds] = [0, 0, 0, 0]
  while (gmacs < o.gmacs) {
    o.signal?.throwIfAborted()
    const began = performance.now()
    const made = await step(0.05 + 0.475 * (1 + Math.cos((Math.PI * gmacs) / o.gmacs)))
    seconds += (performance.now() - began) / 1000
    gmacs += made.macs / 1e9
    evaluations += made.evaluations
    updates++
    const progress = Math.min(1, gmacs / o.gmacs)
    if (curve.length >= Math.floor(progress * o.points)) continue
    const { error } = await measured('validation', watched)
    while (curve.length < Math.floor(progress * o.points))
      curve.push([(curve.length + 1) / o.points, Number(error.toFixed(2))])
    for (const target of o.targets)
      if (error <= target && !reached.some((r) => r.error === target))
        reached.push({ error: target, updates, evaluations, gmacs, seconds: Number(seconds.toFixed(2)) })
    o.report?.(progress)
    // So that a signal is heard.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { error, nll } = await measured(o.split)
  engine.close()
  given.close()
  return { error, nll, updates, evaluations, gmacs, curve, reached }
}
