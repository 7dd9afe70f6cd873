/**
 * One period of sound: pulse and noise through the minimum-phase filter of an envelope (Morise, Yokomori & Ozawa 2016,
 * WORLD, section 2.4). Energy follows `Frames.envelope`'s scale: pulses weigh sqrt(period), noise has variance 1.
 */
import { RealFft } from '../../audio/fft.ts'
import { ENVELOPE_HZ, ENVELOPE_POINTS, SAMPLE_RATE } from '../../frames.ts'
import { LEAD, RESPONSE } from './layout.ts'

export { LEAD, RESPONSE } from './layout.ts'

const FFT_SIZE = RESPONSE
const BINS = FFT_SIZE / 2 + 1

/** Aperiodic part of a voiced frame's amplitude at the frequency `position` * 12 kHz. */
const aperiodicity = (position: number): number => Math.max(1e-3, 0.5 * position ** 1.5)

/** Envelope points to bins: lower point and weight of the upper one. */
export const BIN_POINT = new Uint8Array(BINS)
export const BIN_WEIGHT = new Float64Array(BINS)
for (let k = 0, point = 0; k < BINS; k++) {
  const hz = (k * SAMPLE_RATE) / FFT_SIZE
  while (point < ENVELOPE_POINTS - 2 && ENVELOPE_HZ[point + 1]! <= hz) point++
  BIN_POINT[k] = point
  BIN_WEIGHT[k] = (hz - ENVELOPE_HZ[point]!) / (ENVELOPE_HZ[point + 1]! - ENVELOPE_HZ[point]!)
}

export class Shaper {
  readonly #fft = new RealFft(FFT_SIZE)
  readonly #wave = new Float64Array(FFT_SIZE)
  readonly #filterRe = new Float64Array(BINS)
  readonly #filterIm = new Float64Array(BINS)
  readonly #re = new Float64Array(BINS)
  readonly #im = new Float64Array(BINS)
  /** [513] minimum-phase spectra of the periodic and the aperiodic part. */
  readonly spectra = {
    pulseRe: new Float64Array(BINS),
    pulseIm: new Float64Array(BINS),
    noiseRe: new Float64Array(BINS),
    noiseIm: new Float64Array(BINS),
  }

  constructor() {
    const position = (k: number): number => k / (BINS - 1)
    this.#logFromBins((k) => Math.log(1 - aperiodicity(position(k)) ** 2))
    this.#minimumPhase(this.spectra.pulseRe, this.spectra.pulseIm)
    this.#logFromBins((k) => 2 * Math.log(aperiodicity(position(k))))
    this.#minimumPhase(this.spectra.noiseRe, this.spectra.noiseIm)
  }

  /** Sets the filter from a log power envelope [64]. */
  setEnvelope(envelope: Float64Array): void {
    const wave = this.#wave
    for (let k = 0; k < BINS; k++) {
      const point = BIN_POINT[k]!
      wave[k] = envelope[point]! + BIN_WEIGHT[k]! * (envelope[point + 1]! - envelope[point]!)
    }
    this.#minimumPhase(this.#filterRe, this.#filterIm)
  }

  /**
   * Writes to `out` [RESPONSE] what one voiced period adds to the signal from LEAD samples before its first sample on: a
   * pulse `delay` (0..1) samples into the period of `period` samples, and the aperiodic part of `noise` [RESPONSE], unit variance, zeros
   * after the period's end.
   */
  voiced(delay: number, period: number, noise: Float64Array | undefined, out: Float64Array): void {
    const re = this.#re
    const im = this.#im
    const { pulseRe, pulseIm, noiseRe, noiseIm } = this.spectra
    const gain = Math.sqrt(period)
    const turn = (-2 * Math.PI * (delay + LEAD)) / FFT_SIZE
    const lead = (-2 * Math.PI * LEAD) / FFT_SIZE
    const turnC = Math.cos(turn)
    const turnS = Math.sin(turn)
    const leadC = Math.cos(lead)
    const leadS = Math.sin(lead)
    let pc = gain
    let ps = 0
    let nc = 1
    let ns = 0
    if (noise) this.#fft.forward(noise, re, im)
    else {
      re.fill(0)
      im.fill(0)
    }
    for (let k = 0; k < BINS; k++) {
      // Noise, delayed by LEAD, times its spectrum; the pulse, delayed by LEAD and the fraction, times its own.
      const ar = re[k]! * nc - im[k]! * ns
      const ai = re[k]! * ns + im[k]! * nc
      const er = ar * noiseRe[k]! - ai * noiseIm[k]! + pc * pulseRe[k]! - ps * pulseIm[k]!
      const ei = ar * noiseIm[k]! + ai * noiseRe[k]! + pc * pulseIm[k]! + ps * pulseRe[k]!
      re[k] = er * this.#filterRe[k]! - ei * this.#filterIm[k]!
      im[k] = er * this.#filterIm[k]! + ei * this.#filterRe[k]!
      let next = pc * turnC - ps * turnS
      ps = ps * turnC + pc * turnS
      pc = next
      next = nc * leadC - ns * leadS
      ns = ns * leadC + nc * leadS
      nc = next
    }
    // A fractional delay is not Hermitian at half the sample rate.
    im[BINS - 1] = 0
    this.#fft.inverse(re, im, out)
  }

  /** The same for an unvoiced stretch: `noise` [RESPONSE] alone, from LEAD samples before its first one. */
  unvoiced(noise: Float64Array, out: Float64Array): void {
    const re = this.#re
    const im = this.#im
    const lead = (-2 * Math.PI * LEAD) / FFT_SIZE
    const leadC = Math.cos(lead)
    const leadS = Math.sin(lead)
    let nc = 1
    let ns = 0
    this.#fft.forward(noise, re, im)
    for (let k = 0; k < BINS; k++) {
      const ar = re[k]! * nc - im[k]! * ns
      const ai = re[k]! * ns + im[k]! * nc
      re[k] = ar * this.#filterRe[k]! - ai * this.#filterIm[k]!
      im[k] = ar * this.#filterIm[k]! + ai * this.#filterRe[k]!
      const next = nc * leadC - ns * leadS
      ns = ns * leadC + nc * leadS
      nc = next
    }
    im[BINS - 1] = 0
    this.#fft.inverse(re, im, out)
  }

  #logFromBins(log: (bin: number) => number): void {
    for (let k = 0; k < BINS; k++) this.#wave[k] = log(k)
  }

  /** From the log power spectrum in #wave[0..BINS) by folding the cepstrum (Oppenheim & Schafer, section 13.5). */
  #minimumPhase(re: Float64Array, im: Float64Array): void {
    const wave = this.#wave
    for (let k = 1; k < BINS - 1; k++) wave[FFT_SIZE - k] = wave[k]!
    this.#fft.forward(wave, re, im)
    // Half of the log power is the log amplitude; causal quefrencies count twice.
    const norm = 1 / FFT_SIZE
    wave[0] = 0.5 * re[0]! * norm
    for (let n = 1; n < BINS - 1; n++) wave[n] = re[n]! * norm
    wave[BINS - 1] = 0.5 * re[BINS - 1]! * norm
    wave.fill(0, BINS)
    this.#fft.forward(wave, re, im)
    for (let k = 0; k < BINS; k++) {
      const amplitude = Math.exp(re[k]!)
      const phase = im[k]!
      re[k] = amplitude * Math.cos(phase)
      im[k] = amplitude * Math.sin(phase)
    }
  }
}
