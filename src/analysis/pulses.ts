/**
 * Pulse phase of a recording: where in the pitch cycle each step of the net lies, so that pulses put where the phase
 * wraps stay in step with the recording. The phase follows the recording's fundamental, hence is smooth and independent of formants.
 */
import { type Frames, HOP, SAMPLE_RATE } from '../frames.ts'

/** Samples a step; step t is centred on sample 4t - 59.5 (docs/net.md). */
const STEP = 4
const CENTRE = 59.5
const STEPS_PER_FRAME = HOP / STEP
/** Half width in samples of the low-pass before demodulation (passes below 1 kHz). */
const LOW_PASS = 12
/** Demodulation window in pitch periods to each side. */
const REACH = 1.25
/** Steps between demodulations; the phase between them is interpolated. */
const STRIDE = 6
/**
 * Lead of the pulse over the crest of the fundamental, in cycles: where the prediction residual of band 0 has its energy
 * in speech (measured on the corpus: 0.25 to 0.28).
 */
const LEAD = 0.26

/**
 * Phase in cycles (0..1, pulses where it wraps) at each of the 30 * frames.count steps; 0 where unvoiced. `samples`: 24 kHz.
 */
export function alignPulses(samples: Float32Array, frames: Frames): Float32Array {
  const steps = frames.count * STEPS_PER_FRAME
  const f0 = interpolateF0(frames, steps)
  const low = lowBand(samples, steps)
  const out = new Float32Array(steps)
  for (let start = 0; start < steps; start++) {
    if (f0[start] === 0) continue
    let end = start
    while (end < steps && f0[end]! > 0) end++
    alignSegment(f0, low, start, end, out)
    start = end
  }
  return out
}

/** F0 at each step, linear between voiced frames; a step is voiced when its frame is. */
function interpolateF0({ f0, count }: Frames, steps: number): Float64Array {
  const out = new Float64Array(steps)
  for (let t = 0; t < steps; t++) {
    const own = f0[Math.floor(t / STEPS_PER_FRAME)]!
    const position = Math.max(0, (STEP * t - CENTRE) / HOP)
    const at = Math.min(Math.floor(position), count - 1)
    const a = f0[at]!
    const b = f0[Math.min(at + 1, count - 1)]!
    out[t] = own === 0 ? 0 : a > 0 && b > 0 ? a + (b - a) * (position - at) : own
  }
  return out
}

/** The recording below about 1 kHz at each step's centre. */
function lowBand(samples: Float32Array, steps: number): Float64Array {
  const window = Float64Array.from(
    { length: 2 * LOW_PASS },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / (2 * LOW_PASS)),
  )
  const out = new Float64Array(steps)
  for (let t = 0; t < steps; t++) {
    // 2 LOW_PASS samples around the centre, which lies between two samples.
    const first = STEP * t - CENTRE + 0.5 - LOW_PASS
    for (let k = 0; k < 2 * LOW_PASS; k++) {
      const n = first + k
      if (n >= 0 && n < samples.length) out[t]! += window[k]! * samples[n]!
    }
  }
  return out
}

/** Voiced steps start .. end - 1: integrates F0, then adds the fundamental's measured deviation from it. */
function alignSegment(f0: Float64Array, low: Float64Array, start: number, end: number, out: Float32Array): void {
  const length = end - start
  const phase = new Float64Array(length)
  const re = new Float64Array(length)
  const im = new Float64Array(length)
  for (let i = 0, p = 0; i < length; i++) {
    p += (f0[start + i]! * STEP) / SAMPLE_RATE
    phase[i] = p
    re[i] = low[start + i]! * Math.cos(2 * Math.PI * p)
    im[i] = -low[start + i]! * Math.sin(2 * Math.PI * p)
  }
  const knots = Math.ceil(length / STRIDE) + 1
  const deviation = new Float64Array(knots)
  for (let k = 0; k < knots; k++) {
    const centre = Math.min(k * STRIDE, length - 1)
    const reach = Math.round((REACH * SAMPLE_RATE) / STEP / f0[start + centre]!)
    let a = 0
    let b = 0
    for (let i = Math.max(0, centre - reach); i <= Math.min(length - 1, centre + reach); i++) {
      const w = 1 + Math.cos((Math.PI * (i - centre)) / (reach + 1))
      a += w * re[i]!
      b += w * im[i]!
    }
    const angle = Math.atan2(b, a) / (2 * Math.PI)
    // Unwrapped against the knot before, so that interpolation never crosses a cycle.
    deviation[k] = k === 0 ? angle : angle - Math.round(angle - deviation[k - 1]!)
  }
  for (let i = 0; i < length; i++) {
    const k = Math.floor(i / STRIDE)
    const share = i / STRIDE - k
    const p = phase[i]! + deviation[k]! * (1 - share) + deviation[k + 1]! * share + LEAD
    out[start + i] = p - Math.floor(p)
  }
}
