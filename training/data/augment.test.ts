import { expect, test } from 'vitest'
import { alter, augment, augmentSchema } from './augment.ts'
import type { Utterance } from './corpus.ts'

const utterance: Utterance = {
  id: 'a',
  audio: '/a.wav',
  samples: 4800,
  text: 'a',
  phonemes: 'a',
  durations: [2, 4, 2],
}
const tone = (hz: number, length = 24000) =>
  Float32Array.from({ length }, (_, n) => 0.2 * Math.sin((2 * Math.PI * hz * n) / 24000))
const flat = [0, 0, 0, 0, 0]

/** Amplitude of a tone in the middle of `samples`. */
function amplitude(samples: Float32Array, hz: number): number {
  const from = Math.floor(samples.length / 2) - 2400
  let re = 0
  let im = 0
  for (let n = 0; n < 4800; n++) {
    const window = 1 - Math.cos((2 * Math.PI * n) / 4800)
    re += window * samples[from + n]! * Math.cos((2 * Math.PI * hz * n) / 24000)
    im += window * samples[from + n]! * Math.sin((2 * Math.PI * hz * n) / 24000)
  }
  return (2 * Math.hypot(re, im)) / 4800
}

test('without speed, gains or cut-off a recording stays what it is', () => {
  const samples = tone(440)
  const out = alter(samples, { speed: 40, gains: flat, cutoff: undefined })
  expect(out).toHaveLength(samples.length)
  for (let n = 2000; n < 22000; n++) expect(out[n]).toBeCloseTo(samples[n]!, 4)
})

test('speed moves pitch and length', () => {
  const out = alter(tone(440), { speed: 50, gains: flat, cutoff: undefined })
  expect(out).toHaveLength(19200)
  expect(amplitude(out, 550)).toBeCloseTo(0.2, 2)
  expect(amplitude(out, 440)).toBeLessThan(0.002)
})

test('gains are those of their frequencies, and nothing is left above the cut-off', () => {
  const gains = [0, -6, 6, 0, 0]
  for (const [hz, db] of [
    [240, -6],
    [480, 0],
    [960, 6],
    [3840, 0],
  ] as const) {
    const level = 20 * Math.log10(amplitude(alter(tone(hz), { speed: 40, gains, cutoff: 6000 }), hz) / 0.2)
    expect(level).toBeCloseTo(db, 0)
  }
  expect(amplitude(alter(tone(7000), { speed: 40, gains, cutoff: 6000 }), 7000)).toBeLessThan(1e-4)
})

test('what would exceed full scale is made softer', () => {
  const out = alter(tone(440), { speed: 40, gains: [24, 24, 24, 24, 24], cutoff: undefined })
  expect(Math.max(...out)).toBeCloseTo(0.98, 2)
})

test('copies differ, follow from the seed, and have names of their own', () => {
  const options = augmentSchema.parse({ copies: 3 })
  const made = augment([utterance], options, 7)
  expect(made).toEqual(augment([utterance], options, 7))
  expect(new Set(made.map((u) => u.id)).size).toBe(3)
  expect(augment([utterance], options, 8)[0]!.id).not.toBe(made[0]!.id)
  expect(made[0]).toMatchObject({ decoded: 4800, samples: undefined, durations: undefined, audio: '/a.wav' })
})
