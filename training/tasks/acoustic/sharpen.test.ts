import { expect, test } from 'vitest'
import { sharpen, TIME_GAIN } from './sharpen.ts'

const frames = (count: number, value: (f: number, k: number) => number) =>
  Float32Array.from({ length: count * 64 }, (_, i) => value(Math.floor(i / 64), i % 64))

test('a level that does not change is kept', () => {
  sharpen(frames(6, () => -3)).forEach((v) => {
    expect(v).toBeCloseTo(-3, 4)
  })
})

test('ripples along frequency are raised, the finer the more', () => {
  const gain = (c: number) =>
    sharpen(frames(6, (_, k) => Math.cos((Math.PI * c * (k + 0.5)) / 64)))[64]! / Math.cos((Math.PI * c * 0.5) / 64)
  expect(gain(1)).toBeCloseTo(1.11, 4)
  expect(gain(10)).toBeCloseTo(1.65, 4)
  expect(gain(60)).toBeCloseTo(2.6, 3)
})

test('a step in time is steepened on both sides', () => {
  const out = sharpen(frames(8, (f) => (f < 4 ? 0 : 1)))
  expect(out[3 * 64]).toBeCloseTo(-TIME_GAIN / 2, 4)
  expect(out[4 * 64]).toBeCloseTo(1 + TIME_GAIN / 2, 4)
  expect(out[0]).toBeCloseTo(0, 5)
})
