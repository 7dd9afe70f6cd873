/**
 * The training loop of the acoustic model. A run is a folder with checkpoints and log.jsonl; resuming one continues with
 * the same batches, moments and dropout, so that an interrupted run equals an uninterrupted one.
 */
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { buildCache, DURATION_UNIT, readCached, readCorpus, split, type Utterance } from '../../data/index.ts'
import { loadTfjs, type Tf } from '../../engines/tfjs.ts'
import { makeFolder } from '../../jobs/checkpoints.ts'
import { createRunLog, unlessDiskFull } from '../../jobs/disk.ts'
import type { JobContext } from '../../jobs/job.ts'
import { type Batch, createBatch, planEpoch } from './batches.ts'
import { type Checkpoint, openCheckpoint, readNewestCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { AcousticJob } from './config.ts'
import { createExample, type Example, measureNormalization } from './example.ts'
import { startOf } from './start.ts'
import { initialCheckpoint, type LossValues, Trainer } from './trainer.ts'

/** After a divergence the run goes back to its checkpoint and on with half the learning rate, at most this often. */
const MAX_DIVERGENCES = 5
/** Updates between lines of the log. */
const LOG_EVERY = 20
/** Recordings that the normalisation is measured on. */
const MEASURED = 200

/** Learning rate of update `update` (from 0): linear warm-up, then cosine decay to `finalRate`. */
export function learningRate(training: AcousticJob['training'], update: number): number {
  const { learningRate: top, finalRate, warmup, updates } = training
  const decay = finalRate + (1 - finalRate) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, update / updates)))
  return top * Math.min(1, (update + 1) / Math.max(1, warmup)) * decay
}

/**
 * Trains until the schedule, `context.minutes` or `context.signal` ends it; always leaves a checkpoint. Throws
 * CORPUS_*, CHECKPOINT_INVALID, TRAINING_DIVERGED, ENGINE_UNAVAILABLE.
 */
export async function trainAcoustic(job: AcousticJob, context: JobContext): Promise<void> {
  const { tf, backend } = await loadTfjs({ backend: job.engine, threads: job.threads })
  if (backend === 'cpu' && job.engine === 'auto')
    context.warn(
      'TensorFlow is not set up, training in plain JavaScript: `npm run setup:tensorflow` makes it 100x faster.',
    )
  const all = readCorpus(job.corpus)
  await buildCache(all, job.cache, {
    progress: ({ done, total }) => context.report({ stage: 'features', done, total }),
  })
  const of = (name: string) => all.filter((u) => split(u.id) === name)
  const train = of('train')
  if (train.length === 0) throw new SparsewaveError('CORPUS_INVALID', `${job.corpus} has no training utterances.`)
  const heldOut = (of('validation').length > 0 ? of('validation') : train).slice(0, job.validation.utterances)

  const restored = context.resume ? readNewestCheckpoint(job.run) : undefined
  if (restored && JSON.stringify(restored.config) !== JSON.stringify(job.model))
    throw new SparsewaveError(
      'CHECKPOINT_INVALID',
      `The checkpoint in ${job.run} was trained with another \`model\`.`,
      {
        remedy: 'Give the job another `run` folder, or restore its `model`.',
      },
    )
  makeFolder(job.run)
  const run = new Run(tf, job, context, train, heldOut)
  await run.train(restored ?? run.initial())
}

/** The state of a new run that starts from the weights of `from`. Throws CHECKPOINT_INVALID when they are of another net. */
function startFrom(from: string, model: AcousticJob['model']): Checkpoint {
  const found = openCheckpoint(from)
  if (JSON.stringify(found.config) !== JSON.stringify(model))
    throw new SparsewaveError('CHECKPOINT_INVALID', `${from} was trained with another \`model\`.`, {
      remedy: 'Give the job the `model` of what it starts from.',
    })
  return startOf({ ...found, parameters: found.average })
}

class Run {
  readonly #tf: Tf
  readonly #job: AcousticJob
  readonly #context: JobContext
  readonly #train: readonly Utterance[]
  readonly #lengths: readonly number[]
  readonly #heldOut: readonly Utterance[]
  readonly #log: (entry: Record<string, unknown>) => void
  #last: Checkpoint | undefined

  constructor(
    tf: Tf,
    job: AcousticJob,
    context: JobContext,
    train: readonly Utterance[],
    heldOut: readonly Utterance[],
  ) {
    this.#tf = tf
    this.#job = job
    this.#context = context
    this.#train = train
    this.#heldOut = heldOut
    this.#log = createRunLog(path.join(job.run, 'log.jsonl'), context.warn)
    this.#lengths = train.map((u) => (u.durations ?? []).reduce((a, b) => a + b, 0))
  }

  initial(): Checkpoint {
    const { from, model } = this.#job
    if (from !== undefined) return startFrom(from, model)
    const every = Math.max(1, Math.floor(this.#train.length / MEASURED))
    const measured = this.#train.filter((_, i) => i % every === 0)
    const normalization = measureNormalization(measured.map((u) => this.#example(u)))
    return initialCheckpoint(this.#job.model, normalization, this.#job.seed)
  }

  async train(from: Checkpoint): Promise<void> {
    let start = from
    for (let divergences = 1; ; divergences++) {
      const failed = await this.#stretch(start)
      if (!failed) return
      if (divergences > MAX_DIVERGENCES)
        throw new SparsewaveError(
          'TRAINING_DIVERGED',
          `Training diverged ${divergences} times; last at update ${failed.update}.`,
        )
      // Where this run last was, which is not what an older run may have left in the folder.
      const last = this.#last ?? from
      start = { ...last, rateScale: last.rateScale / 2 }
      this.#last = start
      // So that a kill right now does not bring the higher rate back.
      unlessDiskFull(() => writeCheckpoint(this.#job.run, start), this.#context.warn)
      this.#log({ event: 'diverged', ...failed, rateScale: start.rateScale })
      this.#context.warn(
        `Update ${failed.update} diverged; going on from update ${last.update} with half the learning rate.`,
      )
    }
  }

  /** From a checkpoint to the end of the schedule or a stop; returns where it diverged, if it did. */
  async #stretch(from: Checkpoint): Promise<{ update: number; loss: number; norm: number } | undefined> {
    const { training, seed, validation, checkpoint, run } = this.#job
    const { normalization } = from
    const trainer = new Trainer(this.#tf, from, { seed, dropout: training.dropout })
    const started = performance.now()
    const wallSeconds = () => from.wallSeconds + (performance.now() - started) / 1000
    const deadline = started + (this.#context.minutes ?? Number.POSITIVE_INFINITY) * 60_000
    let { epoch, batch: done, audioSeconds } = from
    let plan = planEpoch(this.#lengths, training.batchUnits, seed, epoch)
    let saved = performance.now()
    let smoothed: number | undefined
    const save = () => {
      this.#last = {
        ...from,
        ...trainer.state(),
        update: trainer.update,
        epoch,
        batch: done,
        audioSeconds,
        wallSeconds: wallSeconds(),
      }
      writeCheckpoint(run, this.#last)
    }
    try {
      while (trainer.update < training.updates && !this.#context.signal.aborted && performance.now() < deadline) {
        if (done >= plan.length) {
          epoch++
          done = 0
          plan = planEpoch(this.#lengths, training.batchUnits, seed, epoch)
        }
        const batch = createBatch(
          plan[done]!.map((i) => this.#example(this.#train[i]!)),
          normalization,
        )
        const rate = learningRate(training, trainer.update) * from.rateScale
        // Early on the average follows quickly, so that it does not remember the initial parameters.
        const average = Math.min(training.average, (1 + trainer.update) / (10 + trainer.update))
        const { losses, norm } = trainer.step(batch, { ...training, rate, average })
        if (!Number.isFinite(norm)) return { update: trainer.update + 1, loss: losses.total, norm }
        done++
        const { update } = trainer
        audioSeconds += (batch.realUnits * DURATION_UNIT) / SAMPLE_RATE
        smoothed = smoothed === undefined ? losses.total : 0.98 * smoothed + 0.02 * losses.total
        const elapsed = wallSeconds() - from.wallSeconds
        this.#context.report({
          stage: 'train',
          done: update,
          total: training.updates,
          loss: smoothed,
          audioPerSecond: (audioSeconds - from.audioSeconds) / elapsed,
        })
        if (update % LOG_EVERY === 0)
          this.#log({
            event: 'train',
            update,
            epoch,
            ...losses,
            smoothed,
            norm,
            rate,
            audioSeconds,
            wallSeconds: wallSeconds(),
          })
        if (update % validation.every === 0 || update === training.updates) {
          const held = this.#validate(trainer, normalization)
          this.#log({ event: 'validation', update, ...held, audioSeconds, wallSeconds: wallSeconds() })
          this.#context.report({ stage: 'validation', done: update, total: training.updates, loss: held.total })
        }
        if (performance.now() - saved > checkpoint.minutes * 60_000) {
          unlessDiskFull(save, this.#context.warn)
          saved = performance.now()
        }
        // Lets a signal's handler run between updates.
        await new Promise((resolve) => setImmediate(resolve))
      }
      save()
      return undefined
    } finally {
      trainer.dispose()
    }
  }

  #validate(trainer: Trainer, normalization: Checkpoint['normalization']): LossValues {
    const sums = { total: 0, duration: 0, pitch: 0, voicing: 0, envelope: 0 }
    let units = 0
    for (const utterance of this.#heldOut) {
      const batch: Batch = createBatch([this.#example(utterance)], normalization)
      const losses = trainer.evaluate(batch)
      for (const name of Object.keys(sums) as (keyof LossValues)[]) sums[name] += losses[name] * batch.units
      units += batch.units
    }
    for (const name of Object.keys(sums) as (keyof LossValues)[]) sums[name] /= units
    return sums
  }

  #example(utterance: Utterance): Example {
    return createExample(this.#job.model.symbols, utterance, readCached(this.#job.cache, utterance.id).frames)
  }
}
