/**
 * The training loop of every net that is trained as a job. A task gives one update, validation and snapshots; the loop keeps time,
 * logs, saves checkpoints, and goes back to the last one when training diverges or a device is lost.
 */
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { JobContext, Progress } from './context.ts'
import { createRunLog, unlessDiskFull } from './disk.ts'
import { DeviceLost } from './engine.ts'

/** After a divergence the run goes back to its checkpoint and on with half the learning rate, at most this often. */
const MAX_DIVERGENCES = 5
/** A device that is lost so often without a snapshot in between is given up. */
const MAX_LOSSES = 3

/** What the loop itself keeps in a checkpoint. */
export interface LoopState {
  /** Updates done. */
  readonly update: number
  /** Factor on the learning rate, halved after a divergence. */
  readonly rateScale: number
  /** Moving average of the loss; undefined before the first update. */
  readonly smoothed?: number | undefined
  /** Seconds of audio trained on. */
  readonly audioSeconds: number
  readonly wallSeconds: number
}

/** One update as the loop sees it. */
export interface Step {
  /** Where loss or norm is not finite, the update did not happen and training has diverged. */
  readonly loss: number
  /** Norm of the gradient before clipping. */
  readonly norm: number
  /** Seconds of audio of the batch. */
  readonly audioSeconds: number
  /** What the log says of the update beside loss, norm and time; asked for only where a line is written. */
  log(): Record<string, unknown>
  readonly progress?: Partial<Progress>
}

/** A run between two checkpoints. */
export interface Stretch<C> {
  /** Whether the schedule has updates left. */
  more(): boolean
  step(): Promise<Step>
  /** Held-out loss, and what the log says of it. */
  validate(): Promise<{ readonly loss: number; readonly log: Record<string, unknown> }>
  /** Everything an exact resume needs, copied. */
  snapshot(state: LoopState): Promise<C>
  /** What the log's lines say beside time. */
  cost?(): Record<string, unknown>
  close?(): void | Promise<void>
}

export interface Loop<C extends LoopState> {
  /** Folder of the run: its log.jsonl. */
  readonly run: string
  readonly context: JobContext
  /** Updates of the whole schedule, for progress. */
  readonly updates: number
  /** Updates between lines of the log, between validations; minutes between checkpoints. */
  readonly logEvery: number
  readonly validateEvery: number
  readonly checkpointMinutes: number
  /** Steps of a second of audio, where the net makes audio step by step. */
  readonly stepRate?: number
  /** Weight of the past in the smoothed loss. */
  readonly smoothing: number
  /** The live state of a checkpoint. */
  start(from: C): Stretch<C>
  /** Writes a checkpoint durably. Throws DISK_FULL. */
  write(checkpoint: C): void
}

type Log = (entry: Record<string, unknown>) => void

/**
 * Trains from a checkpoint until the schedule, `context.minutes` or `context.signal` ends it; always leaves a checkpoint. Throws
 * TRAINING_DIVERGED, ENGINE_UNAVAILABLE, and what the task throws.
 */
export async function runLoop<C extends LoopState>(
  o: Loop<C>,
  from: C,
  log: Log = createRunLog(path.join(o.run, 'log.jsonl'), o.context.warn),
): Promise<void> {
  const { warn } = o.context
  // Where this run last was, which is not what an older run may have left in the folder.
  let last = from
  let losses = 0
  const keep = (snapshot: C) => {
    last = snapshot
    losses = 0
  }
  for (let divergences = 0; ; ) {
    let diverged: Diverged | undefined
    try {
      diverged = await stretch(o, last, keep, log)
    } catch (error) {
      if (!(error instanceof DeviceLost) || ++losses > MAX_LOSSES) throw error
      log({ event: 'lost', update: last.update, reason: error.reason })
      warn(`The GPU was lost (${error.reason}); going on from update ${last.update}.`)
      continue
    }
    if (!diverged) return
    if (++divergences > MAX_DIVERGENCES)
      throw new SparsewaveError(
        'TRAINING_DIVERGED',
        `Training diverged ${divergences} times; last at update ${diverged.update}.`,
      )
    last = { ...last, rateScale: last.rateScale / 2 }
    // So that a kill right now does not bring the higher rate back.
    unlessDiskFull(() => o.write(last), warn)
    log({ event: 'diverged', ...diverged, rateScale: last.rateScale })
    warn(`Update ${diverged.update} diverged; going on from update ${last.update} with half the learning rate.`)
  }
}

interface Diverged {
  readonly update: number
  readonly loss: number
  readonly norm: number
}

/** From a checkpoint to the end of the schedule or a stop; returns where it diverged, if it did. */
async function stretch<C extends LoopState>(
  o: Loop<C>,
  from: C,
  keep: (snapshot: C) => void,
  log: Log,
): Promise<Diverged | undefined> {
  const { context } = o
  const live = o.start(from)
  const { ranks } = context
  const started = performance.now()
  const wallSeconds = () => from.wallSeconds + (performance.now() - started) / 1000
  const deadline = started + (context.minutes ?? Number.POSITIVE_INFINITY) * 60_000
  let { update, audioSeconds, smoothed } = from
  let saved = performance.now()
  const snapshot = async () => {
    const { rateScale } = from
    const made = await live.snapshot({ update, rateScale, smoothed, audioSeconds, wallSeconds: wallSeconds() })
    keep(made)
    return made
  }
  const cost = () => ({ audioSeconds, ...live.cost?.(), wallSeconds: wallSeconds() })
  try {
    const isOver = () => context.signal.aborted || performance.now() >= deadline
    let stop = ranks ? (await ranks.agree({ stop: isOver(), save: false })).stop : isOver()
    while (live.more() && !stop) {
      const step = await live.step()
      update++
      if (!Number.isFinite(step.loss) || !Number.isFinite(step.norm))
        return { update, loss: step.loss, norm: step.norm }
      audioSeconds += step.audioSeconds
      smoothed = smoothed === undefined ? step.loss : o.smoothing * smoothed + (1 - o.smoothing) * step.loss
      const audioPerSecond = (audioSeconds - from.audioSeconds) / (wallSeconds() - from.wallSeconds)
      context.report({
        stage: 'train',
        done: update,
        total: o.updates,
        loss: smoothed,
        audioPerSecond,
        ...(o.stepRate !== undefined && { stepsPerSecond: audioPerSecond * o.stepRate }),
        ...step.progress,
      })
      if (update % o.logEvery === 0)
        log({ event: 'train', update, loss: step.loss, smoothed, norm: step.norm, ...step.log(), ...cost() })
      if (update % o.validateEvery === 0 || !live.more()) {
        const held = await live.validate()
        log({ event: 'validation', update, loss: held.loss, ...held.log, ...cost() })
        context.report({ stage: 'validation', done: update, total: o.updates, loss: held.loss })
      }
      let save = performance.now() - saved > o.checkpointMinutes * 60_000
      if (ranks) ({ stop, save } = await ranks.agree({ stop: isOver(), save }))
      if (save) {
        const made = await snapshot()
        unlessDiskFull(() => o.write(made), context.warn)
        saved = performance.now()
      }
      // Lets a signal's handler run between updates, whatever the engine.
      await new Promise((resolve) => setImmediate(resolve))
      if (!ranks) stop = isOver()
    }
    o.write(await snapshot())
    return undefined
  } finally {
    await live.close?.()
  }
}
