/** The definition of the engines, and the one that runs anywhere: one event after the other in double precision. */
import { ENVELOPE_POINTS, SAMPLE_RATE } from '../../../frames.ts'
import { LEAD, RESPONSE, Shaper } from '../shaper.ts'
import { type EventEngine, type EventStream, type Events, RING } from './engine.ts'

/** Corner of the high-pass that takes out the pulses' mean, Hz. */
const HIGH_PASS_HZ = 20
const HIGH_PASS = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / SAMPLE_RATE)

export function definitionEngine(): EventEngine {
  const shaper = new Shaper()
  return { name: 'typescript', lanes: 1, open: (random) => new DefinitionStream(shaper, random), close: () => {} }
}

class DefinitionStream implements EventStream {
  readonly #shaper: Shaper
  readonly #ring = new Float64Array(RING)
  readonly #noise = new Float64Array(RESPONSE)
  readonly #response = new Float64Array(RESPONSE)
  readonly #envelope = new Float64Array(ENVELOPE_POINTS)
  #random: number
  /** Samples handed out. */
  #read = 0
  #lastIn = 0
  #lastOut = 0

  constructor(shaper: Shaper, random: number) {
    this.#shaper = shaper
    this.#random = random
  }

  add({ count, start, delay, period, length, voiced, envelope }: Events): void {
    for (let e = 0; e < count; e++) {
      this.#draw(length[e]!)
      for (let k = 0; k < ENVELOPE_POINTS; k++) this.#envelope[k] = envelope[e * ENVELOPE_POINTS + k]!
      this.#shaper.setEnvelope(this.#envelope)
      if (voiced[e]) this.#shaper.voiced(delay[e]!, period[e]!, this.#noise, this.#response)
      else this.#shaper.unvoiced(this.#noise, this.#response)
      for (let i = 0; i < RESPONSE; i++) {
        const n = start[e]! - LEAD + i
        if (n >= 0) this.#ring[n & (RING - 1)]! += this.#response[i]!
      }
    }
  }

  /** White noise of mean 0 and variance 1 over `length` samples, then zeros. */
  #draw(length: number): void {
    const noise = this.#noise
    const count = Math.min(length, RESPONSE)
    let state = this.#random
    let sum = 0
    for (let i = 0; i < count; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      const v = state * (Math.sqrt(3) / 2 ** 31)
      noise[i] = v
      sum += v
    }
    this.#random = state
    const mean = count > 0 ? sum / count : 0
    for (let i = 0; i < count; i++) noise[i]! -= mean
    noise.fill(0, count)
  }

  emit(out: Float32Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const slot = this.#read++ & (RING - 1)
      const x = this.#ring[slot]!
      this.#ring[slot] = 0
      const y = x - this.#lastIn + HIGH_PASS * this.#lastOut
      this.#lastIn = x
      this.#lastOut = y
      out[at + i] = Math.min(1, Math.max(-1, y))
    }
  }

  close(): void {}
}
