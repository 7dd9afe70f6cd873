/**
 * Silence around sentences. The acoustic model puts silence before and after what it speaks; a fixed amount of it is
 * kept, so that the pause between two sentences has the length we choose, not the sum of two the model chose.
 */
import { type Frames, HOP, SAMPLE_RATE, sliceFrames } from '../frames.ts'
import type { PauseKind } from './sentences.ts'

export interface Pauses {
  /** Seconds between two sentences. */
  readonly sentence: number
  /** Seconds between two paragraphs. */
  readonly paragraph: number
}

export const DEFAULT_PAUSES: Pauses = { sentence: 0.35, paragraph: 0.7 }

/** Frames of the model's silence kept before (40 ms) and after (120 ms) a sentence. */
const LEAD_FRAMES = 8
const TAIL_FRAMES = 24

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

/**
 * Cuts the model's silences to what is kept. `durations`: frames per symbol, the first and last are the silences.
 */
export function trimSilence(frames: Frames, durations: Int32Array): Trimmed {
  const before = durations[0] ?? 0
  const after = durations.length > 1 ? durations[durations.length - 1]! : 0
  const lead = Math.min(before, LEAD_FRAMES)
  const tail = Math.min(after, TAIL_FRAMES)
  const cut = before - lead
  return { frames: sliceFrames(frames, cut, frames.count - (after - tail)), cut, lead, tail }
}

/**
 * Samples of silence to put between two sentences so that the pause, with the silence they bring along
 * (`previousTail`, `lead`, frames), has its length. `speed` shortens it.
 */
export function pauseSamples(
  kind: PauseKind,
  pauses: Pauses,
  speed: number,
  previousTail: number,
  lead: number,
): number {
  if (kind === 'none') return 0
  return Math.max(0, Math.round((pauses[kind] / speed) * SAMPLE_RATE) - (previousTail + lead) * HOP)
}

/**
 * Fades the ends of a sentence in place. `chunk` holds samples [at, at + chunk.length) of a sentence of `total`.
 */
export function fadeEnds(chunk: Float32Array, at: number, total: number): void {
  for (let i = at; i < Math.min(FADE_IN, at + chunk.length); i++) chunk[i - at]! *= i / FADE_IN
  for (let i = Math.max(at, total - FADE_OUT); i < at + chunk.length; i++) chunk[i - at]! *= (total - 1 - i) / FADE_OUT
}
