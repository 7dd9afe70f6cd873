/**
 * Undoes part of the smearing of a net trained on mean errors: the envelope's deviations from its mean are raised, more so
 * the finer they are, along frequency (by cosine coefficient) and in time. Linear, so a few constants in the exported graph.
 * What it gains and how the constants were chosen: docs/acoustic.md.
 */
import { ENVELOPE_POINTS } from '../../../src/frames.ts'

/** Gain of cosine coefficient c > 0: start + slope c, at most limit. */
const GAIN = { start: 1.05, slope: 0.06, limit: 2.6 }
/** Share of a frame's difference from its neighbours within SPAN frames that is added to it. */
export const TIME_GAIN = 0.3
export const TIME_SPAN = 2

/** [64, 64], to multiply deviations [frames, 64] with from the right. */
export function sharpeningMatrix(): Float32Array {
  const n = ENVELOPE_POINTS
  const matrix = new Float32Array(n * n)
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      let sum = 1 / n
      for (let c = 1; c < n; c++) {
        const gain = Math.min(GAIN.limit, GAIN.start + GAIN.slope * c)
        const phase = (Math.PI * c) / n
        sum += gain * (2 / n) * Math.cos(phase * (i + 0.5)) * Math.cos(phase * (k + 0.5))
      }
      matrix[i * n + k] = sum
    }
  return matrix
}

/** Sharpens deviations [frames, 64] from the mean envelope; edges are repeated in time. */
export function sharpen(deviations: Float32Array): Float32Array {
  const n = ENVELOPE_POINTS
  const frames = deviations.length / n
  const matrix = sharpeningMatrix()
  const fine = new Float32Array(deviations.length)
  for (let f = 0; f < frames; f++)
    for (let i = 0; i < n; i++) {
      const value = deviations[f * n + i]!
      for (let k = 0; k < n; k++) fine[f * n + k]! += value * matrix[i * n + k]!
    }
  return fine.map((value, at) => {
    const f = Math.floor(at / n)
    let around = 0
    for (let o = 1; o <= TIME_SPAN; o++)
      around += fine[Math.max(0, f - o) * n + (at % n)]! + fine[Math.min(frames - 1, f + o) * n + (at % n)]!
    return value + TIME_GAIN * (value - around / (2 * TIME_SPAN))
  })
}
