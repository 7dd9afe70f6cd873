/** The low band of a recording at 6 kHz, where pitch is measured. The filter is symmetric: nothing is delayed. */
import { HOP, SAMPLE_RATE } from '../frames.ts'

export const DECIMATION = 4
/** Hz. */
export const DECIMATED_RATE = SAMPLE_RATE / DECIMATION
/** Samples per frame at 6 kHz. */
export const DECIMATED_HOP = HOP / DECIMATION

/**
 * The recording low-passed at 2.4 kHz, without its mean, at 6 kHz: its sample 4 j is at `pad` + j. There are `pad` samples before the
 * first frame's centre and after the last one's.
 */
export function decimate(samples: Float32Array, frames: number, pad: number): Float64Array {
  const out = new Float64Array((frames - 1) * DECIMATED_HOP + 1 + 2 * pad)
  const half = 24
  const taps = new Float64Array(2 * half + 1)
  let sum = 0
  for (let k = -half; k <= half; k++) {
    const x = (2 * Math.PI * 2400 * k) / SAMPLE_RATE
    const window = 0.5 + 0.5 * Math.cos((Math.PI * k) / (half + 1))
    const tap = (k === 0 ? 1 : Math.sin(x) / x) * window
    taps[k + half] = tap
    sum += tap
  }
  for (let k = 0; k < taps.length; k++) taps[k]! /= sum
  const n = samples.length
  for (let i = pad - half; i < out.length - pad + half; i++) {
    const centre = (i - pad) * DECIMATION
    const from = Math.max(-half, -centre)
    const to = Math.min(half, n - 1 - centre)
    let acc = 0
    for (let k = from; k <= to; k++) acc += taps[k + half]! * samples[centre + k]!
    out[i] = acc
  }
  // A constant offset would correlate at every lag.
  let offset = 0
  for (let i = pad; i < out.length - pad; i++) offset += out[i]!
  offset /= Math.max(1, out.length - 2 * pad)
  for (let i = pad; i < out.length - pad; i++) out[i]! -= offset
  return out
}
