/**
 * The pulse part of source-filter synthesis with pulses given from outside: what a net that builds on the pulses can expect
 * of them, and the measure of their alignment.
 */
import { ENVELOPE_POINTS, type Frames, HOP } from '../../frames.ts'
import { LEAD, RESPONSE, Shaper } from './shaper.ts'

const STEPS = 30

/**
 * The periodic part of the signal, [frames.count * HOP] samples. `phase` [30 * frames.count] in cycles as `alignPulses` gives it:
 * pulses are where it wraps; step t is centred on sample 4t - 59.5.
 */
export function pulseSignal(frames: Frames, phase: Float32Array): Float32Array {
  const out = new Float32Array(frames.count * HOP)
  const shaper = new Shaper()
  const envelope = new Float64Array(ENVELOPE_POINTS)
  const response = new Float64Array(RESPONSE)
  for (let t = 1; t < phase.length; t++) {
    const frame = Math.floor(t / STEPS)
    const f0 = frames.f0[frame]!
    if (f0 === 0 || frames.f0[Math.floor((t - 1) / STEPS)]! === 0 || phase[t]! >= phase[t - 1]! - 0.5) continue
    const advance = phase[t]! + 1 - phase[t - 1]!
    const position = 4 * t - 59.5 - (4 * phase[t]!) / advance
    const left = Math.max(0, Math.min(frames.count - 1, Math.floor(position / HOP)))
    const right = Math.min(frames.count - 1, left + 1)
    const weight = Math.max(0, Math.min(1, position / HOP - left))
    for (let k = 0; k < ENVELOPE_POINTS; k++) {
      const a = frames.envelope[left * ENVELOPE_POINTS + k]!
      const b = frames.envelope[right * ENVELOPE_POINTS + k]!
      envelope[k] = a + weight * (b - a)
    }
    shaper.setEnvelope(envelope)
    const start = Math.floor(position)
    shaper.voiced(position - start, 4 / advance, undefined, response)
    const from = start - LEAD
    for (let i = Math.max(0, -from); i < Math.min(RESPONSE, out.length - from); i++) out[from + i]! += response[i]!
  }
  return out
}
