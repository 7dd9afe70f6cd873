/**
 * Source-filter vocoder: pulses at the integrated F0 and noise, shaped by the frames' envelopes (WORLD's synthesis). It
 * needs no training; it is the baseline of the net. Sound is made event by event in order, so chunk sizes cannot matter.
 */

import { chooseEngine } from '../../engine.ts'
import { ENVELOPE_POINTS, type Frames, HOP } from '../../frames.ts'
import { fmix32 } from '../../random.ts'
import type { Vocoder, VocoderStream } from '../vocoder.ts'
import { createEvents, type EventEngine, type EventStream, type Events, RING } from './engines/index.ts'
import { type Pulse, PulseClock } from './pulse-clock.ts'
import { LEAD, RESPONSE } from './shaper.ts'

/** Owns `engine`, by default the one that src/engine.ts chooses. Throws KERNEL_*. */
export function createSourceFilter(engine: EventEngine = chooseEngine().sourceFilter.open()): Vocoder {
  // A stream fills and empties them within one call, so that all can share them.
  const events = createEvents(engine.lanes)
  return {
    kind: 'source-filter',
    // 120 ms at once cost less than a millisecond.
    pushes: [24, 32],
    // Seeds that differ little start unlike streams.
    open: ({ seed }) => new SourceFilterStream(engine.open(fmix32(seed + 0x9e3779b9) | 1), events),
    close: () => engine.close(),
  }
}

class SourceFilterStream implements VocoderStream {
  readonly #engine: EventStream
  readonly #events: Events
  readonly #clock = new PulseClock()
  /** Frames from #first on, #held of them. */
  #f0 = new Float32Array(64)
  #envelopes = new Float32Array(64 * ENVELOPE_POINTS)
  #first = 0
  #held = 0
  #ended = false
  #closed = false
  /** The event whose period the next one will end. */
  #pending: Pulse | undefined
  #done = false
  /** Samples handed out. */
  #read = 0

  constructor(engine: EventStream, events: Events) {
    this.#engine = engine
    this.#events = events
  }

  async push(frames: Frames): Promise<void> {
    if (this.#ended || this.#closed) throw new Error('push after end or close')
    const { count } = frames
    if (this.#held + count > this.#f0.length) {
      const capacity = 2 * (this.#held + count)
      this.#f0 = copy(this.#f0, this.#held, capacity)
      this.#envelopes = copy(this.#envelopes, this.#held * ENVELOPE_POINTS, capacity * ENVELOPE_POINTS)
    }
    this.#f0.set(frames.f0.subarray(0, count), this.#held)
    this.#envelopes.set(frames.envelope.subarray(0, count * ENVELOPE_POINTS), this.#held * ENVELOPE_POINTS)
    this.#held += count
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
        this.#engine.emit(out, written, available)
        this.#read += available
        written += available
      } else if (!this.#step()) break
    }
    this.#forget()
    return written
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#engine.close()
    this.#held = 0
  }

  /** Samples before this one can change no more. */
  #final(): number {
    const total = this.#count() * HOP
    if (this.#done) return total
    return this.#pending ? Math.min(total, Math.floor(this.#pending.position) - LEAD) : 0
  }

  #count(): number {
    return this.#first + this.#held
  }

  /** Adds as many events to the signal as the engine takes at a time; false when more frames are needed or nothing is left. */
  #step(): boolean {
    if (this.#done || this.#count() === 0) return false
    // Without the frame after a sample its F0 is not known, except at the end, where the last frame is held.
    const limit = (this.#ended ? this.#count() : this.#count() - 1) * HOP
    const events = this.#events
    events.count = 0
    let moved = false
    while (events.count < events.capacity && this.#fits(this.#pending)) {
      const next = this.#clock.next(this.#frameF0, limit)
      if (next === undefined && !this.#ended) break
      moved = true
      if (this.#pending) this.#add(this.#pending, next ? next.position : limit)
      this.#pending = next
      if (next === undefined) {
        this.#done = true
        break
      }
    }
    if (events.count > 0) this.#engine.add(events)
    return moved
  }

  /** Whether an event's response lies within the buffer; that of the first one that is not made always does. */
  #fits(pulse: Pulse | undefined): boolean {
    return pulse === undefined || Math.floor(pulse.position) - LEAD + RESPONSE <= this.#read + RING
  }

  readonly #frameF0 = (frame: number): number => this.#f0[Math.min(frame, this.#count() - 1) - this.#first]!

  /** Notes an event; its envelope's logarithm is interpolated linearly in time. */
  #add({ position, voiced }: Pulse, end: number): void {
    const events = this.#events
    const i = events.count++
    const start = Math.floor(position)
    events.start[i] = start
    events.delay[i] = position - start
    events.period[i] = end - position
    events.length[i] = Math.floor(end) - start
    events.voiced[i] = voiced ? 1 : 0
    const last = this.#count() - 1
    const frame = Math.min(Math.floor(position / HOP), last)
    const weight = Math.min(1, position / HOP - frame)
    const envelopes = this.#envelopes
    const a = (frame - this.#first) * ENVELOPE_POINTS
    const b = (Math.min(frame + 1, last) - this.#first) * ENVELOPE_POINTS
    for (let k = 0; k < ENVELOPE_POINTS; k++)
      events.envelope[i * ENVELOPE_POINTS + k] = envelopes[a + k]! + weight * (envelopes[b + k]! - envelopes[a + k]!)
  }

  /** Drops frames that no later event can use. */
  #forget(): void {
    const needed = Math.floor((this.#pending ? this.#pending.position : this.#read) / HOP)
    const drop = Math.min(needed - this.#first, this.#held - 1)
    if (drop < 64) return
    this.#f0.copyWithin(0, drop, this.#held)
    this.#envelopes.copyWithin(0, drop * ENVELOPE_POINTS, this.#held * ENVELOPE_POINTS)
    this.#first += drop
    this.#held -= drop
  }
}

/** The first `used` values in an array of `capacity`. */
function copy(values: Float32Array, used: number, capacity: number): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(capacity)
  larger.set(values.subarray(0, used))
  return larger
}
