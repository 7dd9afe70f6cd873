/**
 * Spectral envelope without the traces of pitch, in the manner of CheapTrick (Morise 2015): F0-adaptive window,
 * power smoothed over 2/3 F0, harmonics liftered out of the cepstrum. Its scale is that of `Frames.envelope`.
 */
import { RealFft } from '../audio/fft.ts'
import { ENVELOPE_HZ, ENVELOPE_POINTS, HOP, SAMPLE_RATE } from '../frames.ts'

const FFT_SIZE = 1024
const BINS = FFT_SIZE / 2 + 1
const BIN_HZ = SAMPLE_RATE / FFT_SIZE
/** The window of 3 periods must fit the FFT. */
const LOWEST_F0 = (3 * SAMPLE_RATE) / (FFT_SIZE - 3)
/** Hz; the analysis pitch of unvoiced frames. */
const UNVOICED_F0 = 500
/** Spectral recovery, paper equation 9; q0 = 1 - 2 Q1. Measured: docs/decisions/101-sharp-envelopes.md. */
const Q1 = -0.25
/** Power added to each bin, far below 16 bits, so that the logarithm of digital silence is finite. */
const POWER_FLOOR = 1e-12
/** Cosine of half a turn in this many steps, for windows of any length. */
const WINDOW_STEPS = 4096
/** Bins mirrored at either end while smoothing: half the widest smoothing width, rounded up. */
const MARGIN = 40

const WINDOW = Float64Array.from(
  { length: WINDOW_STEPS + 2 },
  (_, i) => 0.5 + 0.5 * Math.cos((Math.PI * i) / WINDOW_STEPS),
)
/** Lower bin and weight of the upper one for each envelope point. */
const POINT_BIN = Uint16Array.from(ENVELOPE_HZ, (hz) => Math.min(BINS - 2, Math.floor(hz / BIN_HZ)))
const POINT_WEIGHT = Float64Array.from(ENVELOPE_HZ, (hz, i) => Math.min(1, hz / BIN_HZ - POINT_BIN[i]!))

/** One analyser of envelopes; owns its scratch memory. */
export class EnvelopeAnalyzer {
  readonly #fft = new RealFft(FFT_SIZE)
  readonly #wave = new Float64Array(FFT_SIZE)
  readonly #re = new Float64Array(BINS)
  readonly #im = new Float64Array(BINS)
  readonly #power = new Float64Array(BINS)
  readonly #replica = new Float64Array(64)
  readonly #sums = new Float64Array(BINS + 2 * MARGIN + 1)

  /**
   * Log power envelope around sample `centre` of `samples` (24 kHz), written to out[offset..offset + 64). `f0` in Hz, 0 =
   * unvoiced.
   */
  analyze(samples: Float32Array, centre: number, f0: number, out: Float32Array, offset: number): void {
    const pitch = f0 === 0 ? UNVOICED_F0 : Math.max(f0, LOWEST_F0)
    this.#windowedPower(samples, centre, pitch)
    this.#correctDc(pitch)
    this.#smooth((2 / 3) * pitch)
    this.#lifter(pitch)
    const log = this.#re
    for (let i = 0; i < ENVELOPE_POINTS; i++) {
      const bin = POINT_BIN[i]!
      const weight = POINT_WEIGHT[i]!
      out[offset + i] = log[bin]! + weight * (log[bin + 1]! - log[bin]!)
    }
  }

  /** Power of the signal under a Hann window of 3 periods with energy 1. */
  #windowedPower(samples: Float32Array, centre: number, pitch: number): void {
    const wave = this.#wave
    const half = Math.round((1.5 * SAMPLE_RATE) / pitch)
    const scale = (pitch / (1.5 * SAMPLE_RATE)) * WINDOW_STEPS
    const last = samples.length - 1
    let energy = 0
    let windowSum = 0
    let waveSum = 0
    for (let i = -half; i <= half; i++) {
      const at = (i < 0 ? -i : i) * scale
      const w = at >= WINDOW_STEPS ? 0 : WINDOW[(at + 0.5) | 0]!
      const j = centre + i
      const x = j < 0 || j > last ? 0 : samples[j]!
      wave[i + half] = x * w
      energy += w * w
      windowSum += w
      waveSum += x * w
    }
    const mean = waveSum / windowSum
    const gain = 1 / Math.sqrt(energy)
    for (let i = -half; i <= half; i++) {
      const at = (i < 0 ? -i : i) * scale
      const w = at >= WINDOW_STEPS ? 0 : WINDOW[(at + 0.5) | 0]!
      wave[i + half] = (wave[i + half]! - w * mean) * gain
    }
    wave.fill(0, 2 * half + 1)
    const re = this.#re
    const im = this.#im
    this.#fft.forward(wave, re, im)
    const power = this.#power
    for (let k = 0; k < BINS; k++) power[k] = re[k]! * re[k]! + im[k]! * im[k]! + POWER_FLOOR
  }

  /** Below F0 the spectrum is completed by its mirror image about F0 / 2. */
  #correctDc(pitch: number): void {
    const power = this.#power
    const replica = this.#replica
    const count = Math.floor(pitch / BIN_HZ) + 1
    for (let k = 0; k < count; k++) {
      const at = pitch / BIN_HZ - k
      const bin = Math.floor(at)
      replica[k] = power[bin]! + (at - bin) * (power[bin + 1]! - power[bin]!)
    }
    for (let k = 0; k < count; k++) power[k]! += replica[k]!
  }

  /** Moving average of `width` Hz, by differences of the running sum of the mirrored spectrum. */
  #smooth(width: number): void {
    const power = this.#power
    const sums = this.#sums
    const half = width / (2 * BIN_HZ)
    const margin = Math.ceil(half) + 1
    let sum = 0
    sums[0] = 0
    for (let i = -margin; i < BINS + margin; i++) {
      const k = i < 0 ? -i : i >= BINS ? 2 * (BINS - 1) - i : i
      sum += power[k]!
      sums[i + margin + 1] = sum
    }
    // sums[j] is the integral up to the left edge of bin j - margin; bin k spans k - .5 .. k + .5.
    const norm = 1 / (2 * half)
    const low = margin + 0.5 - half
    const high = margin + 0.5 + half
    const lowBin = Math.floor(low)
    const highBin = Math.floor(high)
    const lowWeight = low - lowBin
    const highWeight = high - highBin
    for (let k = 0; k < BINS; k++) {
      const a = sums[k + lowBin]!
      const b = sums[k + highBin]!
      const left = a + lowWeight * (sums[k + lowBin + 1]! - a)
      const right = b + highWeight * (sums[k + highBin + 1]! - b)
      power[k] = (right - left) * norm
    }
  }

  /** Log spectrum, liftered by a sinc of F0 with spectral recovery; the result is left in #re. */
  #lifter(pitch: number): void {
    const wave = this.#wave
    const re = this.#re
    const im = this.#im
    const power = this.#power
    // The log spectrum is real and even: as a signal of FFT_SIZE samples its transform is the cepstrum, real and even.
    for (let k = 0; k < BINS; k++) wave[k] = Math.log(Math.max(power[k]!, POWER_FLOOR * 1e-4))
    for (let k = 1; k < BINS - 1; k++) wave[FFT_SIZE - k] = wave[k]!
    this.#fft.forward(wave, re, im)
    const norm = 1 / FFT_SIZE
    const step = (Math.PI * pitch) / SAMPLE_RATE
    const stepC = Math.cos(step)
    const stepS = Math.sin(step)
    let c = 1
    let s = 0
    wave[0] = re[0]! * norm
    for (let n = 1; n < BINS; n++) {
      const next = c * stepC - s * stepS
      s = s * stepC + c * stepS
      c = next
      const recovery = 1 - 2 * Q1 + 2 * Q1 * (c * c - s * s)
      const value = ((re[n]! * s) / (step * n)) * recovery * norm
      wave[n] = value
      wave[FFT_SIZE - n] = value
    }
    this.#fft.forward(wave, re, im)
  }
}

/** Envelopes [frames, 64] of 24 kHz samples; `f0` [frames] in Hz, 0 = unvoiced. See `Frames.envelope` for the scale. */
export function estimateEnvelope(samples: Float32Array, f0: Float32Array): Float32Array {
  const out = new Float32Array(f0.length * ENVELOPE_POINTS)
  const analyzer = new EnvelopeAnalyzer()
  const dithered = dither(samples)
  for (let i = 0; i < f0.length; i++) analyzer.analyze(dithered, i * HOP, f0[i]!, out, i * ENVELOPE_POINTS)
  return out
}

/** The samples with noise of -100 dBFS (the same for every recording), so that digital silence has a level. */
export function dither(samples: Float32Array): Float32Array {
  const amplitude = 1e-5 * Math.sqrt(3)
  const out = new Float32Array(samples.length)
  let state = 0x2545f491
  for (let i = 0; i < samples.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    out[i] = samples[i]! + amplitude * (state / 2 ** 31)
  }
  return out
}
