/**
 * What makes sound of the excitation's events. All engines agree with the definition (definition.ts) within the tolerance that engines.test.ts
 * states, and none's samples depend on how many events are handed over at a time.
 */
import { ENVELOPE_POINTS } from '../../../frames.ts'

export { LEVEL_SIZE, LEVEL_STEP, RING } from '../layout.ts'

/** Up to `capacity` events in the order of their samples. */
export interface Events {
  readonly capacity: number
  count: number
  /** Sample at which the event's period begins. */
  readonly start: Float64Array
  /** Samples from there to the pulse, 0..1. */
  readonly delay: Float64Array
  /** Samples from the pulse to the next event. */
  readonly period: Float64Array
  /** Whole samples of noise. */
  readonly length: Int32Array
  /** 1: pulse and noise, 0: noise alone. */
  readonly voiced: Uint8Array
  /** [capacity, 64] log power envelopes. */
  readonly envelope: Float32Array
}

export const createEvents = (capacity: number): Events => ({
  capacity,
  count: 0,
  start: new Float64Array(capacity),
  delay: new Float64Array(capacity),
  period: new Float64Array(capacity),
  length: new Int32Array(capacity),
  voiced: new Uint8Array(capacity),
  envelope: new Float32Array(capacity * ENVELOPE_POINTS),
})

export interface EventStream {
  /** Adds the events to the signal. */
  add(events: Events): void
  /** Writes the signal's next `count` samples, high-passed and within -1..1, to out[at ..]. */
  emit(out: Float32Array, at: number, count: number): void
  /** Frees the stream. */
  close(): void
}

export interface EventEngine {
  readonly name: string
  /** Events that it shapes at a time; handing over fewer costs as much. */
  readonly lanes: number
  /** `random`: the noise generator's first state, unsigned 32-bit, not 0. */
  open(random: number): EventStream
  /**
   * Spectral level matching of `count` frames, at most `lanes`: brings them nearer to the levels of `target` and adds them to `sum`, in order.
   * Per bin of short-time Fourier transforms (LEVEL_SIZE samples every LEVEL_STEP, Hann windows on both sides). Below bin `upper` (LEVEL_SIZE / 4 at most) three quarters of
   * the difference in decibels go, and at most the ratio `residual` is left. From it on five quarters go, of which the last is at most
   * the ratio `overshoot`. All three arrays begin with the first frame and hold LEVEL_SIZE + (count - 1) * LEVEL_STEP samples or more.
   */
  matchLevels(
    count: number,
    signal: Float32Array,
    target: Float32Array,
    sum: Float32Array,
    bounds: { readonly upper: number; readonly residual: number; readonly overshoot: number },
  ): void
  /** Frees what it holds outside the JavaScript heap. */
  close(): void
}
