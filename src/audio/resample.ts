/**
 * Changes the sample rate of a stream: a polyphase windowed-sinc filter whose state is carried from piece to piece, so that
 * pieces give the samples of the whole. Output j stands at the time of input j * from / to, so nothing is delayed.
 */

/** Zero crossings of the filter on each side. */
const CROSSINGS = 16
/** Cut-off as a share of the lower Nyquist frequency. */
const PASS = 0.94

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

export class Resampler {
  readonly #up: number
  readonly #down: number
  /** Inputs on each side of an output's time. */
  readonly #half: number
  /** Filter taps: [phase][tap], tap 0 at input floor(time) - half + 1. */
  readonly #taps: Float32Array[]
  #history: Float32Array
  /** Inputs before history[0], zeros before the first one counted as inputs. */
  #dropped: number
  #received = 0
  #given = 0

  /** `from`, `to`: Hz. */
  constructor(from: number, to: number) {
    const common = gcd(from, to)
    this.#up = to / common
    this.#down = from / common
    const cutoff = PASS * Math.min(1, to / from)
    this.#half = Math.ceil(CROSSINGS / cutoff)
    this.#taps = Array.from({ length: this.#up }, (_, phase) => taps(phase / this.#up, this.#half, cutoff))
    this.#history = new Float32Array(this.#half)
    this.#dropped = -this.#half
  }

  /** Outputs that `samples` inputs give in all. */
  lengthOf(samples: number): number {
    return Math.ceil((samples * this.#up) / this.#down)
  }

  /** The outputs that these inputs complete. */
  push(samples: Float32Array): Float32Array {
    this.#received += samples.length
    return this.#run(samples, Number.POSITIVE_INFINITY)
  }

  /** The rest, zeros following the last input. */
  end(): Float32Array {
    return this.#run(new Float32Array(this.#half + 1), this.lengthOf(this.#received))
  }

  #run(samples: Float32Array, limit: number): Float32Array {
    const input = new Float32Array(this.#history.length + samples.length)
    input.set(this.#history)
    input.set(samples, this.#history.length)
    const end = this.#dropped + input.length
    // The last input that output j needs is floor(j down / up) + half.
    const known = Math.max(0, Math.ceil(((end - this.#half) * this.#up) / this.#down))
    const count = Math.max(0, Math.min(known, limit) - this.#given)
    const out = new Float32Array(count)
    const width = 2 * this.#half
    for (let i = 0; i < count; i++) {
      const time = (this.#given + i) * this.#down
      const filter = this.#taps[time % this.#up]!
      const first = Math.floor(time / this.#up) - this.#half + 1 - this.#dropped
      let sum = 0
      for (let k = 0; k < width; k++) sum += filter[k]! * input[first + k]!
      out[i] = sum
    }
    this.#given += count
    const keepFrom = Math.min(Math.floor((this.#given * this.#down) / this.#up) - this.#half + 1, end)
    this.#history = input.slice(keepFrom - this.#dropped)
    this.#dropped = keepFrom
    return out
  }
}

/** Taps for an output `fraction` of a sample after an input. They sum to 1. */
function taps(fraction: number, half: number, cutoff: number): Float32Array {
  const out = new Float32Array(2 * half)
  let sum = 0
  for (let k = 0; k < out.length; k++) {
    const x = k - half + 1 - fraction
    const phase = Math.PI * x * cutoff
    // Blackman's window.
    const w = (Math.PI * x) / half
    const window = Math.abs(x) >= half ? 0 : 0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w)
    out[k] = (phase === 0 ? 1 : Math.sin(phase) / phase) * window
    sum += out[k]!
  }
  for (let k = 0; k < out.length; k++) out[k]! /= sum
  return out
}
