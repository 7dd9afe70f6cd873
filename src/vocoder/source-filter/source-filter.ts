/**
 * Source-filter vocoder: pulses at the integrated F0 and noise, shaped by the frames' envelopes (WORLD's synthesis). It
 * needs no training; it is the control for the net. Sound is made event by event in order, so chunk sizes cannot matter.
 */
import { ENVELOPE_POINTS, type Frames, HOP, SAMPLE_RATE } from '../../frames.ts'
import type { Vocoder, VocoderStream } from '../vocoder.ts'
import { type Pulse, PulseClock } from './pulse-clock.ts'
import { LEAD, RESPONSE, Shaper } from './shaper.ts'

/** Overlap-add buffer; power of two, more than a response and a period. */
const RING = 4096
/** Corner of the high-pass that takes out the pulses' mean, Hz. */
const HIGH_PASS_HZ = 20
const HIGH_PASS = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / SAMPLE_RATE)

export function createSourceFilter(): Vocoder {
  return { kind: 'source-filter', open: ({ seed }) => new SourceFilterStream(seed), close: () => {} }
}

class SourceFilterStream implements VocoderStream {
  readonly #shaper = new Shaper()
  readonly #clock = new PulseClock()
  /** Frames from #first on. */
  #f0: number[] = []
  #envelopes: Float32Array[] = []
  #first = 0
  #ended = false
  #closed = false
  /** The event that waits for the next one to tell its period. */
  #pending: Pulse | undefined
  #done = false
  readonly #ring = new Float64Array(RING)
  readonly #noise = new Float64Array(RESPONSE)
  readonly #response = new Float64Array(RESPONSE)
  readonly #envelope = new Float64Array(ENVELOPE_POINTS)
  #random: number
  /** Samples handed out. */
  #read = 0
  #lastIn = 0
  #lastOut = 0

  constructor(seed: number) {
    this.#random = mix(seed) | 1
  }

  async push(frames: Frames): Promise<void> {
    if (this.#ended || this.#closed) throw new Error('push after end or close')
    for (let i = 0; i < frames.count; i++) {
      this.#f0.push(frames.f0[i]!)
      this.#envelopes.push(frames.envelope.slice(i * ENVELOPE_POINTS, (i + 1) * ENVELOPE_POINTS))
    }
  }

  async end(): Promise<void> {
    this.#ended = true
  }

  readTogether(out: Float32Array): Promise<number> {
    return Promise.resolve(this.read(out))
  }

  read(out: Float32Array): number {
    if (this.#closed) return 0
    let written = 0
    while (written < out.length) {
      const available = Math.min(this.#final() - this.#read, out.length - written)
      if (available > 0) {
        this.#emit(out, written, available)
        written += available
      } else if (!this.#step()) break
    }
    this.#forget()
    return written
  }

  close(): void {
    this.#closed = true
    this.#f0 = []
    this.#envelopes = []
  }

  /** Samples before this one can change no more. */
  #final(): number {
    const total = this.#count() * HOP
    if (this.#done) return total
    return this.#pending ? Math.min(total, Math.floor(this.#pending.position) - LEAD) : 0
  }

  #count(): number {
    return this.#first + this.#f0.length
  }

  /** Adds the pending event to the signal; false when more frames are needed or nothing is left. */
  #step(): boolean {
    if (this.#done || this.#count() === 0) return false
    // Without the frame after a sample its F0 is not known, except at the end, where the last frame is held.
    const limit = (this.#ended ? this.#count() : this.#count() - 1) * HOP
    const next = this.#clock.next(this.#frameF0, limit)
    if (next === undefined && !this.#ended) return false
    const pulse = this.#pending
    this.#pending = next
    if (pulse) this.#add(pulse, next ? next.position : limit)
    if (next === undefined) this.#done = true
    return true
  }

  readonly #frameF0 = (frame: number): number => this.#f0[Math.min(frame, this.#count() - 1) - this.#first]!

  #add(pulse: Pulse, end: number): void {
    const start = Math.floor(pulse.position)
    const length = Math.floor(end) - start
    this.#draw(length)
    this.#setEnvelope(pulse.position)
    if (pulse.voiced) this.#shaper.voiced(pulse.position - start, end - pulse.position, this.#noise, this.#response)
    else this.#shaper.unvoiced(this.#noise, this.#response)
    for (let i = 0; i < RESPONSE; i++) {
      const n = start - LEAD + i
      if (n >= 0) this.#ring[n & (RING - 1)]! += this.#response[i]!
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

  /** The envelope at a sample, its logarithm interpolated linearly in time. */
  #setEnvelope(position: number): void {
    const last = this.#count() - 1
    const frame = Math.min(Math.floor(position / HOP), last)
    const weight = Math.min(1, position / HOP - frame)
    const a = this.#envelopes[frame - this.#first]!
    const b = this.#envelopes[Math.min(frame + 1, last) - this.#first]!
    for (let k = 0; k < ENVELOPE_POINTS; k++) this.#envelope[k] = a[k]! + weight * (b[k]! - a[k]!)
    this.#shaper.setEnvelope(this.#envelope)
  }

  #emit(out: Float32Array, at: number, count: number): void {
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

  /** Drops frames that no later event can use. */
  #forget(): void {
    const needed = Math.floor((this.#pending ? this.#pending.position : this.#read) / HOP)
    const drop = Math.min(needed - this.#first, this.#f0.length - 1)
    if (drop < 64) return
    this.#f0.splice(0, drop)
    this.#envelopes.splice(0, drop)
    this.#first += drop
  }
}

/** MurmurHash3's finaliser: seeds that differ little start unlike streams. */
function mix(seed: number): number {
  let h = (seed + 0x9e3779b9) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
