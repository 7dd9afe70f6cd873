/**
 * Silence around sentences. The acoustic model puts silence before and after what it speaks; a fixed amount of it is
 * kept, so that the pause between two sentences has the length we choose, not the sum of two the model chose. What
 * it calls silence may hold the first breath of an f or the closing of an n: those are kept whole.
 */
import { ENVELOPE_HZ, ENVELOPE_POINTS, type Frames, HOP, SAMPLE_RATE, sliceFrames } from '../frames.ts'
import type { PauseKind } from './sentences.ts'

export interface Pauses {
  /** Seconds between two sentences. */
  readonly sentence: number
  /** Seconds between two paragraphs. */
  readonly paragraph: number
}

export const DEFAULT_PAUSES: Pauses = { sentence: 0.35, paragraph: 0.7 }

/** Frames of silence kept before (40 ms) and after (120 ms) a sentence. */
const LEAD_FRAMES = 8
const TAIL_FRAMES = 24

/** A frame this many dB below the sentence's loudest is silent. */
const SILENT = 45

/** Fades at a sentence's ends in samples: 2.5 ms and 5 ms, inside the silence, so that no seam can click. */
const FADE_IN = 60
const FADE_OUT = 120

export interface Trimmed {
  readonly frames: Frames
  /** Frames cut at the start. */
  readonly cut: number
  /** Frames of silence that are left before and after the speech. */
  readonly lead: number
  readonly tail: number
}

/** Share of each envelope point in the mean over linear frequency, [64], up to one factor. */
const SHARES = Float64Array.from(
  ENVELOPE_HZ,
  (_, k) => ENVELOPE_HZ[Math.min(k + 1, ENVELOPE_POINTS - 1)]! - ENVELOPE_HZ[Math.max(k - 1, 0)]!,
)

/** Power of frame `i`, up to one factor. */
function power({ envelope }: Frames, i: number): number {
  let sum = 0
  for (let k = 0; k < ENVELOPE_POINTS; k++) sum += SHARES[k]! * Math.exp(envelope[i * ENVELOPE_POINTS + k]!)
  return sum
}

/**
 * Cuts the model's silences to what is kept. `durations`: frames per symbol, the first and last are the silences.
 */
export function trimSilence(frames: Frames, durations: Int32Array): Trimmed {
  const before = durations[0] ?? 0
  const after = durations.length > 1 ? durations[durations.length - 1]! : 0
  let loudest = 0
  // Loud sounds are longer than 20 ms.
  for (let i = 0; i < frames.count; i += 4) loudest = Math.max(loudest, power(frames, i))
  const silent = loudest / 10 ** (SILENT / 10)
  let start = 0
  while (start < before && power(frames, start) < silent) start++
  let end = frames.count
  while (end > frames.count - after && power(frames, end - 1) < silent) end--
  const lead = Math.min(start, LEAD_FRAMES)
  const tail = Math.min(frames.count - end, TAIL_FRAMES)
  return { frames: sliceFrames(frames, start - lead, end + tail), cut: start - lead, lead, tail }
}

/**
 * Samples of silence to put between two sentences so that the pause, with the silence they bring along
 * (`previousTail`, `lead`, frames), has its length. `speed` shortens it, unless it is given in seconds.
 */
export function pauseSamples(
  kind: PauseKind | number,
  pauses: Pauses,
  speed: number,
  previousTail: number,
  lead: number,
): number {
  if (kind === 'none') return 0
  const seconds = typeof kind === 'number' ? kind : pauses[kind] / speed
  return Math.max(0, Math.round(seconds * SAMPLE_RATE) - (previousTail + lead) * HOP)
}

/**
 * Fades the ends of a sentence in place. `chunk` holds samples [at, at + chunk.length) of a sentence of `total`.
 */
export function fadeEnds(chunk: Float32Array, at: number, total: number): void {
  for (let i = at; i < Math.min(FADE_IN, at + chunk.length); i++) chunk[i - at]! *= i / FADE_IN
  for (let i = Math.max(at, total - FADE_OUT); i < at + chunk.length; i++) chunk[i - at]! *= (total - 1 - i) / FADE_OUT
}
