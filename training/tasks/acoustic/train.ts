/**
 * Training of the acoustic model. A run is a folder with checkpoints and log.jsonl; resuming one continues with the same batches,
 * moments and dropout, so that an interrupted run equals an uninterrupted one.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { buildCache, DURATION_UNIT, readCached, readCorpus, split, type Utterance } from '../../data/index.ts'
import { loadTfjs, type Tf } from '../../engines/tfjs.ts'
import { makeFolder } from '../../net/checkpoint-files.ts'
import type { JobContext } from '../../net/context.ts'
import { runLoop, type Stretch } from '../../net/loop.ts'
import { averageDecay, learningRate } from '../../net/schedule.ts'
import { type Batch, createBatch, planEpoch } from './batches.ts'
import { type Checkpoint, readNewestCheckpoint, writeCheckpoint } from './checkpoint.ts'
import type { AcousticJob } from './config.ts'
import { createExample, type Example, measureNormalization, measureSpeakerPitch } from './example.ts'
import { extend } from './extend.ts'
import { openCheckpoint } from './open.ts'
import { initialCheckpoint, type LossValues, Trainer } from './trainer.ts'

/** Updates between lines of the log. */
const LOG_EVERY = 20
/** Recordings that the normalisation is measured on. */
const MEASURED = 200

/**
 * Trains until the schedule, `context.minutes` or `context.signal` ends it; always leaves a checkpoint. Throws
 * CORPUS_*, CHECKPOINT_INVALID, TRAINING_DIVERGED, ENGINE_UNAVAILABLE.
 */
export async function trainAcoustic(job: AcousticJob, context: JobContext): Promise<void> {
  const { tf, backend } = await loadTfjs({ backend: job.engine, threads: job.threads })
  if (backend === 'cpu' && job.engine === 'auto')
    context.warn('TensorFlow is not set up, training in plain JavaScript: `npx sparsewave setup` makes it 100x faster.')
  const all = [job.corpus, ...job.more].flatMap((folder) => readCorpus(folder))
  await buildCache(all, job.cache, {
    progress: ({ done, total }) => context.report({ stage: 'features', done, total }),
  })
  const of = (name: string) => all.filter((u) => split(u.id) === name)
  const train = of('train')
  if (train.length === 0) throw new SparsewaveError('CORPUS_INVALID', `${job.corpus} has no training utterances.`)
  const unseen = of('validation').length > 0 ? of('validation') : train
  // Of all corpora and speakers.
  const heldOut = evenly(unseen, job.validation.utterances)

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
  const run = new Run(tf, job, train, heldOut)
  const { updates } = job.training
  await runLoop(
    {
      run: job.run,
      context,
      updates,
      logEvery: LOG_EVERY,
      validateEvery: job.validation.every,
      checkpointMinutes: job.checkpoint.minutes,
      smoothing: 0.98,
      start: (from) => run.stretch(from),
      write: (checkpoint) => writeCheckpoint(job.run, checkpoint),
    },
    restored ?? run.initial(),
  )
}

/** `count` of the items, as far from each other as possible; all when there are no more. */
function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]!)
}

class Run {
  readonly #tf: Tf
  readonly #job: AcousticJob
  readonly #train: readonly Utterance[]
  readonly #lengths: readonly number[]
  readonly #heldOut: readonly Utterance[]

  constructor(tf: Tf, job: AcousticJob, train: readonly Utterance[], heldOut: readonly Utterance[]) {
    this.#tf = tf
    this.#job = job
    this.#train = train
    this.#heldOut = heldOut
    this.#lengths = train.map((u) => (u.durations ?? []).reduce((a, b) => a + b, 0))
  }

  initial(): Checkpoint {
    const { from, model, seed } = this.#job
    const found = from === undefined ? undefined : openCheckpoint(from)
    const base = found?.normalization ?? measureNormalization(this.#measured(this.#train))
    // Speakers that the net knows keep what it knows of them.
    const speakerPitch = model.speakers.flatMap((speaker, i) => {
      const known = found?.config.speakers.includes(speaker) ? base.speakerPitch[i] : undefined
      if (known !== undefined) return known
      const own = this.#train.filter((u) => (u.speaker ?? model.speakers[0]) === speaker)
      if (own.length === 0)
        throw new SparsewaveError('CORPUS_INVALID', `No training utterance is of the speaker ${speaker}.`, {
          remedy: 'Leave the speaker out of the job, or add a corpus whose lines name it.',
        })
      return measureSpeakerPitch(this.#measured(own), model.speakers.length, base.pitchMean)[i]!
    })
    const fresh = initialCheckpoint(model, { ...base, speakerPitch }, seed)
    return found ? extend(found, fresh, from!) : fresh
  }

  #measured(utterances: readonly Utterance[]): Example[] {
    return evenly(utterances, MEASURED).map((u) => this.#example(u))
  }

  stretch(from: Checkpoint): Stretch<Checkpoint> {
    const { training, seed } = this.#job
    const { normalization } = from
    const trainer = new Trainer(this.#tf, from, { seed, dropout: training.dropout })
    let { epoch, batch: done } = from
    let plan = planEpoch(this.#lengths, training.batchUnits, seed, epoch)
    return {
      more: () => trainer.update < training.updates,
      step: async () => {
        if (done >= plan.length) {
          epoch++
          done = 0
          plan = planEpoch(this.#lengths, training.batchUnits, seed, epoch)
        }
        const batch = createBatch(
          plan[done]!.map((i) => this.#example(this.#train[i]!)),
          normalization,
        )
        const { update } = trainer
        const rate = learningRate(training, update, update / training.updates) * from.rateScale
        const average = averageDecay(training.average, update)
        const { losses, norm } = trainer.step(batch, { ...training, rate, average })
        done++
        const audioSeconds = (batch.realUnits * DURATION_UNIT) / SAMPLE_RATE
        return { loss: losses.total, norm, audioSeconds, log: () => ({ epoch, ...losses, rate }) }
      },
      validate: async () => {
        const held = this.#validate(trainer, normalization)
        return { loss: held.total, log: { ...held } }
      },
      snapshot: async (state) => ({ ...from, ...trainer.state(), ...state, epoch, batch: done }),
      close: () => trainer.dispose(),
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
    return createExample(this.#job.model, utterance, readCached(this.#job.cache, utterance.id).frames)
  }
}
