import { positions } from 'sparsewave/internal/acoustic/net/positions'
import { expect, test } from 'vitest'
import { createBatch, planEpoch } from './batches.ts'
import { interpolateLnF0, measureNormalization, symbolIds, unitPlaces } from './example.ts'
import { madeUp } from './testing.ts'

test('an epoch holds every utterance once, within the budget, in another order than the next', () => {
  const lengths = Array.from({ length: 300 }, (_, i) => 80 + ((i * 37) % 400))
  const plan = planEpoch(lengths, 1600, 7, 0)
  expect(plan.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i))
  for (const batch of plan) expect(batch.length * Math.max(...batch.map((i) => lengths[i]!))).toBeLessThanOrEqual(1600)
  expect(planEpoch(lengths, 1600, 7, 0)).toEqual(plan)
  expect(planEpoch(lengths, 1600, 7, 1)).not.toEqual(plan)
  expect(planEpoch(lengths, 1600, 8, 0)).not.toEqual(plan)
})

test('an utterance longer than the budget makes a batch of its own', () => {
  expect(planEpoch([500, 10], 100, 1, 0).map((b) => b.length)).toEqual([1, 1])
})

test('ln F0 is linear between voiced frames and constant beyond them', () => {
  const e = Math.E
  const out = interpolateLnF0(Float32Array.of(0, e, 0, 0, e ** 4, 0))
  expect([...out].map((v) => Number(v.toFixed(4)))).toEqual([1, 1, 2, 3, 4, 4])
  expect([...interpolateLnF0(new Float32Array(3))]).toEqual([0, 0, 0])
})

test('units know their symbol and their place in it', () => {
  const { symbol, places } = unitPlaces([2, 1])
  expect([...symbol]).toEqual([0, 0, 1])
  expect(places[0]).toBeCloseTo(0.25)
  expect(places[3]).toBeCloseTo(0.75)
  expect(places[4]).toBeCloseTo(Math.log(2))
  expect(places[6]).toBeCloseTo(0.5)
})

test('positions tell start and end apart', () => {
  const p = positions(3)
  expect([p[0], p[1]]).toEqual([0, 1])
  expect(p[2]).toBeCloseTo(Math.sin(2 / 4))
})

test('ids have silences around them and skip unknown symbols', () => {
  expect([...symbolIds(' ab', 'a?b')]).toEqual([0, 2, 3, 0])
})

test('normalised targets have mean 0 and a common spread of 1', () => {
  const examples = [madeUp(1, 9), madeUp(2, 9)]
  const batch = createBatch(examples.slice(0, 1), measureNormalization(examples.slice(0, 1)))
  const mean = batch.envelope.reduce((a, b) => a + b, 0) / batch.envelope.length
  const square = batch.envelope.reduce((a, b) => a + b * b, 0) / batch.envelope.length
  expect(mean).toBeCloseTo(0, 4)
  expect(square).toBeCloseTo(1, 3)
})
