/** What a recording's samples say about it: level, noise, clipping, bandwidth, silence at its ends. 24 kHz mono. */
import { RealFft } from 'sparsewave/internal/audio/fft'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'

export interface Signal {
  readonly seconds: number
  /** Seconds in which somebody speaks. */
  readonly speech: number
  /** dBFS of the speech. */
  readonly level: number
  /** dBFS of the largest sample. */
  readonly peak: number
  /** dBFS of the quietest windows: speech without pauses has few that are quiet. */
  readonly noise: number
  /** Speech over noise, dB. */
  readonly snr: number
  /** Share of the speech's samples that lie on a flat top. */
  readonly clipped: number
  /** Highest frequency with speech in it, Hz. */
  readonly bandwidth: number
  /** Seconds before and after the speech. */
  readonly before: number
  readonly after: number
}

/** 20 ms. */
const WINDOW = 480
/** Speech is what lies within so many dB of the loud parts, and above the noise. */
const SPEECH_DEPTH = 30
const NOISE_MARGIN = 8
/** Share of the windows that are taken for noise alone. */
const QUIET = 0.03
/** Equal samples in a row, at the largest magnitude, that make a flat top. */
const FLAT = 3
const FFT_SIZE = 1024
const SILENT = -120

const db = (power: number) => Math.max(SILENT, 10 * Math.log10(power + 1e-20))
const quantile = (sorted: ArrayLike<number>, q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!

/** Level of each 20 ms window, dBFS. */
export function levels(samples: Float32Array): Float64Array {
  return Float64Array.from({ length: Math.max(1, Math.ceil(samples.length / WINDOW)) }, (_, w) => {
    const end = Math.min(samples.length, (w + 1) * WINDOW)
    let sum = 0
    for (let i = w * WINDOW; i < end; i++) sum += samples[i]! * samples[i]!
    return db(sum / Math.max(1, end - w * WINDOW))
  })
}

export function measureSignal(samples: Float32Array): Signal {
  const level = levels(samples)
  const sorted = level.slice().sort()
  const loud = quantile(sorted, 0.95)
  // Digital silence is no room's noise: it would call any recording clean.
  const heard = sorted.filter((v) => v > SILENT + 20)
  const noise = heard.length > 0 ? quantile(heard, QUIET) : SILENT
  const floor = Math.max(loud - SPEECH_DEPTH, Math.min(noise + NOISE_MARGIN, loud - 6))
  const isSpeech = Array.from(level, (v) => v >= floor && v > -70)
  const first = isSpeech.indexOf(true)
  const last = isSpeech.lastIndexOf(true)
  const windows = isSpeech.filter(Boolean).length
  let power = 0
  level.forEach((v, i) => {
    if (isSpeech[i]) power += 10 ** (v / 10)
  })
  let peak = 0
  for (const v of samples) peak = Math.max(peak, Math.abs(v))
  const speechLevel = windows > 0 ? 10 * Math.log10(power / windows) : SILENT
  return {
    seconds: samples.length / SAMPLE_RATE,
    speech: (windows * WINDOW) / SAMPLE_RATE,
    level: speechLevel,
    peak: peak > 0 ? 20 * Math.log10(peak) : SILENT,
    noise,
    snr: speechLevel - noise,
    clipped: flatTops(samples, peak) / Math.max(1, windows * WINDOW),
    bandwidth: bandwidthOf(samples),
    before: first < 0 ? samples.length / SAMPLE_RATE : (first * WINDOW) / SAMPLE_RATE,
    after: last < 0 ? 0 : Math.max(0, samples.length - (last + 1) * WINDOW) / SAMPLE_RATE,
  }
}

/** Samples on flat tops: near the largest magnitude, several in a row that hardly differ. */
function flatTops(samples: Float32Array, peak: number): number {
  if (peak < 0.05) return 0
  const limit = 0.97 * peak
  let count = 0
  let run = 0
  for (let i = 0; i <= samples.length; i++) {
    const v = samples[i] ?? 0
    const same = run === 0 || Math.abs(v - samples[i - 1]!) < 0.005 * peak
    if (Math.abs(v) >= limit && same) run++
    else {
      if (run >= FLAT) count += run
      run = Math.abs(v) >= limit ? 1 : 0
    }
  }
  return count
}

/**
 * Where speech ends in frequency: the highest 250 Hz band whose loudest windows stand 12 dB above its quietest, which steady noise never
 * does, and above -75 dB of the loudest band.
 */
function bandwidthOf(samples: Float32Array): number {
  const fft = new RealFft(FFT_SIZE)
  const [x, re, im] = [new Float64Array(FFT_SIZE), new Float64Array(fft.bins), new Float64Array(fft.bins)]
  const bands = 48
  const windows = Math.max(1, Math.floor((samples.length - FFT_SIZE) / WINDOW) + 1)
  const power = Array.from({ length: bands }, () => new Float64Array(windows))
  for (let w = 0; w < windows; w++) {
    for (let i = 0; i < FFT_SIZE; i++)
      x[i] = (samples[w * WINDOW + i] ?? 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / FFT_SIZE))
    fft.forward(x, re, im)
    for (let k = 1; k < fft.bins; k++)
      power[Math.min(bands - 1, Math.floor((k * bands) / fft.bins))]![w]! += re[k]! ** 2 + im[k]! ** 2
  }
  const spread = power.map((band) => band.sort())
  const loudest = spread.map((band) => quantile(band, 0.97))
  const top = Math.max(...loudest)
  if (top === 0) return 0
  for (let b = bands - 1; b >= 0; b--)
    if (loudest[b]! > top * 10 ** -7.5 && loudest[b]! > 16 * quantile(spread[b]!, 0.05))
      return ((b + 1) * SAMPLE_RATE) / 2 / bands
  return 0
}
