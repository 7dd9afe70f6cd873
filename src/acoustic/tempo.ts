/**
 * Speech at another rate. The net's own durations follow up to 2, and half of the way below 1. Sounds of more than two
 * units of 25 ms give way to a high rate, shorter ones stay. The rest is done to the frames: time is compressed where the
 * spectrum stands still more than where it moves, since it is the movements that are understood. What each part gains:
 * docs/measurements/acoustic-model.md.
 */
import { ENVELOPE_POINTS, type Frames } from '../frames.ts'

/** The highest rate that the net's own durations follow. */
const MOST = 2

/** The part of a rate that the net's durations are divided by. Of a slow one its root: the net never saw sounds twice as long. */
export const netRate = (rate: number): number => (rate < 1 ? Math.sqrt(rate) : Math.min(rate, MOST))

/** What a frame of a still spectrum keeps of its time, in units of what one of average movement keeps on top of it. */
const STILL = 1
/** No frame is played faster than so many times. */
const FASTEST = 8

export interface TimedFrames {
  readonly frames: Frames
  /** Frames of each symbol. */
  readonly durations: Int32Array
}

/** What the net made for `netRate(rate)`, at the rate. `whole`: frames that it has at rate 1. */
export function atRate(speech: TimedFrames, whole: number, rate: number): TimedFrames {
  // What is left of a high rate takes too much from steady sounds: fewer words are understood then.
  return atLength(speech, Math.max(1, Math.round(whole / rate)), rate > MOST ? 'even' : 'steady')
}

/**
 * Speech in `length` frames. Longer than before: evenly. Shorter: evenly too, or `steady` frames first, of which none becomes longer than
 * it was.
 */
export function atLength({ frames, durations }: TimedFrames, length: number, first: 'steady' | 'even'): TimedFrames {
  const { count } = frames
  if (length === count) return { frames, durations }
  const ends =
    length < count && first === 'steady'
      ? compressed(frames, length)
      : Float64Array.from({ length: count }, (_, f) => ((f + 1) * length) / count)
  const out = { count: length, f0: new Float32Array(length), envelope: new Float32Array(length * ENVELOPE_POINTS) }
  let f = 0
  for (let t = 0; t < length; t++) {
    // The middle of output frame t, as a place among the middles of the input's frames.
    while (f < count - 1 && ends[f]! <= t + 0.5) f++
    const start = f > 0 ? ends[f - 1]! : 0
    const within = (t + 0.5 - start) / (ends[f]! - start)
    const place = Math.min(Math.max(f + within - 0.5, 0), count - 1)
    const low = Math.floor(place)
    const high = Math.min(low + 1, count - 1)
    const weight = place - low
    for (let k = 0; k < ENVELOPE_POINTS; k++) {
      const a = frames.envelope[low * ENVELOPE_POINTS + k]!
      out.envelope[t * ENVELOPE_POINTS + k] = a + weight * (frames.envelope[high * ENVELOPE_POINTS + k]! - a)
    }
    const a = frames.f0[low]!
    const b = frames.f0[high]!
    // Between a voiced and an unvoiced frame the nearer one counts.
    out.f0[t] = a > 0 && b > 0 ? a * (b / a) ** weight : weight < 0.5 ? a : b
  }
  const symbols = new Int32Array(durations.length)
  let end = 0
  let before = 0
  for (const [i, duration] of durations.entries()) {
    end += duration
    const at = end === 0 ? 0 : i === durations.length - 1 ? length : Math.round(ends[end - 1]!)
    symbols[i] = at - before
    before = at
  }
  return { frames: out, durations: symbols }
}

/** Where each frame ends in `length` < count frames. */
function compressed({ count, envelope }: Frames, length: number): Float64Array {
  const moves = new Float64Array(count)
  for (let f = 0; f < count; f++) {
    const from = Math.max(0, f - 1) * ENVELOPE_POINTS
    const to = Math.min(count - 1, f + 1) * ENVELOPE_POINTS
    for (let k = 0; k < ENVELOPE_POINTS; k++) moves[f]! += Math.abs(envelope[to + k]! - envelope[from + k]!)
  }
  const average = moves.reduce((sum, v) => sum + v, 0) / count || 1
  const needs = moves.map((v) => STILL + v / average)
  const kept = (scale: number, f: number): number => Math.min(1, Math.max(1 / FASTEST, scale * needs[f]!))
  const total = (scale: number): number => needs.reduce((sum, _, f) => sum + kept(scale, f), 0)
  // The scale at which the frames' shares of their time sum to the length.
  let low = 0
  let high = 1 / STILL
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (total(middle) < length) low = middle
    else high = middle
  }
  let end = 0
  const ends = needs.map((_, f) => {
    end += kept(high, f)
    return end
  })
  return ends.map((e) => (e * length) / end)
}
