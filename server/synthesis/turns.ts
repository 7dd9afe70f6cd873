/**
 * Whose turn it is on a thread: of the streams that wait, those whose listeners would run dry first, as many as the vocoder
 * runs side by side. Who has heard nothing yet is due soon after asking; one far ahead yields to those that are not.
 */

import { PANEL } from '../../src/kernels/index.ts'

interface Waiting {
  /** Time in ms at which the listener runs out of audio; -Infinity before the first chunk. */
  readonly deadline: number
  /** What the order goes by: the deadline, or when a newcomer's first audio is due. */
  readonly due: number
  readonly go: () => void
}

interface WaitingForModel extends Waiting {
  readonly since: number
  readonly symbols: number
}

/** Takes the most urgent one out; the first that came of equals. */
function takeFirst<T extends Waiting>(waiting: T[]): T | undefined {
  let first = 0
  for (let i = 1; i < waiting.length; i++) if (waiting[i]!.due < waiting[first]!.due) first = i
  return waiting.splice(first, 1)[0]
}

/**
 * A newcomer's piece is due so long after it is asked for, ms: those who would run dry before go first. So a stream that has just
 * begun gets something in hand before the next one begins.
 */
const PATIENCE_OF_NEWCOMERS = 30

/** A listener with more audio than this in hand, ms, can do without while a newcomer's first sentence is worked out. */
const COMFORTABLE = 1000

/** A listener with more audio than this in hand, ms, does not slow those who have less. */
const FAR_AHEAD = 2000

/** While somebody has less audio than NEARLY_DRY in hand, those with more than PROVIDED wait, ms: what a batch takes, all in it wait for. */
const NEARLY_DRY = 100
const PROVIDED = 500

/** What a call of the acoustic model takes before one was measured, ms a symbol; and how much of what was known a call leaves. */
const SYMBOL_TIME = 0.5
const KEPT = 0.8
/** A call may take so many times what is expected, and ms more, before somebody runs dry. */
const MODEL_SLACK = 2
const MODEL_MARGIN = 30

/** A call of the acoustic model waits no longer than this, since it was asked for and since the last one, for listeners who are nearly dry, ms. */
const PATIENCE = 60

export class Turns {
  readonly #waiting: Waiting[] = []
  readonly #waitingForModel: WaitingForModel[] = []
  /** Deadlines of the streams at work. */
  readonly #working: number[] = []
  #scheduled = false
  #modelBusy = false
  #modelEnded = 0
  #symbolTime = SYMBOL_TIME
  /** Streams without audio yet that wait for the acoustic model or have it. */
  #newcomers = 0

  /**
   * Runs one piece of work of a stream when it is its turn; `company` is how many are then at work, this one included.
   * Messages are handled between two turns.
   */
  async take<T>(deadline: number, work: (company: number) => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      this.#waiting.push({ deadline, due: dueBy(deadline), go })
      this.#schedule()
    })
    try {
      return await work(this.#working.length)
    } finally {
      this.#working.splice(this.#working.indexOf(deadline), 1)
      this.#schedule()
    }
  }

  /**
   * Runs `work`, a call of the acoustic model on so many symbols, alone: one at a time on a thread, so that the first in line has its
   * answer soon instead of all having theirs late. The call holds the thread: it waits until nobody would run dry meanwhile, within
   * reason.
   */
  async exclusive<T>(deadline: number, symbols: number, work: () => Promise<T>): Promise<T> {
    const isNew = deadline === Number.NEGATIVE_INFINITY
    if (isNew) this.#newcomers++
    await new Promise<void>((go) => {
      this.#waitingForModel.push({ deadline, due: dueBy(deadline), go, symbols, since: performance.now() })
      this.#schedule()
    })
    const started = performance.now()
    try {
      return await work()
    } finally {
      const time = (performance.now() - started) / Math.max(1, symbols)
      this.#symbolTime = KEPT * this.#symbolTime + (1 - KEPT) * time
      this.#modelBusy = false
      this.#modelEnded = performance.now()
      if (isNew) this.#newcomers--
      this.#schedule()
    }
  }

  /** Whether a listener who hears something already will have heard all by `time`, unless more is made. */
  #someoneDryBy(time: number): boolean {
    const dry = (deadline: number): boolean => deadline > Number.NEGATIVE_INFINITY && deadline < time
    return this.#working.some(dry) || this.#waiting.some(({ deadline }) => dry(deadline))
  }

  /** Starts the next call of the acoustic model if it is time for it. */
  #startModel(now: number): void {
    if (this.#modelBusy || this.#waitingForModel.length === 0) return
    const patient = this.#waitingForModel.every(({ since }) => now - Math.max(since, this.#modelEnded) < PATIENCE)
    const longest = Math.max(...this.#waitingForModel.map(({ symbols }) => symbols))
    if (patient && this.#someoneDryBy(now + MODEL_SLACK * longest * this.#symbolTime + MODEL_MARGIN)) return
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
      if (this.#working.length >= PANEL.streams) return
      // The model runs on a core of its own only if this thread leaves it one.
      const comfortable = this.#newcomers > 0 ? now + COMFORTABLE : Number.POSITIVE_INFINITY
      const ahead = this.#working.some((deadline) => deadline <= now + FAR_AHEAD)
        ? now + FAR_AHEAD
        : Number.POSITIVE_INFINITY
      const provided = this.#someoneDryBy(now + NEARLY_DRY) ? now + PROVIDED : Number.POSITIVE_INFINITY
      const bound = Math.min(comfortable, ahead, provided)
      if (!this.#waiting.some(({ deadline }) => deadline <= bound)) return
      const next = takeFirst(this.#waiting)!
      this.#working.push(next.deadline)
      next.go()
      this.#schedule()
    })
  }
}

const dueBy = (deadline: number): number =>
  deadline === Number.NEGATIVE_INFINITY ? performance.now() + PATIENCE_OF_NEWCOMERS : deadline
