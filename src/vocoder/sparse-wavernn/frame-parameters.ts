/**
 * What one frame's envelope and F0 imply for the steps of the net: linear prediction per band, gains and levels, pitch lag
 * and phase increment. A pure function of the frame, so that trainer and vocoder agree.
 */
import { ANALYSIS_FILTERS, filterPower, PRE_EMPHASIS } from '../../audio/pqmf.ts'
import { ENVELOPE_POINTS, type Frames, hzToMel, SAMPLE_RATE } from '../../frames.ts'
import type { Layers } from '../../layers/index.ts'
import { BAND_SPECTRUM_POINTS, BANDS, LPC_ORDER, SPECTRUM_POINTS } from './layout.ts'

export interface FrameParameterBlock {
  /** [4, 8] prediction coefficients a_b[1..8]: P_b = sum_k a_b[k] X_b[t-k]. */
  readonly lpc: Float32Array
  /** [4] standard deviation of the prediction residual. */
  readonly gain: Float32Array
  /** [4] 1 / standard deviation of the band's signal. */
  readonly inverseLevel: Float32Array
  /** Pitch period in steps, rounded; 0 = unvoiced. */
  lag: number
  /** Pulse phase advance a step in cycles; 0 = unvoiced. */
  phaseIncrement: number
}

export function createFrameParameterBlock(): FrameParameterBlock {
  return {
    lpc: new Float32Array(BANDS * LPC_ORDER),
    gain: new Float32Array(BANDS),
    inverseLevel: new Float32Array(BANDS),
    lag: 0,
    phaseIncrement: 0,
  }
}

export const STEP_RATE = SAMPLE_RATE / BANDS
/** White noise added to every band, as a fraction of its power: bounds the prediction gain. */
const WHITENING = 3e-5
/** Power floor of a band, about the corpus's dither. */
const FLOOR = 1e-11

// The band sees frequency f at |H_b(f)|^2 |E(f)|^2 / 4, folded at multiples of 3 kHz by the decimation.
const FOLD = (() => {
  const point: number[][] = []
  const weight: number[][] = []
  for (let b = 0; b < BANDS; b++) {
    for (let i = 0; i < BAND_SPECTRUM_POINTS; i++) {
      const points: number[] = []
      const weights: number[] = []
      for (let k = 0; k < BANDS; k++) {
        const g = k % 2 === 0 ? (BAND_SPECTRUM_POINTS - 1) * k + i : (BAND_SPECTRUM_POINTS - 1) * (k + 1) - i
        const hz = (g * SAMPLE_RATE) / 2 / (SPECTRUM_POINTS - 1)
        const emphasis = 1 + PRE_EMPHASIS ** 2 - 2 * PRE_EMPHASIS * Math.cos((2 * Math.PI * hz) / SAMPLE_RATE)
        const w = (filterPower(ANALYSIS_FILTERS, b, hz) * emphasis) / BANDS
        if (w > 1e-10) {
          points.push(g)
          weights.push(w)
        }
      }
      point.push(points)
      weight.push(weights)
    }
  }
  return { point, weight }
})()

const COSINES = Float64Array.from({ length: (LPC_ORDER + 1) * BAND_SPECTRUM_POINTS }, (_, n) => {
  const lag = Math.floor(n / BAND_SPECTRUM_POINTS)
  const i = n % BAND_SPECTRUM_POINTS
  const trapezoid = i === 0 || i === BAND_SPECTRUM_POINTS - 1 ? 0.5 : 1
  return (trapezoid * Math.cos((Math.PI * i * lag) / (BAND_SPECTRUM_POINTS - 1))) / (BAND_SPECTRUM_POINTS - 1)
})

const MEL_POSITION = Float64Array.from(
  { length: SPECTRUM_POINTS },
  (_, g) => (hzToMel((g * SAMPLE_RATE) / 2 / (SPECTRUM_POINTS - 1)) / hzToMel(SAMPLE_RATE / 2)) * (ENVELOPE_POINTS - 1),
)

/** Makes a frame's parameters. */
export interface FrameAnalyzer {
  /** Writes the parameters of frame `index` of `frames` to `out`. */
  compute(frames: Frames, index: number, out: FrameParameterBlock): void
}

/** FrameParameters on layers: equal but for rounding, in a tenth of the time. */
export function layeredFrameParameters(layers: Layers): FrameAnalyzer & { close(): void } {
  const point = Uint8Array.from(MEL_POSITION, (at) => Math.min(Math.floor(at), ENVELOPE_POINTS - 2))
  const weight = MEL_POSITION.map((at, g) => at - point[g]!)
  // The fold of the spectrum and the cosines of the correlation in one.
  const correlation = new Float64Array(SPECTRUM_POINTS * (LPC_ORDER + 1) * BANDS)
  for (let b = 0; b < BANDS; b++)
    for (let i = 0; i < BAND_SPECTRUM_POINTS; i++)
      for (const [k, g] of FOLD.point[b * BAND_SPECTRUM_POINTS + i]!.entries())
        for (let m = 0; m <= LPC_ORDER; m++)
          correlation[(g * (LPC_ORDER + 1) + m) * BANDS + b]! +=
            FOLD.weight[b * BAND_SPECTRUM_POINTS + i]![k]! * COSINES[m * BAND_SPECTRUM_POINTS + i]!
  const predictor = layers.predictor({ point, weight, correlation, whitening: WHITENING, floor: FLOOR })
  return {
    compute(frames, index, out) {
      predictor.predict(frames.envelope, index, out.lpc, out.gain, out.inverseLevel)
      setPitch(frames.f0[index]!, out)
    },
    close: () => predictor.close(),
  }
}

export class FrameParameters implements FrameAnalyzer {
  readonly #power = new Float64Array(SPECTRUM_POINTS)
  readonly #correlation = new Float64Array(LPC_ORDER + 1)
  readonly #a = new Float64Array(LPC_ORDER + 1)
  readonly #previous = new Float64Array(LPC_ORDER + 1)

  compute(frames: Frames, index: number, out: FrameParameterBlock): void {
    const envelope = frames.envelope
    const base = index * ENVELOPE_POINTS
    for (let g = 0; g < SPECTRUM_POINTS; g++) {
      const at = Math.min(Math.floor(MEL_POSITION[g]!), ENVELOPE_POINTS - 2)
      const weight = MEL_POSITION[g]! - at
      this.#power[g] = Math.exp(envelope[base + at]! * (1 - weight) + envelope[base + at + 1]! * weight)
    }
    for (let b = 0; b < BANDS; b++) this.#band(b, out)
    setPitch(frames.f0[index]!, out)
  }

  #band(b: number, out: FrameParameterBlock): void {
    const r = this.#correlation.fill(0)
    for (let i = 0; i < BAND_SPECTRUM_POINTS; i++) {
      const points = FOLD.point[b * BAND_SPECTRUM_POINTS + i]!
      const weights = FOLD.weight[b * BAND_SPECTRUM_POINTS + i]!
      let s = 0
      for (let k = 0; k < points.length; k++) s += weights[k]! * this.#power[points[k]!]!
      for (let m = 0; m <= LPC_ORDER; m++) r[m]! += s * COSINES[m * BAND_SPECTRUM_POINTS + i]!
    }
    r[0] = r[0]! * (1 + WHITENING) + FLOOR
    const error = levinson(r, this.#a, this.#previous)
    for (let k = 1; k <= LPC_ORDER; k++) out.lpc[b * LPC_ORDER + k - 1] = this.#a[k]!
    out.gain[b] = Math.sqrt(error)
    out.inverseLevel[b] = 1 / Math.sqrt(r[0]!)
  }
}

function setPitch(f0: number, out: FrameParameterBlock): void {
  out.lag = f0 > 0 ? Math.round(STEP_RATE / f0) : 0
  out.phaseIncrement = f0 > 0 ? f0 / STEP_RATE : 0
}

/**
 * Levinson-Durbin recursion: autocorrelation r[0..p] -> predictor a[1..p] (x[t] ~ sum_k a[k] x[t-k]).
 * Returns the residual's power; `scratch` has the size of `a`.
 */
export function levinson(r: Float64Array, a: Float64Array, scratch: Float64Array): number {
  const order = r.length - 1
  a.fill(0)
  let error = r[0]!
  for (let m = 1; m <= order; m++) {
    let acc = r[m]!
    for (let k = 1; k < m; k++) acc -= a[k]! * r[m - k]!
    const reflection = acc / error
    scratch.set(a)
    a[m] = reflection
    for (let k = 1; k < m; k++) a[k] = scratch[k]! - reflection * scratch[m - k]!
    error *= 1 - reflection * reflection
  }
  return error
}

/** Writes frame `index` as the conditioning net takes it to out[at ..]: envelope, ln(f0 / 200 Hz) or 0, voiced 1 or 0. */
export function writeFrameFeatures(frames: Frames, index: number, out: Float32Array, at: number): void {
  for (let i = 0; i < ENVELOPE_POINTS; i++) out[at + i] = frames.envelope[index * ENVELOPE_POINTS + i]!
  const f0 = frames.f0[index]!
  out[at + ENVELOPE_POINTS] = f0 > 0 ? Math.log(f0 / 200) : 0
  out[at + ENVELOPE_POINTS + 1] = f0 > 0 ? 1 : 0
}
