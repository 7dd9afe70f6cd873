/**
 * Training of the Sparse WaveRNN. A run is a folder with checkpoints and log.jsonl; resuming one continues with the same
 * batches, masks and moments, so that an interrupted run equals an uninterrupted one.
 */
import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { packageVersion } from 'sparsewave/internal/version'
import { BANDS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { STEP_RATE } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { augment } from '../../data/augment.ts'
import { buildCache } from '../../data/cache.ts'
import { readCorpus, type Split, split, type Utterance } from '../../data/corpus.ts'
import { chooseEngine } from '../../engines/auto.ts'
import { createEngine } from '../../engines/index.ts'
import { createParallelEngine } from '../../engines/parallel.ts'
import { createMasks } from '../../masks/index.ts'
import { sparsityOf } from '../../net/blocks.ts'
import { makeFolder } from '../../net/checkpoint-files.ts'
import type { JobContext } from '../../net/context.ts'
import { createRunLog } from '../../net/disk.ts'
import { type Engine, LANES } from '../../net/engine.ts'
import { runLoop, type Stretch } from '../../net/loop.ts'
import type { MaskMethod, Moment, Weights } from '../../net/mask.ts'
import { averageDecay, learningRate } from '../../net/schedule.ts'
import { maskedSegments, parameterLayout } from '../../net/vocoder-layout.ts'
import { createRanksEngine } from '../../ranks/engine.ts'
import type { Source } from './batch-threads.ts'
import type { BatchState, LaneBatch } from './batches.ts'
import { type Checkpoint, readNewestCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { macsPerLaneStep } from './cost.ts'
import { measureNormalization, readRecording } from './data.ts'
import { initialParameters } from './initialize.ts'
import type { SparseWavernnJob } from './job.ts'
import { openCheckpoint } from './open.ts'
import { openPortion, type Together } from './portion.ts'
import { predictEnvelopes } from './predicted.ts'
import { type Snapshot, writeSnapshot } from './snapshot.ts'
import { trialUpdates } from './trial.ts'
import type { Recording } from './utterance.ts'
import { heldOutBits } from './validate.ts'

/**
 * Trains until the schedule, `context.minutes` or `context.signal` ends it; always leaves a checkpoint. Throws CORPUS_*,
 * AUDIO_INVALID, JOB_INVALID, CHECKPOINT_INVALID, TRAINING_DIVERGED, ENGINE_UNAVAILABLE, RANK_LOST, RANKS_DIFFER.
 */
export async function trainSparseWavernn(job: SparseWavernnJob, context: JobContext): Promise<void> {
  // What a checkpoint, an engine or a method refuses is said before the features are made, which can take long.
  const layout = parameterLayout(job.net)
  const restored = context.resume ? readNewestCheckpoint(job.run) : undefined
  if (restored) checkResumable(restored, job)
  masksOf(job)
  const { warn, ranks } = context
  const leads = ranks?.leads ?? true
  await ranks?.same('version, job file or checkpoint', sameness(job, restored))
  const create = (name: string) => createEngine(name, layout, { threads: job.threads || availableParallelism(), warn })
  // Workers and ranks are processes of one thread each: nothing to choose.
  const choice =
    job.engine === 'auto' && job.workers === 0 && !ranks
      ? await chooseEngine({
          run: job.run,
          resume: context.resume,
          job: { net: job.net, masks: job.masks, lanes: job.training.lanes, steps: job.training.steps },
          create,
          start: (engine) => trialUpdates(job, engine, masksOf(job)),
          report: warn,
        })
      : undefined
  const together = ranks && {
    ranks,
    // Any number of threads gives the same bits. A part of one member leaves no more than one anything to do.
    engine: await createRanksEngine(job.engine, layout, job.training.lanes / LANES, ranks, {
      threads: job.threads || 1,
      warn,
    }),
  }
  const engine = together
    ? together.engine.local
    : job.workers > 0
      ? await createParallelEngine(job.engine, layout, { workers: job.workers, warn })
      : await create(choice?.engine ?? job.engine)
  try {
    const { own, train, validation } = recordingsOf(job)
    if (leads) {
      await buildCache([...new Set([...own, ...train])], job.cache, {
        progress: ({ done, total }) => context.report({ stage: 'features', done, total }),
      })
    }
    const idsOf = (utterances: readonly Utterance[]) => utterances.map((u) => u.id)
    const trainIds = idsOf(train)
    const validationIds = idsOf(validation)
    if (trainIds.length === 0) throw new SparsewaveError('CORPUS_INVALID', `${job.corpus} has no training utterances.`)
    if (validationIds.length === 0) {
      context.warn('No utterances are held out (ids ending in 3): validation is on training utterances.')
    }
    const predicted = job.acoustic === undefined ? undefined : path.join(job.run, 'predicted')
    if (predicted !== undefined && leads) {
      const needed = own.filter((u) => split(u.id) !== 'test')
      await predictEnvelopes(predicted, job.acoustic!, job.sharpen, needed, job.cache, (done) =>
        context.report({ stage: 'features', done, total: needed.length }),
      )
    }
    // The other ranks read what the first one has written.
    await ranks?.same('list of recordings', JSON.stringify([trainIds, validationIds]))
    const source = { cache: job.cache, ids: trainIds, predicted }
    const heldOut = (validationIds.length > 0 ? validationIds : trainIds).slice(0, job.validation.utterances)

    if (leads) makeFolder(job.run)
    const log = leads ? createRunLog(path.join(job.run, 'log.jsonl'), context.warn) : () => {}
    if (choice && Object.keys(choice.seconds).length > 0)
      log({ event: 'engine', update: restored?.update ?? 0, engine: engine.name, seconds: choice.seconds })
    const run = new Run(job, engine, source, heldOut, warn, together)
    await runLoop(
      {
        run: job.run,
        context,
        updates: job.training.updates,
        logEvery: 100,
        validateEvery: job.validation.every,
        checkpointMinutes: job.checkpoint.minutes,
        smoothing: 0.99,
        stepRate: STEP_RATE,
        start: (from) => run.stretch(from),
        write: (checkpoint) => {
          if (leads) writeCheckpoint(job.run, checkpoint)
        },
      },
      restored ?? run.initial(),
      log,
    )
  } finally {
    engine.close()
  }
}

/** The utterances of a job's corpus, and what it trains and validates on. Throws CORPUS_MISSING, CORPUS_INVALID. */
function recordingsOf(job: SparseWavernnJob) {
  const own = readCorpus(job.corpus)
  const of = (part: Split, all: readonly Utterance[]) => all.filter((u) => split(u.id) === part)
  const others = job.more.flatMap((folder) => of('train', readCorpus(folder)))
  const ids = new Set(own.map(({ id }) => id))
  for (const { id, audio } of others) {
    if (ids.has(id)) throw new SparsewaveError('CORPUS_INVALID', `The id ${id} of ${audio} is another corpus's too.`)
    ids.add(id)
  }
  const recordings = [...of('train', own).slice(0, job.utterances || undefined), ...others]
  const altered = job.augment ? augment(recordings, job.augment, job.seed) : []
  return { own, train: [...recordings, ...altered], validation: of('validation', own) }
}

/** Throws CHECKPOINT_INVALID when the job cannot go on from the checkpoint. */
function checkResumable(c: Checkpoint, job: SparseWavernnJob): void {
  const fail = (what: string, key: string) =>
    new SparsewaveError('CHECKPOINT_INVALID', `The checkpoint in ${job.run} ${what}.`, {
      remedy: `Give the job another \`run\` folder, or restore its \`${key}\`.`,
    })
  if (JSON.stringify(c.net) !== JSON.stringify(job.net)) throw fail('was trained with another `net`', 'net')
  if (c.maskMethod !== job.masks.method) throw fail(`has '${c.maskMethod}' masks`, 'masks.method')
  const lanes = c.batches.lanes.length
  if (lanes > 0 && lanes !== job.training.lanes)
    throw fail(`has ${lanes} lanes where the job has ${job.training.lanes}`, 'training.lanes')
}

/**
 * Throws CHECKPOINT_INVALID when the job cannot start from the weights of `from`. Another method may go on from its masks where masks
 * are all that both keep.
 */
function checkStart(c: Checkpoint, job: SparseWavernnJob, masks: MaskMethod): void {
  const form = (state: object) =>
    JSON.stringify(
      Object.entries(state)
        .map(([key, v]) => [key, v instanceof Uint16Array ? v.length : typeof v])
        .sort(),
    )
  const net = JSON.stringify(c.net) === JSON.stringify(job.net)
  if (net && (c.maskMethod === job.masks.method || form(c.masks) === form(masks.state()))) return
  throw new SparsewaveError(
    'CHECKPOINT_INVALID',
    `${job.from} was trained with another \`net\`, or its masks say nothing to '${job.masks.method}'.`,
    { remedy: 'Give the job the `net` and `masks` of the run it starts from.' },
  )
}

function masksOf(job: SparseWavernnJob): MaskMethod {
  const { method, ...options } = job.masks
  const masks = createMasks(method, { matrices: maskedSegments(parameterLayout(job.net)), seed: job.seed }, options)
  const { share, pairs = 1 } = masks
  if (share === 'pairs' && (job.training.lanes / LANES) % pairs !== 0)
    throw new SparsewaveError(
      'JOB_INVALID',
      `${job.training.lanes} lanes cannot be shared by ${pairs} pairs of masks.`,
      {
        remedy: `Give training.lanes a multiple of ${LANES * pairs}, or fewer masks.pairs.`,
      },
    )
  return masks
}

/** Equal for ranks that can train together. Folders may lie elsewhere on another host, and what does the work may differ. */
function sameness(job: SparseWavernnJob, restored: Checkpoint | undefined): string {
  const { corpus: _, more: _m, cache: _c, run: _r, threads: _t, batchThreads: _b, ...rest } = job
  const hash = createHash('sha256').update(JSON.stringify([packageVersion(), process.version, rest, restored?.update]))
  for (const name of ['parameters', 'first', 'second', 'average', 'state'] as const)
    if (restored) hash.update(restored[name])
  return hash.digest('hex')
}

class Run {
  readonly #job: SparseWavernnJob
  readonly #engine: Engine
  readonly #source: Source
  readonly #heldOut: readonly string[]
  readonly #groups: number
  readonly #warn: (message: string) => void
  readonly #together: Together | undefined

  constructor(
    job: SparseWavernnJob,
    engine: Engine,
    source: Source,
    heldOut: readonly string[],
    warn: (message: string) => void,
    together: Together | undefined,
  ) {
    this.#job = job
    this.#engine = engine
    this.#source = source
    this.#heldOut = heldOut
    this.#warn = warn
    this.#together = together
    this.#groups = job.training.lanes / LANES
  }

  initial(): Checkpoint {
    const job = this.#job
    const layout = parameterLayout(job.net)
    const from = job.from === undefined ? undefined : openCheckpoint(job.from)
    const masks = masksOf(job)
    if (from) checkStart(from, job, masks)
    const parameters = from?.average ?? initialParameters(layout, job.seed)
    if (masks.startsDense && !from) {
      // Their scale is that of the kept blocks alone.
      for (const { offset, size, kept, columns } of maskedSegments(layout)) {
        const scale = Math.sqrt(kept / columns)
        for (let k = offset; k < offset + size; k++) parameters[k]! *= scale
      }
    }
    const { ids } = this.#source
    const step = Math.max(1, Math.floor(ids.length / 100))
    const sample = ids.filter((_, i) => i % step === 0)
    const { method, ...maskOptions } = job.masks
    return {
      net: job.net,
      update: 0,
      adamStep: 0,
      rateScale: 1,
      audioSeconds: 0,
      wallSeconds: 0,
      gmacs: 0,
      maskMethod: method,
      maskOptions,
      batches: { draws: 0, lanes: [] },
      normalization: from?.normalization ?? measureNormalization(sample.map((id) => this.#read(id))),
      parameters: parameters.slice(),
      first: new Float32Array(layout.size),
      second: new Float32Array(layout.size),
      average: parameters.slice(),
      state: new Float32Array(this.#groups * job.net.hidden * LANES),
      masks: from?.masks ?? structuredClone(masks.state()),
    }
  }

  #read(id: string): Recording {
    const { cache, predicted } = this.#source
    return readRecording(cache, id, predicted)
  }

  /** What people may listen to and look at. A run goes on without it. */
  async #leaveSamples(update: number, net: Omit<Snapshot, 'update' | 'recordings'>): Promise<void> {
    const count = this.#job.validation.samples
    if (count === 0) return
    try {
      const recordings = new Map(this.#heldOut.slice(0, count).map((id) => [id, this.#read(id)]))
      await writeSnapshot(this.#job.run, { ...net, update, recordings })
    } catch (error) {
      this.#warn(
        `The samples of update ${update} could not be written (${(error as Error).message}). Training goes on.`,
      )
    }
  }

  stretch(c: Checkpoint): Stretch<Checkpoint> {
    const { training, net, seed, batchThreads } = this.#job
    const { normalization } = c
    const leads = this.#together?.ranks.leads ?? true
    const weights = {
      parameters: c.parameters.slice(),
      first: c.first.slice(),
      second: c.second.slice(),
      average: c.average.slice(),
    }
    const masks = masksOf(this.#job)
    masks.restore(structuredClone(c.masks))
    const layout = parameterLayout(net)
    const matrices = maskedSegments(layout)
    const shape = { groups: this.#groups, steps: training.steps, seed, noise: training.noise }
    const shared = { engine: this.#engine, together: this.#together, layout, masks, weights }
    const open = (at: Moment, state: Float32Array, before: BatchState) =>
      openPortion({ ...shared, source: this.#source, normalization, shape, batchThreads }, at, state, before)
    let { update, adamStep, gmacs = 0 } = c
    const now = (): Moment => {
      const progress = training.gmacs === undefined ? update / training.updates : gmacs / training.gmacs
      return { step: update, progress: Math.min(1, progress) }
    }
    let portion = open(now(), c.state, c.batches)
    /** The batch of the next update; undefined before the first. */
    let current: LaneBatch | undefined

    const step = async () => {
      const at = now()
      if (!portion.fits(at)) {
        const state = await portion.wholeState()
        await portion.close()
        portion = open(at, state, current?.before ?? c.batches)
        current = undefined
      }
      const { updates } = portion
      const rate = learningRate(training, update, at.progress) * c.rateScale
      const { beta1, beta2, epsilon, clip } = training
      const average = averageDecay(training.average, adamStep)
      const adam = { rate, beta1, beta2, epsilon, clip, average, step: adamStep + 1 }
      current ??= await portion.next()
      const pending = updates.update(at, current.batch, adam, current.fresh)
      // It is awaited below. Until then the next batch is made and sent while the engine works on this one.
      pending.catch(() => {})
      update++
      const next = await portion.next()
      await updates.send(next.batch)
      const { losses, counts, count, norm, members, share, denseGradient, feedback } = await pending
      const examples = counts.reduce((a, b) => a + b, 0)
      const bits = sumByBand(losses).map((nats) => nats / examples / Math.LN2)
      const loss = bits.reduce((a, b) => a + b, 0)
      const audioSeconds = count / STEP_RATE
      if (Number.isFinite(loss) && Number.isFinite(norm)) {
        adamStep++
        const memberLosses = Float64Array.from(counts, (n, m) => {
          let sum = 0
          for (let b = 0; b < BANDS; b++) sum += losses[m * BANDS + b]!
          return sum / n
        })
        masks.update(at, feedback(memberLosses))
        const laneSteps = (training.lanes * training.steps * (share === 'pairs' ? 2 : members.length)) / members.length
        for (const member of members) gmacs += (laneSteps * macsPerLaneStep(layout, member, denseGradient)) / 1e9
        current = next
      }
      const log = () => ({
        bits,
        rate,
        epochs: next.epochs,
        ...(masks.telemetry ? { masks: masks.telemetry() } : {}),
      })
      return { loss, norm, audioSeconds, log, progress: { sparsity: sparsityOf(members[0]!, matrices) } }
    }

    return {
      more: () => update < training.updates && (training.gmacs === undefined || gmacs < training.gmacs),
      step,
      cost: () => ({ gmacs, ...(this.#together && { sentBytes: this.#together.ranks.sent }) }),
      validate: async () => {
        // The others wait for the first one, at the next thing that they do together.
        if (!leads) return { loss: Number.NaN, log: {} }
        await portion.updates.fetch()
        const recordings = this.#heldOut.map((id) => this.#read(id))
        const exported = masks.gateFinal ? weights.average.slice() : weights.average
        masks.gateFinal?.(weights.average, exported)
        const bits = await heldOutBits(this.#engine, net.hidden, exported, masks.final(), recordings, normalization)
        await this.#leaveSamples(update, { layout, average: exported, masks: masks.final(), normalization })
        return { loss: bits.reduce((a, b) => a + b, 0), log: { bits } }
      },
      snapshot: async (loop) => {
        await portion.updates.fetch()
        await this.#together?.ranks.same('weights', digestOf(weights))
        return {
          ...c,
          ...loop,
          adamStep,
          gmacs,
          batches: current?.before ?? c.batches,
          parameters: weights.parameters.slice(),
          first: weights.first.slice(),
          second: weights.second.slice(),
          average: weights.average.slice(),
          state: await portion.wholeState(),
          masks: structuredClone(masks.state()),
        }
      },
      close: () => portion.close(),
    }
  }
}

const digestOf = ({ parameters, average }: Weights): string =>
  createHash('sha256').update(parameters).update(average).digest('hex')

/** Sum of a loss array [members, 4] over members: [4]. */
function sumByBand(losses: Float64Array): number[] {
  const out = new Array<number>(BANDS).fill(0)
  for (let i = 0; i < losses.length; i++) out[i % BANDS]! += losses[i]!
  return out
}
