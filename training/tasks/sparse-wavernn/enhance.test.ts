import { expect, test } from 'vitest'
import { createFrames } from '../../../src/frames.ts'
import { Random } from '../../../src/random.ts'
import { enhancePeriodicity, periods } from './enhance.ts'
import type { Recording } from './utterance.ts'

const FRAMES = 60
const F0 = 200

/** Harmonics of 200 Hz up to `top` and white noise, voiced from frame 10 to 50; phase as `alignPulses` would give it. */
function recording(top: number, noise: number): Recording {
  const frames = createFrames(FRAMES)
  frames.f0.fill(F0, 10, 50)
  const random = new Random(7)
  const samples = Float32Array.from({ length: FRAMES * 120 }, (_, n) => {
    let sum = noise * random.normal()
    for (let k = 1; k * F0 <= top; k++) sum += 0.05 * Math.cos((2 * Math.PI * k * F0 * n) / 24000 + k * k)
    return sum
  })
  const phase = Float32Array.from({ length: FRAMES * 30 }, (_, t) =>
    frames.f0[Math.floor(t / 30)]! > 0 ? ((F0 * (4 * t - 59.5)) / 24000 + 10) % 1 : 0,
  )
  return { samples, frames, phase }
}

const power = (x: Float32Array, from: number, to: number) =>
  x.subarray(from, to).reduce((sum, v) => sum + v * v, 0) / (to - from)
/** Inside the voiced stretch, two periods from its ends. */
const INSIDE = [1800, 5500] as const

test('periods are those of the phase, in both directions, inside the voiced stretch only', () => {
  const { phase, frames } = recording(1000, 0)
  const { back, on } = periods(phase, frames.f0)
  for (const lags of [back, on]) for (let t = 400; t < 1400; t++) expect(lags[t]).toBeCloseTo(30, 2)
  expect(back[310]).toBeNaN()
  expect(on[1490]).toBeNaN()
  expect(back[100]).toBeNaN()
})

test('what is periodic stays, noise between the harmonics falls', () => {
  const clean = recording(6000, 0)
  const kept = enhancePeriodicity(clean, 0.3)
  const change = kept.samples.map((v, n) => v - clean.samples[n]!)
  expect(power(change, ...INSIDE)).toBeLessThan(2e-4 * power(clean.samples, ...INSIDE))

  const noisy = recording(0, 0.1)
  const quieter = enhancePeriodicity(noisy, 0.3)
  const ratio = power(quieter.samples, ...INSIDE) / power(noisy.samples, ...INSIDE)
  // (1 + 2 * .3^2) / 1.6^2 = .46 for white noise, less what the interpolation takes off the highest frequencies.
  expect(ratio).toBeGreaterThan(0.42)
  expect(ratio).toBeLessThan(0.48)
})

test('unvoiced samples and an amount of 0 change nothing', () => {
  const r = recording(1000, 0.1)
  expect(enhancePeriodicity(r, 0)).toBe(r)
  const { samples } = enhancePeriodicity(r, 0.3)
  expect(samples.subarray(0, 1100)).toEqual(r.samples.subarray(0, 1100))
  expect(samples.subarray(6000)).toEqual(r.samples.subarray(6000))
})
