/**
 * The deadline scheduler of a worker thread. A stream's deadline is when its listener runs out of audio. The streams with
 * the nearest deadlines go first, as many as the vocoder batches. A stream without audio yet is due soon after it asks, and
 * one that is far ahead yields to those that are not.
 */

import { PANEL } from '../../src/kernels/index.ts'

interface Waiting {
  /** Time in ms at which the listener runs out of audio; -Infinity before the first chunk. */
  readonly deadline: number
  /** Sort key: the deadline, or when a new stream's first audio is due. */
  readonly due: number
  readonly go: () => void
}

interface WaitingForModel extends Waiting {
  readonly since: number
  readonly symbols: number
}

/** Removes the most urgent one; of equals the one that came first. */
function takeFirst<T extends Waiting>(waiting: T[]): T | undefined {
  let first = 0
  for (let i = 1; i < waiting.length; i++) if (waiting[i]!.due < waiting[first]!.due) first = i
  return waiting.splice(first, 1)[0]
}

/**
 * A new stream's first piece is due so long after it is asked for, ms. Streams with nearer deadlines go first, so a stream
 * that has just begun gets some audio ahead before the next one begins.
 */
const NEW_STREAM_DELAY = 30

/** Streams with more audio ahead than this, ms, wait while the acoustic model works on a new stream's first sentence. */
const COMFORTABLE = 1000

/** Streams with more audio ahead than this, ms, do not join a batch with streams that have less. */
const FAR_AHEAD = 2000

/** While a stream is within URGENT ms of an underrun, those more than SAFE ms away wait: all streams of a batch wait for its end. */
const URGENT = 100
const SAFE = 500

/** Time of a call of the acoustic model before one was measured, ms a symbol; and the weight of the old estimate in a new one. */
const SYMBOL_TIME = 0.5
const SMOOTHING = 0.8
/** A call may take so many times what is expected, and ms more, before a stream underruns. */
const MODEL_SLACK = 2
const MODEL_MARGIN = 30

/** A call of the acoustic model waits for streams that are close to an underrun, but no longer than this since it was asked for and since the last call, ms. */
const PATIENCE = 60

export class DeadlineScheduler {
  readonly #waiting: Waiting[] = []
  readonly #waitingForModel: WaitingForModel[] = []
  /** Deadlines of the streams in the vocoder's batch. */
  readonly #running: number[] = []
  #scheduled = false
  #modelBusy = false
  #modelEnded = 0
  #symbolTime = SYMBOL_TIME
  /** Streams without audio yet that wait for the acoustic model or have it. */
  #newStreams = 0

  /**
   * Runs a stream's vocoder work when the stream is due. `batch` is the number of streams that are then in the vocoder, this
   * one included. Messages are handled between two pieces of work.
   */
  async run<T>(deadline: number, work: (batch: number) => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      this.#waiting.push({ deadline, due: dueBy(deadline), go })
      this.#schedule()
    })
    try {
      return await work(this.#running.length)
    } finally {
      this.#running.splice(this.#running.indexOf(deadline), 1)
      this.#schedule()
    }
  }

  /**
   * Runs a call of the acoustic model on so many symbols. Calls run one at a time, so that the first in line is answered soon
   * instead of all of them late. A call holds the thread, so it waits until no stream would underrun meanwhile, up to PATIENCE.
   */
  async exclusive<T>(deadline: number, symbols: number, work: () => Promise<T>): Promise<T> {
    const isNew = deadline === Number.NEGATIVE_INFINITY
    if (isNew) this.#newStreams++
    await new Promise<void>((go) => {
      this.#waitingForModel.push({ deadline, due: dueBy(deadline), go, symbols, since: performance.now() })
      this.#schedule()
    })
    const started = performance.now()
    try {
      return await work()
    } finally {
      const time = (performance.now() - started) / Math.max(1, symbols)
      this.#symbolTime = SMOOTHING * this.#symbolTime + (1 - SMOOTHING) * time
      this.#modelBusy = false
      this.#modelEnded = performance.now()
      if (isNew) this.#newStreams--
      this.#schedule()
    }
  }

  /** Whether a stream that has begun underruns before `time` unless it gets more audio. */
  #underrunsBy(time: number): boolean {
    const isUrgent = (deadline: number): boolean => deadline > Number.NEGATIVE_INFINITY && deadline < time
    return this.#running.some(isUrgent) || this.#waiting.some(({ deadline }) => isUrgent(deadline))
  }

  /** Starts the next call of the acoustic model if it is time for it. */
  #startModel(now: number): void {
    if (this.#modelBusy || this.#waitingForModel.length === 0) return
    const patient = this.#waitingForModel.every(({ since }) => now - Math.max(since, this.#modelEnded) < PATIENCE)
    const longest = Math.max(...this.#waitingForModel.map(({ symbols }) => symbols))
    if (patient && this.#underrunsBy(now + MODEL_SLACK * longest * this.#symbolTime + MODEL_MARGIN)) return
    this.#modelBusy = true
    takeFirst(this.#waitingForModel)!.go()
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length + this.#waitingForModel.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const now = performance.now()
      this.#startModel(now)
      if (this.#running.length >= PANEL.streams) return
      // What the vocoder does not use of the thread goes to the acoustic model.
      const comfortable = this.#newStreams > 0 ? now + COMFORTABLE : Number.POSITIVE_INFINITY
      const ahead = this.#running.some((deadline) => deadline <= now + FAR_AHEAD)
        ? now + FAR_AHEAD
        : Number.POSITIVE_INFINITY
      const safe = this.#underrunsBy(now + URGENT) ? now + SAFE : Number.POSITIVE_INFINITY
      const bound = Math.min(comfortable, ahead, safe)
      if (!this.#waiting.some(({ deadline }) => deadline <= bound)) return
      const next = takeFirst(this.#waiting)!
      this.#running.push(next.deadline)
      next.go()
      this.#schedule()
    })
  }
}

const dueBy = (deadline: number): number =>
  deadline === Number.NEGATIVE_INFINITY ? performance.now() + NEW_STREAM_DELAY : deadline
