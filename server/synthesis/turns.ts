/**
 * Whose turn it is on a thread: of the streams that wait, the one whose listener would run dry first. A stream that
 * has given nothing yet goes before all others, so a newcomer waits for at most one piece of work.
 */

interface Waiting {
  /** Time in ms at which the listener runs out of audio; -Infinity before the first chunk. */
  readonly deadline: number
  readonly go: () => void
}

/** Takes the most urgent one out; the first that came of equals. */
function takeFirst(waiting: Waiting[]): Waiting | undefined {
  let first = 0
  for (let i = 1; i < waiting.length; i++) if (waiting[i]!.deadline < waiting[first]!.deadline) first = i
  return waiting.splice(first, 1)[0]
}

/** A listener with more audio than this in hand, ms, can do without while a newcomer's first sentence is worked out. */
const COMFORTABLE = 1000

export class Turns {
  readonly #waiting: Waiting[] = []
  readonly #waitingForModel: Waiting[] = []
  #scheduled = false
  #modelBusy = false
  /** Streams without audio yet that wait for the acoustic model or have it. */
  #newcomers = 0

  /** Resolves when the stream may do one piece of work. Messages are handled between two turns. */
  take(deadline: number): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ deadline, go })
      this.#schedule()
    })
  }

  /**
   * Runs `work` alone: one acoustic model call at a time on a thread, so that the first in line has its answer soon instead
   * of all having theirs late.
   */
  async exclusive<T>(deadline: number, work: () => Promise<T>): Promise<T> {
    const isNew = deadline === Number.NEGATIVE_INFINITY
    if (isNew) this.#newcomers++
    if (this.#modelBusy) {
      await new Promise<void>((go) => {
        this.#waitingForModel.push({ deadline, go })
      })
    }
    this.#modelBusy = true
    try {
      return await work()
    } finally {
      // Handed on without becoming free in between.
      const next = takeFirst(this.#waitingForModel)
      if (next) next.go()
      else this.#modelBusy = false
      if (isNew) this.#newcomers--
      this.#schedule()
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      // The model runs on a core of its own only if this thread leaves it one.
      const bound = this.#newcomers > 0 ? performance.now() + COMFORTABLE : Number.POSITIVE_INFINITY
      if (!this.#waiting.some(({ deadline }) => deadline <= bound)) return
      takeFirst(this.#waiting)!.go()
      this.#schedule()
    })
  }
}
