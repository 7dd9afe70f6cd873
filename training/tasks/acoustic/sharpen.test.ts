import { expect, test } from 'vitest'
import { measureSharpening, sharpen, sharpeningOf } from './sharpen.ts'
import { madeUp } from './testing.ts'

const frames = (count: number, value: (f: number, k: number) => number) =>
  Float32Array.from({ length: count * 64 }, (_, i) => value(Math.floor(i / 64), i % 64))
const MEAN = Float32Array.from({ length: 64 }, (_, k) => -k / 10)
const GAINS = Array.from({ length: 64 }, (_, c) => (c === 0 ? 1 : 1 + c / 32))
const ripple = (c: number, k: number) => Math.cos((Math.PI * c * (k + 0.5)) / 64)

test('the mean envelope, louder or softer, is kept', () => {
  sharpen(
    frames(6, (_, k) => MEAN[k]! - 3),
    sharpeningOf([MEAN], [GAINS], 0.3),
    0,
  ).forEach((v, i) => {
    expect(v).toBeCloseTo(MEAN[i % 64]! - 3, 4)
  })
})

test.each([1, 16, 60])('ripple %i along frequency is raised by its own gain', (c) => {
  const out = sharpen(
    frames(6, (_, k) => MEAN[k]! + ripple(c, k)),
    sharpeningOf([MEAN], [GAINS], 0.3),
    0,
  )
  for (let k = 0; k < 64; k++) expect(out[64 + k]).toBeCloseTo(MEAN[k]! + GAINS[c]! * ripple(c, k), 4)
})

test('a step in time is steepened on both sides', () => {
  const ones = GAINS.map(() => 1)
  const out = sharpen(
    frames(8, (f) => (f < 4 ? 0 : 1)),
    sharpeningOf([new Float32Array(64)], [ones], 0.3),
    0,
  )
  expect(out[3 * 64]).toBeCloseTo(-0.15, 4)
  expect(out[4 * 64]).toBeCloseTo(1.15, 4)
  expect(out[0]).toBeCloseTo(0, 5)
})

test('each speaker is sharpened by what the net smears of that speaker', () => {
  const smear = [0.5, 0.8]
  const predictor = {
    config: { speakers: ['ada', 'bo'] },
    // Deviations from the mean over time shrink; the mean stays.
    teacherForced: ({ envelope, speaker }: { envelope: Float32Array; speaker: number }) => {
      const count = envelope.length / 64
      const mean = Float32Array.from({ length: 64 }, (_, k) => {
        let sum = 0
        for (let f = 0; f < count; f++) sum += envelope[f * 64 + k]! / count
        return sum
      })
      return {
        frames: { envelope: envelope.map((v, i) => mean[i % 64]! + smear[speaker]! * (v - mean[i % 64]!)) },
      }
    },
  }
  const examples = [0, 1, 1].map((speaker, seed) => ({ ...madeUp(seed + 1, 6), speaker }))
  const { matrices } = measureSharpening(predictor, examples, 1)
  const gain = (speaker: number, c: number): number => {
    let sum = 0
    for (let i = 0; i < 64; i++)
      for (let k = 0; k < 64; k++) sum += (ripple(c, i) * ripple(c, k) * matrices[speaker]![i * 64 + k]!) / 32
    return sum
  }
  expect(gain(0, 8)).toBeCloseTo(1 / smear[0]!, 3)
  expect(gain(1, 8)).toBeCloseTo(1 / smear[1]!, 3)
})
