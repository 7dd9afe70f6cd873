/**
 * Other speakers and other microphones from one corpus: recordings played faster or slower (pitch and formants move together),
 * equalised by a smooth random curve, made louder or softer, some of them without their highest frequencies. Every draw follows
 * from the seed and the recording's id.
 */

import { Resampler } from 'sparsewave/internal/audio/resample'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { fmix32, Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import type { Alteration, Utterance } from './corpus.ts'

export const augmentSchema = z.strictObject({
  /** Altered copies of every training recording. */
  copies: z.number().int().min(1).max(16).default(1),
  /** Speeds are drawn evenly between 1 / speed and speed on a logarithmic scale. */
  speed: z.number().min(1).max(2).default(1.25),
  /** Standard deviation of the equaliser's gains an octave apart by two, dB. */
  equalizer: z.number().min(0).max(12).default(3),
  /** Largest change of level, dB. */
  level: z.number().min(0).max(20).default(6),
  /** Share of the copies that lose what is above a frequency drawn from 5.5 to 11 kHz. */
  bandLimited: z.number().min(0).max(1).default(0.3),
})
export type Augmentation = z.output<typeof augmentSchema>

const EQUALIZER_HZ = [60, 240, 960, 3840, 12000]
const SPEED_STEPS = 40
/** Taps on each side of the equaliser: 21 ms, so that its curve is free down to about 100 Hz. */
const REACH = 512
/** No sample of an altered recording is larger. */
const PEAK = 0.98

/** `copies` altered copies of each utterance, their ids the utterance's with a mark that changes with what is done to it. */
export function augment(utterances: readonly Utterance[], options: Augmentation, seed: number): Utterance[] {
  return utterances.flatMap((u) =>
    Array.from({ length: options.copies }, (_, copy) => {
      const alteration = drawAlteration(new Random(seed, hash(`${u.id} ${copy}`)), options)
      const mark = hash(JSON.stringify(alteration)).toString(16).padStart(8, '0')
      // What was said of times no longer holds.
      return { ...u, id: `${u.id}~${mark}`, samples: undefined, durations: undefined, alteration, decoded: u.samples }
    }),
  )
}

function drawAlteration(random: Random, { speed, equalizer, level, bandLimited }: Augmentation): Alteration {
  const drawn = Math.exp(Math.log(speed) * (2 * random.uniform() - 1))
  const shift = level * (2 * random.uniform() - 1)
  const gains = EQUALIZER_HZ.map(() => Math.round(100 * (shift + equalizer * random.normal())) / 100)
  const limited = random.uniform() < bandLimited
  const cutoff = Math.round(5500 * 2 ** random.uniform())
  return { speed: Math.round(drawn * SPEED_STEPS), gains, cutoff: limited ? cutoff : undefined }
}

/** The altered samples, 24 kHz; made softer where they would exceed full scale. */
export function alter(samples: Float32Array, { speed, gains, cutoff }: Alteration): Float32Array {
  let out: Float32Array = samples
  if (speed !== SPEED_STEPS) {
    const resampler = new Resampler((SAMPLE_RATE / SPEED_STEPS) * speed, SAMPLE_RATE)
    const body = resampler.push(samples)
    const rest = resampler.end()
    out = new Float32Array(body.length + rest.length)
    out.set(body)
    out.set(rest, body.length)
  }
  out = convolve(out, equalizer(gains, cutoff))
  const peak = out.reduce((max, v) => Math.max(max, Math.abs(v)), 0)
  return peak > PEAK ? out.map((v) => (v * PEAK) / peak) : out
}

/** Symmetric FIR, [2 REACH + 1], of a gain curve linear in dB over the logarithm of frequency: it moves no pulse. */
function equalizer(gains: readonly number[], cutoff = Infinity): Float64Array {
  const bins = REACH
  const taps = new Float64Array(2 * REACH + 1)
  const curve = Float64Array.from({ length: bins + 1 }, (_, k) => {
    const hz = (k / bins) * (SAMPLE_RATE / 2)
    const fall = Math.min(1, Math.max(0, (cutoff + 300 - hz) / 300))
    return fall * 10 ** (gainAt(hz, gains) / 20)
  })
  for (let n = 0; n <= REACH; n++) {
    let sum = 0
    for (let k = 0; k <= bins; k++) {
      sum += (k === 0 || k === bins ? 0.5 : 1) * curve[k]! * Math.cos((Math.PI * k * n) / bins)
    }
    const window = 0.5 + 0.5 * Math.cos((Math.PI * n) / (REACH + 1))
    taps[REACH + n] = taps[REACH - n] = (sum / bins) * window
  }
  return taps
}

function gainAt(hz: number, gains: readonly number[]): number {
  if (hz <= EQUALIZER_HZ[0]!) return gains[0]!
  const right = EQUALIZER_HZ.findIndex((edge) => hz <= edge)
  const [a, b] = [EQUALIZER_HZ[right - 1]!, EQUALIZER_HZ[right]!]
  const share = Math.log(hz / a) / Math.log(b / a)
  return gains[right - 1]! * (1 - share) + gains[right]! * share
}

function convolve(samples: Float32Array, taps: Float64Array): Float32Array {
  const out = new Float32Array(samples.length)
  for (let n = 0; n < samples.length; n++) {
    const from = Math.max(0, n - REACH)
    const to = Math.min(samples.length - 1, n + REACH)
    let sum = 0
    for (let i = from; i <= to; i++) sum += samples[i]! * taps[i - n + REACH]!
    out[n] = sum
  }
  return out
}

/** 32 bits of a string (FNV-1a, then mixed). */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return fmix32(h)
}
