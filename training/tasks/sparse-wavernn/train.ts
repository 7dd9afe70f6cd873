/**
 * The training loop of the Sparse WaveRNN. A run is a folder with checkpoints and log.jsonl; resuming one continues with the same
 * batches, masks and moments, so that an interrupted run equals an uninterrupted one.
 */
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
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
import { createRunLog, unlessDiskFull } from '../../net/disk.ts'
import { DeviceLost, type Engine, LANES } from '../../net/engine.ts'
import type { MaskMethod } from '../../net/mask.ts'
import { createUpdates } from '../../net/updates.ts'
import { maskedSegments, parameterLayout } from '../../net/vocoder-layout.ts'
import { Batches, emptyBatch, type LaneBatch } from './batches.ts'
import { type Checkpoint, readNewestCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { macsPerLaneStep } from './cost.ts'
import { measureNormalization, readRecording } from './data.ts'
import { initialParameters } from './initialize.ts'
import type { SparseWavernnJob } from './job.ts'
import { openCheckpoint } from './open.ts'
import { predictEnvelopes } from './predicted.ts'
import { trialUpdates } from './trial.ts'
import type { Recording } from './utterance.ts'
import { heldOutBits } from './validate.ts'

/** After a divergence the run goes back to its checkpoint and on with half the learning rate, at most this often. */
const MAX_DIVERGENCES = 5
/** A device that loses the weights so often without a checkpoint in between is given up. */
const MAX_LOSSES = 3

/** Learning rate of update `update`: linear warm-up, then cosine decay to `finalRate` by the progress of the schedule. */
export function learningRate(
  training: SparseWavernnJob['training'],
  update: number,
  progress = Math.min(1, update / training.updates),
): number {
  const { learningRate: top, finalRate, warmup } = training
  const decay = finalRate + (1 - finalRate) * 0.5 * (1 + Math.cos(Math.PI * progress))
  return top * Math.min(1, (update + 1) / Math.max(1, warmup)) * decay
}

/**
 * Trains until the schedule, `context.minutes` or `context.signal` ends it; always leaves a checkpoint. Throws CORPUS_*,
 * AUDIO_INVALID, JOB_INVALID, CHECKPOINT_INVALID, TRAINING_DIVERGED, ENGINE_UNAVAILABLE.
 */
export async function trainSparseWavernn(job: SparseWavernnJob, context: JobContext): Promise<void> {
  // What a checkpoint, an engine or a method refuses is said before the features are made, which can take long.
  const layout = parameterLayout(job.net)
  const restored = context.resume ? readNewestCheckpoint(job.run) : undefined
  if (restored) checkResumable(restored, job)
  masksOf(job)
  const { warn } = context
  const create = (name: string) => createEngine(name, layout, { threads: job.threads || availableParallelism(), warn })
  // Workers are processes of one thread each: nothing to choose.
  const choice =
    job.engine === 'auto' && job.workers === 0
      ? await chooseEngine({
          run: job.run,
          resume: context.resume,
          job: { net: job.net, masks: job.masks, lanes: job.training.lanes, steps: job.training.steps },
          create,
          start: (engine) => trialUpdates(job, engine, masksOf(job)),
          report: warn,
        })
      : undefined
  const engine =
    job.workers > 0
      ? await createParallelEngine(job.engine, layout, { workers: job.workers, warn })
      : await create(choice?.engine ?? job.engine)
  try {
    const { own, train, validation } = recordingsOf(job)
    await buildCache([...new Set([...own, ...train])], job.cache, {
      progress: ({ done, total }) => context.report({ stage: 'features', done, total }),
    })
    const idsOf = (utterances: readonly Utterance[]) => utterances.map((u) => u.id)
    const trainIds = idsOf(train)
    const validationIds = idsOf(validation)
    if (trainIds.length === 0) throw new SparsewaveError('CORPUS_INVALID', `${job.corpus} has no training utterances.`)
    if (validationIds.length === 0) {
      context.warn('No utterances are held out (ids ending in 3): validation is on training utterances.')
    }
    const predicted = job.acoustic === undefined ? undefined : path.join(job.run, 'predicted')
    if (predicted !== undefined) {
      const needed = own.filter((u) => split(u.id) !== 'test')
      await predictEnvelopes(predicted, job.acoustic!, job.sharpen, needed, job.cache, (done) =>
        context.report({ stage: 'features', done, total: needed.length }),
      )
    }
    const read = (id: string) => readRecording(job.cache, id, predicted)
    const heldOut = (validationIds.length > 0 ? validationIds : trainIds).slice(0, job.validation.utterances)

    makeFolder(job.run)
    const log = createRunLog(path.join(job.run, 'log.jsonl'), context.warn)
    if (choice && Object.keys(choice.seconds).length > 0)
      log({ event: 'engine', update: restored?.update ?? 0, engine: engine.name, seconds: choice.seconds })
    await new Run(job, context, engine, trainIds, heldOut, read, restored, log).train()
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
  return createMasks(method, { matrices: maskedSegments(parameterLayout(job.net)), seed: job.seed }, options)
}

class Run {
  readonly #job: SparseWavernnJob
  readonly #context: JobContext
  readonly #engine: Engine
  readonly #trainIds: readonly string[]
  readonly #heldOut: readonly string[]
  readonly #read: (id: string) => Recording
  readonly #log: (entry: Record<string, unknown>) => void
  readonly #groups: number
  #at: Checkpoint
  #divergences = 0
  #losses = 0

  constructor(
    job: SparseWavernnJob,
    context: JobContext,
    engine: Engine,
    trainIds: readonly string[],
    heldOut: readonly string[],
    read: (id: string) => Recording,
    restored: Checkpoint | undefined,
    log: (entry: Record<string, unknown>) => void,
  ) {
    this.#job = job
    this.#context = context
    this.#engine = engine
    this.#trainIds = trainIds
    this.#heldOut = heldOut
    this.#read = read
    this.#log = log
    this.#groups = job.training.lanes / LANES
    this.#at = restored ?? this.#initial()
  }

  #initial(): Checkpoint {
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
    const step = Math.max(1, Math.floor(this.#trainIds.length / 100))
    const sample = this.#trainIds.filter((_, i) => i % step === 0)
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
      normalization: from?.normalization ?? measureNormalization(sample.map(this.#read)),
      parameters: parameters.slice(),
      first: new Float32Array(layout.size),
      second: new Float32Array(layout.size),
      average: parameters.slice(),
      state: new Float32Array(this.#groups * job.net.hidden * LANES),
      masks: from?.masks ?? structuredClone(masks.state()),
    }
  }

  async train(): Promise<void> {
    for (;;) {
      try {
        return await this.#stretch()
      } catch (error) {
        if (error instanceof DeviceLost && ++this.#losses <= MAX_LOSSES) {
          const { update } = this.#at
          this.#log({ event: 'lost', update, reason: error.reason })
          this.#context.warn(`The GPU was lost (${error.reason}); going on from update ${update}.`)
          continue
        }
        if (!(error instanceof Divergence) || ++this.#divergences > MAX_DIVERGENCES) {
          throw error instanceof Divergence
            ? new SparsewaveError(
                'TRAINING_DIVERGED',
                `Training diverged ${this.#divergences} times; last at update ${error.update}.`,
              )
            : error
        }
        // Where this run last was, which is not what an older run may have left in the folder.
        const last = this.#at
        this.#at = { ...last, rateScale: last.rateScale / 2 }
        // So that a kill right now does not bring the higher rate back.
        unlessDiskFull(() => writeCheckpoint(this.#job.run, this.#at), this.#context.warn)
        this.#log({
          event: 'diverged',
          update: error.update,
          loss: error.loss,
          norm: error.norm,
          rateScale: this.#at.rateScale,
        })
        this.#context.warn(
          `Update ${error.update} diverged; going on from update ${last.update} with half the learning rate.`,
        )
      }
    }
  }

  /** From `#at` to the end of the schedule or a stop. Throws Divergence. */
  async #stretch(): Promise<void> {
    const { training, validation, net } = this.#job
    const { normalization } = this.#at
    const c = this.#at
    const weights = {
      parameters: c.parameters.slice(),
      first: c.first.slice(),
      second: c.second.slice(),
      average: c.average.slice(),
    }
    const state = c.state.slice()
    const masks = masksOf(this.#job)
    masks.restore(structuredClone(c.masks))
    const layout = parameterLayout(net)
    const matrices = maskedSegments(layout)
    const updates = createUpdates(this.#engine, { layout, masks, weights, state, groups: this.#groups })
    const batches = new Batches(
      (i) => this.#read(this.#trainIds[i]!),
      this.#trainIds.length,
      normalization,
      { groups: this.#groups, steps: training.steps, seed: this.#job.seed, noise: training.noise },
      c.batches.lanes.length > 0 ? c.batches : undefined,
    )
    const buffers = [emptyBatch(this.#groups, training.steps), emptyBatch(this.#groups, training.steps)]
    let { update, adamStep, audioSeconds, gmacs = 0 } = c
    const progress = () =>
      Math.min(1, training.gmacs === undefined ? update / training.updates : gmacs / training.gmacs)
    const started = performance.now()
    const wallSeconds = () => c.wallSeconds + (performance.now() - started) / 1000
    let before = batches.state()
    const take = (): LaneBatch => {
      before = batches.state()
      return batches.next(buffers[update % 2]!)
    }
    const snapshot = async () => {
      await updates.fetch()
      this.#losses = 0
      this.#at = {
        ...c,
        update,
        adamStep,
        smoothed,
        audioSeconds,
        gmacs,
        wallSeconds: wallSeconds(),
        batches: before,
        parameters: weights.parameters.slice(),
        first: weights.first.slice(),
        second: weights.second.slice(),
        average: weights.average.slice(),
        state: state.slice(),
        masks: structuredClone(masks.state()),
      }
    }
    const save = () => writeCheckpoint(this.#job.run, this.#at)
    const validate = async (): Promise<number[]> => {
      await updates.fetch()
      const recordings = this.#heldOut.map(this.#read)
      const { average } = weights
      const exported = masks.gateFinal ? average.slice() : average
      masks.gateFinal?.(average, exported)
      return heldOutBits(this.#engine, net.hidden, exported, masks.final(), recordings, normalization)
    }

    let current = take()
    let saved = performance.now()
    let { smoothed } = c
    const deadline = this.#context.minutes === undefined ? Infinity : started + this.#context.minutes * 60_000
    const more = () => update < training.updates && (training.gmacs === undefined || gmacs < training.gmacs)
    while (more() && !this.#context.signal.aborted && performance.now() < deadline) {
      const at = { step: update, progress: progress() }
      const rate = learningRate(training, update, at.progress) * c.rateScale
      const { beta1, beta2, epsilon, clip } = training
      // Early on the average follows quickly, so that it does not remember the initial weights.
      const keep = Math.min(training.average, (1 + adamStep) / (10 + adamStep))
      const adam = { rate, beta1, beta2, epsilon, clip, average: keep, step: adamStep + 1 }
      const pending = updates.update(at, current.batch, adam, current.fresh)
      // The next batch is built while the engine's threads work on this one.
      update++
      const next = take()
      const { losses, counts, count, norm, members, share, denseGradient, feedback } = await pending
      const examples = counts.reduce((a, b) => a + b, 0)
      const bits = sumByBand(losses).map((nats) => nats / examples / Math.LN2)
      const loss = bits.reduce((a, b) => a + b, 0)
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw new Divergence(update, loss, norm)
      adamStep++
      const memberLosses = Float64Array.from(counts, (n, m) => {
        let sum = 0
        for (let b = 0; b < BANDS; b++) sum += losses[m * BANDS + b]!
        return sum / n
      })
      masks.update(at, feedback(memberLosses))
      const laneSteps = (training.lanes * training.steps * (share === 'pairs' ? 2 : members.length)) / members.length
      for (const member of members) gmacs += (laneSteps * macsPerLaneStep(layout, member, denseGradient)) / 1e9
      audioSeconds += count / STEP_RATE
      smoothed = smoothed === undefined ? loss : 0.99 * smoothed + 0.01 * loss
      current = next
      this.#context.report({
        stage: 'train',
        done: update,
        total: training.updates,
        loss: smoothed,
        stepsPerSecond: ((audioSeconds - c.audioSeconds) * STEP_RATE) / (wallSeconds() - c.wallSeconds),
        audioPerSecond: (audioSeconds - c.audioSeconds) / (wallSeconds() - c.wallSeconds),
        sparsity: sparsityOf(members[0]!, matrices),
      })
      if (update % 100 === 0) {
        this.#log({
          event: 'train',
          update,
          bits,
          loss,
          smoothed,
          norm,
          rate,
          epochs: batches.epochs,
          audioSeconds,
          gmacs,
          wallSeconds: wallSeconds(),
          ...(masks.telemetry ? { masks: masks.telemetry() } : {}),
        })
      }
      if (update % validation.every === 0 || !more()) {
        const held = await validate()
        this.#log({
          event: 'validation',
          update,
          bits: held,
          loss: held.reduce((a, b) => a + b, 0),
          audioSeconds,
          gmacs,
          wallSeconds: wallSeconds(),
        })
        this.#context.report({
          stage: 'validation',
          done: update,
          total: training.updates,
          loss: held.reduce((a, b) => a + b, 0),
        })
      }
      if (performance.now() - saved > this.#job.checkpoint.minutes * 60_000) {
        await snapshot()
        unlessDiskFull(save, this.#context.warn)
        saved = performance.now()
      }
      // Lets a signal's handler run between updates, whatever the engine.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await snapshot()
    save()
  }
}

class Divergence extends Error {
  readonly update: number
  readonly loss: number
  readonly norm: number
  constructor(update: number, loss: number, norm: number) {
    super(`diverged at update ${update}`)
    this.update = update
    this.loss = loss
    this.norm = norm
  }
}

/** Sum of a loss array [members, 4] over members: [4]. */
function sumByBand(losses: Float64Array): number[] {
  const out = new Array<number>(BANDS).fill(0)
  for (let i = 0; i < losses.length; i++) out[i % BANDS]! += losses[i]!
  return out
}
