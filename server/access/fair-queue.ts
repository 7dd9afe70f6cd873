/**
 * Work for messages of many connections, in turns. Each connection has one piece in the queue at a time, so a flood on one
 * delays the others by single messages. After a slice of time the event loop gets to do everything else.
 */

/** Longest the queue holds the event loop at a time, ms. One piece may take longer. */
const SLICE = 2

export class FairQueue {
  readonly #waiting: (() => void)[] = []
  #isScheduled = false

  /** Runs `work` when its turn comes; settles as it does. */
  run<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      const until = process.uptime() * 1000 + SLICE
      let done = 0
      do this.#waiting[done++]!()
      while (done < this.#waiting.length && process.uptime() * 1000 < until)
      this.#waiting.splice(0, done)
      this.#schedule()
    })
  }
}
