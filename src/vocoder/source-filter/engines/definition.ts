/** The definition of the engines, and the one that runs anywhere: one event after the other in double precision. */
import { RealFft } from '../../../audio/fft.ts'
import { ENVELOPE_POINTS, SAMPLE_RATE } from '../../../frames.ts'
import { HIGH_PASS_HZ, LEAD, LEVEL_FLOOR, LEVEL_SIZE, RESPONSE, RING } from '../layout.ts'
import { Shaper } from '../shaper.ts'
import type { EventEngine, EventStream, Events } from './engine.ts'

const HIGH_PASS = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / SAMPLE_RATE)

export function definitionEngine(): EventEngine {
  const shaper = new Shaper()
  const matcher = new LevelMatcher()
  return {
    name: 'typescript',
    lanes: 1,
    open: (random) => new DefinitionStream(shaper, random),
    matchLevels(count, signal, target, sum, bounds) {
      if (count > 1) throw new RangeError('matchLevels: too many frames')
      if (count > 0) matcher.add(signal, target, sum, bounds)
    },
    close: () => {},
  }
}

const HANN = Float64Array.from({ length: LEVEL_SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / LEVEL_SIZE))
/** The squared windows of a sample's four frames add up to it. */
const WINDOWS = 1.5

class LevelMatcher {
  readonly #fft = new RealFft(LEVEL_SIZE)
  readonly #wave = new Float64Array(LEVEL_SIZE)
  readonly #re = new Float64Array(LEVEL_SIZE / 2 + 1)
  readonly #im = new Float64Array(LEVEL_SIZE / 2 + 1)
  readonly #targetRe = new Float64Array(LEVEL_SIZE / 2 + 1)
  readonly #targetIm = new Float64Array(LEVEL_SIZE / 2 + 1)

  add(
    signal: Float32Array,
    target: Float32Array,
    sum: Float32Array,
    { upper, residual, overshoot }: Parameters<EventEngine['matchLevels']>[4],
  ): void {
    const wave = this.#wave
    for (let n = 0; n < LEVEL_SIZE; n++) wave[n] = HANN[n]! * target[n]!
    this.#fft.forward(wave, this.#targetRe, this.#targetIm)
    for (let n = 0; n < LEVEL_SIZE; n++) wave[n] = HANN[n]! * signal[n]!
    this.#fft.forward(wave, this.#re, this.#im)
    for (let k = 0; k < this.#re.length; k++) {
      const wanted = this.#targetRe[k]! ** 2 + this.#targetIm[k]! ** 2 + LEVEL_FLOOR
      const power = this.#re[k]! ** 2 + this.#im[k]! ** 2 + LEVEL_FLOOR
      const ratio = Math.sqrt(wanted / power)
      const quarter = Math.sqrt(Math.sqrt(ratio))
      const [past, most] = k < upper ? [1 / quarter, residual] : [quarter, overshoot]
      const gain = ratio * Math.max(1 / most, Math.min(most, past))
      this.#re[k]! *= gain
      this.#im[k]! *= gain
    }
    this.#fft.inverse(this.#re, this.#im, wave)
    for (let n = 0; n < LEVEL_SIZE; n++) sum[n]! += (HANN[n]! / WINDOWS) * wave[n]!
  }
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
