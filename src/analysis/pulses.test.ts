import { expect, test } from 'vitest'
import { createFrames } from '../frames.ts'
import { alignPulses } from './pulses.ts'

/** Harmonics of a gliding F0 with cosine phase: the fundamental's crests are where `phase` is whole. */
function glide(seconds: number, from: number, to: number, offset: number) {
  const n = seconds * 24000
  const samples = new Float32Array(n)
  const frames = createFrames(n / 120 + 1)
  const phase = new Float64Array(n)
  let p = offset
  for (let i = 0; i < n; i++) {
    p += (from + ((to - from) * i) / n) / 24000
    phase[i] = p
    samples[i] =
      0.3 * Math.cos(2 * Math.PI * p) + 0.2 * Math.cos(4 * Math.PI * p + 1) + 0.1 * Math.cos(14 * Math.PI * p + 2)
  }
  for (let j = 0; j < frames.count; j++) frames.f0[j] = from + ((to - from) * j * 120) / n
  return { samples, frames, phase }
}

const wrap = (v: number): number => v - Math.round(v)

test.each([0, 0.3, 0.8])('the phase keeps a constant lead over the fundamental, whatever its start (%f)', (offset) => {
  const { samples, frames, phase } = glide(1, 180, 240, offset)
  const steps = alignPulses(samples, frames)
  for (let t = 300; t < 5700; t += 7) {
    const crest = phase[4 * t - 59]! - (210 / 24000) * 0.5
    expect(Math.abs(wrap(steps[t]! - crest - 0.26))).toBeLessThan(0.02)
  }
})

test('an F0 estimate that is off by 1 % does not let the phase drift away', () => {
  const { samples, frames, phase } = glide(1, 200, 200, 0)
  const steps = alignPulses(samples, { ...frames, f0: frames.f0.map((v) => v * 1.01) })
  for (let t = 300; t < 5700; t += 7) {
    expect(Math.abs(wrap(steps[t]! - phase[4 * t - 59]! - 0.26))).toBeLessThan(0.06)
  }
})

test('unvoiced steps are 0 and the phase advances smoothly', () => {
  const { samples, frames } = glide(1, 150, 170, 0.1)
  frames.f0.fill(0, 0, 40)
  const steps = alignPulses(samples, frames)
  expect(steps.subarray(0, 40 * 30).every((v) => v === 0)).toBe(true)
  for (let t = 40 * 30 + 60; t < 5900; t++) {
    const advance = wrap(steps[t]! - steps[t - 1]!)
    const expected = frames.f0[Math.floor(t / 30)]! / 6000
    expect(Math.abs(advance / expected - 1)).toBeLessThan(0.05)
  }
})
