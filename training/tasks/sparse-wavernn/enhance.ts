/**
 * Recordings made a little more periodic where they are voiced: each sample is averaged with the ones one pitch period
 * before and after it (a comb filter, as in speech coders' pitch enhancement; Chen & Gersho 1995), at the period that the
 * tracked pulse phase gives. Harmonics stay as they are, what lies between them falls by some dB.
 */
import { HOP } from '../../../src/frames.ts'
import { STEPS_PER_FRAME } from '../../../src/vocoder/sparse-wavernn/config.ts'
import type { Recording } from './utterance.ts'

/** Samples a step. */
const STEP = HOP / STEPS_PER_FRAME
/** Longest period, in steps: 90 Hz. Beyond it the phase was lost. */
const LONGEST = 67
/** What a step's place lies ahead of its number, in samples. */
const CENTRE = 59.5
const TAPS = 8
const FRACTIONS = 32

/** [33, 8] windowed sinc: value at tap k for a point k - 3 - fraction / 32 samples away. */
const INTERPOLATION = Float32Array.from({ length: (FRACTIONS + 1) * TAPS }, (_, i) => {
  const u = (i % TAPS) - (TAPS / 2 - 1) - Math.floor(i / TAPS) / FRACTIONS
  const sinc = u === 0 ? 1 : Math.sin(Math.PI * u) / (Math.PI * u)
  return sinc * Math.cos((Math.PI * u) / (TAPS + 1)) ** 2
})

/** The signal at a time between samples; 0 outside. */
function at(x: Float32Array, time: number): number {
  const floor = Math.floor(time)
  const row = Math.round((time - floor) * FRACTIONS) * TAPS
  let sum = 0
  for (let k = 0; k < TAPS; k++) sum += INTERPOLATION[row + k]! * (x[floor + k - (TAPS / 2 - 1)] ?? 0)
  return sum
}

/**
 * Pitch periods around every step, in steps: [steps] back to the same phase one cycle before, [steps] on to the next one. NaN
 * where that lies outside the voiced stretch.
 */
export function periods(phase: Float32Array, f0: Float32Array): { back: Float32Array; on: Float32Array } {
  const steps = phase.length
  const back = new Float32Array(steps).fill(Number.NaN)
  const on = new Float32Array(steps).fill(Number.NaN)
  const voiced = (t: number) => f0[Math.floor(t / STEPS_PER_FRAME)]! > 0
  for (let from = 0; from < steps; ) {
    if (!voiced(from)) {
      from++
      continue
    }
    let to = from + 1
    while (to < steps && voiced(to)) to++
    // Cycles since the stretch began; the tracked phase may step back a little, cycles may not.
    const cycles = new Float64Array(to - from)
    for (let i = 1; i < cycles.length; i++) {
      let advance = phase[from + i]! - phase[from + i - 1]!
      if (advance < -0.5) advance += 1
      cycles[i] = cycles[i - 1]! + Math.max(advance, 1e-6)
    }
    // Step `last` is the last one at or before a given number of cycles; its time is where the cycles are reached exactly.
    let last = 0
    const reached = (target: number): number => {
      while (cycles[last + 1]! <= target) last++
      return last + (target - cycles[last]!) / (cycles[last + 1]! - cycles[last]!)
    }
    for (let i = 1; i < cycles.length; i++) {
      if (cycles[i]! < 1) continue
      const lag = i - reached(cycles[i]! - 1)
      if (lag <= LONGEST) back[from + i] = lag
    }
    last = 0
    for (let i = 0; i < cycles.length - 1; i++) {
      if (cycles[i]! + 1 > cycles.at(-1)!) break
      const lag = reached(Math.min(cycles[i]! + 1, cycles.at(-1)! - 1e-9)) - i
      if (lag <= LONGEST) on[from + i] = lag
    }
    from = to
  }
  return { back, on }
}

/** `amount` is the weight of each neighbouring period against the sample itself; 0 changes nothing, .3 takes some 3 dB off the noise. */
export function enhancePeriodicity(recording: Recording, amount: number): Recording {
  if (amount === 0) return recording
  const { samples, frames, phase } = recording
  const { back, on } = periods(phase, frames.f0)
  const out = samples.slice()
  for (let n = 0; n < samples.length; n++) {
    // Step t is centred on sample 4t - 59.5.
    const place = (n + CENTRE) / STEP
    const t = Math.floor(place)
    let sum = samples[n]!
    let weight = 1
    for (const [lags, direction] of [
      [back, -1],
      [on, 1],
    ] as const) {
      const lag = between(lags, t, place - t)
      if (Number.isNaN(lag)) continue
      sum += amount * at(samples, n + direction * STEP * lag)
      weight += amount
    }
    out[n] = sum / weight
  }
  return { ...recording, samples: out }
}

/** Lag between steps t and t + 1; where only one of them has one, that one's. */
function between(lags: Float32Array, t: number, share: number): number {
  const here = lags[t] ?? Number.NaN
  const next = lags[t + 1] ?? Number.NaN
  if (Number.isNaN(here)) return Number.NaN
  return Number.isNaN(next) ? here : here + share * (next - here)
}
