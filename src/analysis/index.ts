/**
 * Analysis: a recording to frames, the inverse of what vocoders do. Frame i describes the signal around sample i * HOP.
 */
import type { Frames } from '../frames.ts'
import { estimateEnvelope } from './envelope.ts'
import { estimateF0 } from './f0.ts'

export { estimateEnvelope } from './envelope.ts'
export { estimateF0, type F0Options, frameCount } from './f0.ts'
export { alignPulses } from './pulses.ts'

/** Frames of a recording (24 kHz, -1..1): floor(samples / HOP) + 1 of them. */
export function analyze(samples: Float32Array): Frames {
  const f0 = estimateF0(samples)
  return { count: f0.length, f0, envelope: estimateEnvelope(samples, f0) }
}
