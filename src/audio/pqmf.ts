/**
 * Four-band pseudo-QMF bank (cosine-modulated Kaiser prototype, 64 taps; Lin & Vaidyanathan 1998) with the pre-emphasis
 * around it. Invariant: synthesis of an analysis is the signal delayed by PQMF_DELAY samples, reconstruction SNR > 60 dB.
 */
import { BANDS, PQMF_TAPS, PRE_EMPHASIS } from '../vocoder/sparse-wavernn/layout.ts'

export { PQMF_TAPS, PRE_EMPHASIS } from '../vocoder/sparse-wavernn/layout.ts'

/** Step t is centred on sample 4t - ANALYSIS_LAG - 31.5 (docs/reference/net.md). */
export const ANALYSIS_LAG = 28
/** Samples by which synthesis lags behind the analysed signal. */
export const PQMF_DELAY = PQMF_TAPS - 1 + ANALYSIS_LAG

// Found by maximising the reconstruction SNR over cutoff and Kaiser beta.
const CUTOFF = 0.1412773734
const KAISER_BETA = 8.50947858
const CHAIN_GAIN = 1.0002999

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/** Prototype low-pass at `centred` samples from its middle (a continuous function, zero outside its 64 taps). */
export function prototypeAt(centred: number): number {
  const position = (2 * centred) / (PQMF_TAPS - 1)
  if (Math.abs(position) > 1) return 0
  const x = Math.PI * CUTOFF * centred
  const window = besselI0(KAISER_BETA * Math.sqrt(1 - position ** 2)) / besselI0(KAISER_BETA)
  return ((x === 0 ? 1 : Math.sin(x) / x) * CUTOFF * window) / Math.sqrt(CHAIN_GAIN)
}

const PROTOTYPE: Float64Array = Float64Array.from({ length: PQMF_TAPS }, (_, m) => prototypeAt(m - (PQMF_TAPS - 1) / 2))

function modulated(sign: 1 | -1): Float64Array {
  const filters = new Float64Array(BANDS * PQMF_TAPS)
  for (let b = 0; b < BANDS; b++) {
    for (let m = 0; m < PQMF_TAPS; m++) {
      const angle = (((2 * b + 1) * Math.PI) / (2 * BANDS)) * (m - (PQMF_TAPS - 1) / 2)
      filters[b * PQMF_TAPS + m] = 2 * PROTOTYPE[m]! * Math.cos(angle + (sign * (b % 2 ? -1 : 1) * Math.PI) / 4)
    }
  }
  return filters
}

/** Analysis filters h_b, [4, 64]. */
export const ANALYSIS_FILTERS: Float64Array = modulated(1)
/** Synthesis filters f_b, [4, 64], without the factor 4 of the interpolation. */
export const SYNTHESIS_FILTERS: Float64Array = modulated(-1)

/** Response of filter `b` of a bank [4, 64] at `hz`: its squared magnitude. */
export function filterPower(filters: Float64Array, b: number, hz: number, sampleRate = 24000): number {
  let re = 0
  let im = 0
  for (let m = 0; m < PQMF_TAPS; m++) {
    const w = (2 * Math.PI * hz * m) / sampleRate
    re += filters[b * PQMF_TAPS + m]! * Math.cos(w)
    im -= filters[b * PQMF_TAPS + m]! * Math.sin(w)
  }
  return re * re + im * im
}

/** y[n] = s[n] - PRE_EMPHASIS s[n-1], with s[-1] = 0. */
export function preEmphasize(samples: Float32Array): Float32Array {
  const out = new Float32Array(samples.length)
  let last = 0
  for (let n = 0; n < samples.length; n++) {
    out[n] = samples[n]! - PRE_EMPHASIS * last
    last = samples[n]!
  }
  return out
}

/** Inverse of `preEmphasize`. */
export function deEmphasize(samples: Float32Array): Float32Array {
  const out = new Float32Array(samples.length)
  let last = 0
  for (let n = 0; n < samples.length; n++) {
    last = samples[n]! + PRE_EMPHASIS * last
    out[n] = last
  }
  return out
}

/**
 * Splits a (pre-emphasised) 24 kHz signal in bands: X_b[t] = sum_m h_b[m] y[4t - 28 - m].
 * Returns [steps, 4]; samples outside the signal are zero.
 */
export function pqmfAnalyze(signal: Float32Array, steps: number): Float32Array {
  const out = new Float32Array(steps * BANDS)
  for (let t = 0; t < steps; t++) {
    const newest = 4 * t - ANALYSIS_LAG
    const from = Math.max(0, newest - signal.length + 1)
    const to = Math.min(PQMF_TAPS - 1, newest)
    let a0 = 0
    let a1 = 0
    let a2 = 0
    let a3 = 0
    for (let m = from; m <= to; m++) {
      const y = signal[newest - m]!
      a0 += ANALYSIS_FILTERS[m]! * y
      a1 += ANALYSIS_FILTERS[PQMF_TAPS + m]! * y
      a2 += ANALYSIS_FILTERS[2 * PQMF_TAPS + m]! * y
      a3 += ANALYSIS_FILTERS[3 * PQMF_TAPS + m]! * y
    }
    out[t * BANDS] = a0
    out[t * BANDS + 1] = a1
    out[t * BANDS + 2] = a2
    out[t * BANDS + 3] = a3
  }
  return out
}

/** Inverse of `pqmfAnalyze`, late by PQMF_DELAY: [steps, 4] -> 4 * steps samples (still pre-emphasised). */
export function pqmfSynthesize(bands: Float32Array): Float32Array {
  const steps = bands.length / BANDS
  const out = new Float32Array(steps * BANDS)
  for (let t = 0; t < steps; t++) {
    const end = Math.min(PQMF_TAPS, out.length - 4 * t)
    for (let b = 0; b < BANDS; b++) {
      const x = 4 * bands[t * BANDS + b]!
      for (let m = 0; m < end; m++) out[4 * t + m]! += SYNTHESIS_FILTERS[b * PQMF_TAPS + m]! * x
    }
  }
  return out
}
