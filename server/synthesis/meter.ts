/**
 * The cost of a thread's work: busy seconds per second of audio, smoothed. Busy time is wall time, so the cost rises when
 * other processes take the processor.
 */

export interface Load {
  /** Share of the time since the last reading in which the thread was busy, 0-1. */
  readonly busy: number
  /** Thread seconds of a second of audio; undefined before the first. */
  readonly cost: number | undefined
}

/** Milliseconds so far: busy, and in all. */
export type BusyClock = () => { readonly busy: number; readonly all: number }

/** A measurement keeps 1/e of its weight after so much more audio, s. */
const MEMORY = 20
/** Share of its time. A thread without audio that is busy for less has only run timers. */
const TIMERS_ONLY = 0.05

export class Meter {
  readonly #clock: BusyClock
  #last: ReturnType<BusyClock>
  #audio = 0
  /** Busy seconds for audio that is still to come. */
  #spent = 0
  /** Weighted sums: busy seconds, and seconds of audio synthesized in them. */
  #busySum = 0
  #audioSum = 0

  constructor(clock: BusyClock) {
    this.#clock = clock
    this.#last = clock()
  }

  /** Counts seconds of audio that were synthesized. */
  add(seconds: number): void {
    this.#audio += seconds
  }

  read(): Load {
    const now = this.#clock()
    const busy = now.busy - this.#last.busy
    const all = now.all - this.#last.all
    const audio = this.#audio
    this.#last = now
    this.#audio = 0
    const share = all > 0 ? Math.min(1, busy / all) : 0
    if (audio > 0 || share > TIMERS_ONLY) this.#spent += busy / 1000
    if (audio > 0) {
      const kept = Math.exp(-audio / MEMORY)
      this.#busySum = this.#busySum * kept + this.#spent
      this.#audioSum = this.#audioSum * kept + audio
      this.#spent = 0
    }
    return { busy: share, cost: this.#audioSum > 0 ? this.#busySum / this.#audioSum : undefined }
  }
}
