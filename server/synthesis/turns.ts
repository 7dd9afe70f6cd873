/**
 * Whose turn it is on a thread: of the streams that wait, the one whose listener would run dry first. A stream that
 * has given nothing yet goes before all others, so a newcomer waits for at most one piece of work.
 */

interface Waiting {
  /** Time in ms at which the listener runs out of audio; -Infinity before the first chunk. */
  readonly deadline: number
  readonly go: () => void
}

export class Turns {
  readonly #waiting: Waiting[] = []
  #scheduled = false

  /** Resolves when the stream may do one piece of work. Messages are handled between two turns. */
  take(deadline: number): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ deadline, go })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      let first = 0
      for (let i = 1; i < this.#waiting.length; i++)
        if (this.#waiting[i]!.deadline < this.#waiting[first]!.deadline) first = i
      const [next] = this.#waiting.splice(first, 1)
      next!.go()
      this.#schedule()
    })
  }
}
