/**
 * Where the excitation's events lie: one at every cycle of the integrated F0, and evenly spaced ones where there is no
 * voice. Positions depend only on the F0 contour, never on how it arrives.
 */
import { HOP, SAMPLE_RATE } from '../../frames.ts'

/** Samples between events in unvoiced stretches. */
export const UNVOICED_PERIOD = 72

export interface Pulse {
  /** Sample, fractional. */
  readonly position: number
  readonly voiced: boolean
}

export class PulseClock {
  /** The sample whose phase is known. */
  #sample = -1
  #phase = 0
  #voiced = false
  #sinceEvent = 0

  /**
   * The next event before sample `limit`, or undefined. `f0(i)` gives the F0 of frame i in Hz (0 = unvoiced) for every frame
   * up to that of sample `limit` and the one after it.
   */
  next(f0: (frame: number) => number, limit: number): Pulse | undefined {
    while (this.#sample + 1 < limit) {
      const frame = Math.floor((this.#sample + 1) / HOP)
      const a = f0(frame)
      const b = f0(frame + 1)
      const event = this.#inFrame(frame, a, b, Math.min(limit, (frame + 1) * HOP))
      if (event) return event
    }
    return undefined
  }

  /** The same where F0 goes from `a` to `b`, from frame `frame` to the next one. */
  #inFrame(frame: number, a: number, b: number, limit: number): Pulse | undefined {
    while (this.#sample + 1 < limit) {
      const n = ++this.#sample
      const weight = n / HOP - frame
      const voiced = (weight < 0.5 ? a : b) > 0
      if (!voiced) {
        this.#sinceEvent++
        if (this.#voiced || n === 0 || this.#sinceEvent >= UNVOICED_PERIOD) {
          this.#voiced = false
          this.#sinceEvent = 0
          return { position: n, voiced: false }
        }
        continue
      }
      const hz = a > 0 && b > 0 ? a + weight * (b - a) : a > 0 ? a : b
      if (!this.#voiced) {
        this.#voiced = true
        this.#phase = 0
        return { position: n, voiced: true }
      }
      const step = hz / SAMPLE_RATE
      this.#phase += step
      if (this.#phase >= 1) {
        this.#phase -= 1
        return { position: n - this.#phase / step, voiced: true }
      }
    }
    return undefined
  }
}
