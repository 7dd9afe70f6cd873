/**
 * Sizes of source-filter synthesis: the one definition. `node scripts/generate-constants.mjs` writes the constants of the C++ code from it.
 */
import { SAMPLE_RATE } from '../../frames.ts'

/** Samples of an event's response, and of its transforms. */
export const RESPONSE = 1024
/** Samples that a response starts before its pulse: the ripple of a fractional delay lies there. */
export const LEAD = 16
/** Overlap-add buffer in samples; power of two. An event's response must lie within it. */
export const RING = 4096
/** Samples of a frame of spectral level matching, and from one to the next. */
export const LEVEL_SIZE = RESPONSE
export const LEVEL_STEP = LEVEL_SIZE / 4
/** Power of a bin below which levels are left alone: that of the noise of rounding to 16 bits. */
export const LEVEL_FLOOR = 3e-8
/** Corner of the high-pass that takes out the pulses' mean, Hz. */
export const HIGH_PASS_HZ = 20

/** What the generated constants hold. */
export const CONSTANTS = {
  integers: { RESPONSE, LEAD, RING, LEVEL_STEP, SAMPLE_RATE, HIGH_PASS_HZ },
  reals: { LEVEL_FLOOR },
} as const
