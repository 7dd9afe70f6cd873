/**
 * What the aligner hears: 40 log-mel bands every 10 ms, of power first, so that noise, rooms and narrow bands can be added in training,
 * then normalised by recording. Frame i stands at sample 240 i + 120.
 */
import { RealFft } from 'sparsewave/internal/audio/fft'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { DURATION_UNIT } from '../../data/corpus.ts'

/** Samples between frames (10 ms). */
export const ALIGN_HOP = 240
export const MEL_BANDS = 40
/** Frames of the acoustic model's unit of 25 ms. */
export const FRAMES_A_UNIT = DURATION_UNIT / ALIGN_HOP

const FFT_SIZE = 512
const LOWEST_HZ = 50
const HIGHEST_HZ = 11_000
/** Nothing further below the recording's level is heard, in nats of power (60 dB). */
const DEPTH = 13.8
/** Frames that the mean of a band is taken over lie within this of the level (40 dB). */
const LOUD = 9.2
/** Divides normalised values, so that their spread is near 1. */
const SPREAD = 3

const mel = (hz: number) => 2595 * Math.log10(1 + hz / 700)
const hertz = (m: number) => 700 * (10 ** (m / 2595) - 1)

/** Centre of each band in Hz, with the edges before the first and after the last. */
export const BAND_EDGES: readonly number[] = Array.from({ length: MEL_BANDS + 2 }, (_, i) =>
  hertz(mel(LOWEST_HZ) + ((mel(HIGHEST_HZ) - mel(LOWEST_HZ)) * i) / (MEL_BANDS + 1)),
)

/** Bins and weights of each band: triangles that sum to 1, so that white noise has the same power in all. */
const FILTERS = Array.from({ length: MEL_BANDS }, (_, b) => {
  const [left, centre, right] = [BAND_EDGES[b]!, BAND_EDGES[b + 1]!, BAND_EDGES[b + 2]!]
  const bins: number[] = []
  const weights: number[] = []
  for (let k = 1; k <= FFT_SIZE / 2; k++) {
    const hz = (k * SAMPLE_RATE) / FFT_SIZE
    const w = hz <= centre ? (hz - left) / (centre - left) : (right - hz) / (right - centre)
    if (w > 0) {
      bins.push(k)
      weights.push(w)
    }
  }
  // The lowest bands are narrower than a bin.
  if (bins.length === 0) {
    bins.push(Math.max(1, Math.round((centre * FFT_SIZE) / SAMPLE_RATE)))
    weights.push(1)
  }
  const sum = weights.reduce((a, w) => a + w, 0)
  return { bins: Int32Array.from(bins), weights: Float64Array.from(weights, (w) => w / sum) }
})

const WINDOW = Float64Array.from(
  { length: FFT_SIZE },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / FFT_SIZE),
)
const fft = new RealFft(FFT_SIZE)

/** Frames of a recording of so many samples. */
export const framesOf = (samples: number): number => Math.max(1, Math.ceil(samples / ALIGN_HOP))

/** Power by band, [frames, MEL_BANDS], of 24 kHz samples. */
export function melPower(samples: Float32Array): Float32Array {
  const frames = framesOf(samples.length)
  const out = new Float32Array(frames * MEL_BANDS)
  const x = new Float64Array(FFT_SIZE)
  const re = new Float64Array(fft.bins)
  const im = new Float64Array(fft.bins)
  for (let f = 0; f < frames; f++) {
    const from = f * ALIGN_HOP + ALIGN_HOP / 2 - FFT_SIZE / 2
    for (let i = 0; i < FFT_SIZE; i++) x[i] = WINDOW[i]! * (samples[from + i] ?? 0)
    fft.forward(x, re, im)
    for (let b = 0; b < MEL_BANDS; b++) {
      const { bins, weights } = FILTERS[b]!
      let power = 0
      for (let i = 0; i < bins.length; i++) {
        const k = bins[i]!
        power += weights[i]! * (re[k]! * re[k]! + im[k]! * im[k]!)
      }
      out[f * MEL_BANDS + b] = power
    }
  }
  return out
}

/** Log power relative to each band's mean over the loud frames, [frames, MEL_BANDS]. A band that holds nothing is 0 throughout. */
export function normalizeMel(power: Float32Array): Float32Array {
  const frames = power.length / MEL_BANDS
  const out = new Float32Array(power.length)
  const levels = new Float64Array(frames)
  for (let f = 0; f < frames; f++) {
    let sum = 0
    for (let b = 0; b < MEL_BANDS; b++) sum += power[f * MEL_BANDS + b]!
    levels[f] = Math.log(sum / MEL_BANDS + 1e-12)
  }
  // A click is louder than speech, so the loudest frames do not count.
  const level = levels.slice().sort()[Math.floor(0.95 * (frames - 1))]!
  const means = new Float64Array(MEL_BANDS)
  let loud = 0
  for (let f = 0; f < frames; f++) {
    const counts = levels[f]! >= level - LOUD
    if (counts) loud++
    for (let b = 0; b < MEL_BANDS; b++) {
      const value = Math.max(Math.log(power[f * MEL_BANDS + b]! + 1e-12), level - DEPTH)
      out[f * MEL_BANDS + b] = value
      if (counts) means[b]! += value
    }
  }
  for (let i = 0; i < out.length; i++) out[i] = (out[i]! - means[i % MEL_BANDS]! / Math.max(1, loud)) / SPREAD
  return out
}
