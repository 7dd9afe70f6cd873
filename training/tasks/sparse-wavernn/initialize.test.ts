import { MIXTURES } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { expect, test } from 'vitest'
import { parameterLayout, segment } from '../../net/vocoder-layout.ts'
import { initialParameters } from './initialize.ts'
import { TINY_NET } from './testing.ts'

const layout = parameterLayout(TINY_NET)
const parameters = initialParameters(layout, 7)
const values = (name: string) => {
  const s = segment(layout, name)
  return [...parameters.subarray(s.offset, s.offset + s.size)]
}

test('weights have variance 1 / fan-in of what a mask keeps; biases and skips start at 0', () => {
  for (const s of layout.segments) {
    const own = values(s.name)
    if (s.fanIn > 0) {
      const limit = Math.sqrt(3 / s.fanIn)
      expect(Math.max(...own.map(Math.abs))).toBeLessThanOrEqual(limit * (1 + 1e-6))
      const variance = own.reduce((sum, v) => sum + v * v, 0) / own.length
      // The square of a uniform number has standard deviation .89 of its mean.
      expect(Math.abs(variance * s.fanIn - 1)).toBeLessThan((5 * 0.89) / Math.sqrt(own.length))
    } else if (!s.name.startsWith('head.output')) {
      expect(own.every((v) => v === 0)).toBe(true)
    }
  }
  expect(segment(layout, 'gru.recurrent.candidate').fanIn).toBe(16)
})

test("a head's components differ in mean and scale", () => {
  const bias = values('head.output.2.bias')
  expect(new Set(bias.slice(MIXTURES, 2 * MIXTURES)).size).toBe(MIXTURES)
  expect(new Set(bias.slice(2 * MIXTURES, 3 * MIXTURES)).size).toBe(MIXTURES)
  expect(bias.slice(0, MIXTURES)).toEqual([0, 0, 0, 0])
})

test('the seed decides every weight', () => {
  expect(initialParameters(layout, 7)).toEqual(parameters)
  const other = initialParameters(layout, 8)
  const s = segment(layout, 'gru.input.reset')
  expect(other.subarray(s.offset, s.offset + s.size)).not.toEqual(parameters.subarray(s.offset, s.offset + s.size))
})
