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

export class Turns {
  readonly #waiting: Waiting[] = []
  readonly #waitingForModel: Waiting[] = []
  #scheduled = false
  #modelBusy = false

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
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      takeFirst(this.#waiting)!.go()
      this.#schedule()
    })
  }
}
