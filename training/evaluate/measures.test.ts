import { Random } from 'sparsewave/internal/random'
import { beforeAll, expect, test } from 'vitest'
import { madeUpSpeech } from '../tasks/sparse-wavernn/testing.ts'
import { type Measures, measure, median } from './measures.ts'

const SECONDS = 1
const recording = madeUpSpeech(SECONDS, 140, 1)
let own: Measures
beforeAll(() => {
  own = measure(recording, recording)
})

test('a copy of itself differs in nothing', () => {
  expect(own).toMatchObject({ f0Cents: 0, voicingError: 0, envelopeDb: 0, bandEdgeDb: 0 })
  expect(own.silence[0]).toBe(own.silence[1])
  expect(own.silence[0]).toBeGreaterThan(-80)
  expect(own.silence[0]).toBeLessThan(-60)
})

test('a shifted pitch is measured in cents', () => {
  const { f0Cents } = measure(recording, madeUpSpeech(SECONDS, 140 * 2 ** (50 / 1200), 1))
  expect(f0Cents).toBeGreaterThan(40)
  expect(f0Cents).toBeLessThan(60)
})

test('noise fills silences and valleys of the spectrum', () => {
  const random = new Random(5)
  const noisy = recording.map((v) => v + 0.01 * random.normal())
  const { silence, envelopeDb, bandEdgeDb } = measure(recording, noisy)
  expect(silence[1]).toBeGreaterThan(-42)
  expect(silence[0]).toBe(own.silence[0])
  expect(envelopeDb).toBeGreaterThan(2)
  expect(Math.abs(bandEdgeDb)).toBeLessThan(3)
})

test('a voice that whispers is a voicing error', () => {
  const random = new Random(6)
  const whisper = recording.map(() => 0.03 * random.normal())
  const { voicingError, f0Cents } = measure(recording, whisper)
  expect(voicingError).toBeGreaterThan(0.4)
  expect(voicingError).toBeLessThan(0.7)
  expect(f0Cents >= 0 || Number.isNaN(f0Cents)).toBe(true)
})

test.each([3000, 6000, 9000])('a tone where two bands meet stands out: %i Hz', (hertz) => {
  const toned = recording.map((v, n) => v + 0.03 * Math.sin((2 * Math.PI * hertz * n) / 24000))
  expect(measure(recording, toned).bandEdgeDb).toBeGreaterThan(10)
})

test('a tone elsewhere does not', () => {
  const toned = recording.map((v, n) => v + 0.01 * Math.sin((2 * Math.PI * 4500 * n) / 24000))
  expect(Math.abs(measure(recording, toned).bandEdgeDb)).toBeLessThan(1)
})

test('the median of nothing is not a number', () => {
  expect(median([])).toBeNaN()
  expect(median([9, 1, 5])).toBe(5)
})
