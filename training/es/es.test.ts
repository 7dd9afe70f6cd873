import { Random } from 'sparsewave/internal/random'
import { expect, test } from 'vitest'
import { addGradient, drawDirections, fillNormal } from './sampling.ts'
import { rankUtilities } from './utilities.ts'

test('utilities are those of the paper, lowest loss first, and sum to 0', () => {
  const u = rankUtilities([3, 1, 2, 4])
  // n = 4: max(0, ln 3 - ln k) = ln 3, ln 1.5, 0, 0.
  const sum = Math.log(3) + Math.log(1.5)
  const want = [0 - 0.25, Math.log(3) / sum - 0.25, Math.log(1.5) / sum - 0.25, 0 - 0.25]
  for (const [i, w] of want.entries()) expect(u[i]).toBeCloseTo(w, 12)
  expect(u.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12)
})

test('equal losses share their utilities; what is not a number ranks last', () => {
  expect([...rankUtilities([5, 5, 5, 5])]).toEqual([0, 0, 0, 0])
  const [a, b, c] = rankUtilities([1, 1, 9])
  expect(a).toBe(b)
  expect(a).toBeGreaterThan(c!)
  const nan = rankUtilities([Number.NaN, 1, 2, 3])
  expect(nan[0]).toBe(Math.min(...nan))
})

test('draws are standard normal and equal for equal seeds', () => {
  const v = new Float32Array(20001)
  fillNormal(v, new Random(3))
  const mean = v.reduce((a, b) => a + b, 0) / v.length
  const variance = v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length
  // Standard deviations of the estimates: .007 and .01.
  expect(Math.abs(mean)).toBeLessThan(0.035)
  expect(Math.abs(variance - 1)).toBeLessThan(0.05)
  expect(drawDirections(2, 5, new Random(4))).toEqual(drawDirections(2, 5, new Random(4)))
})

test('orthogonal directions are orthogonal within a group and keep their lengths', () => {
  const plain = drawDirections(7, 4, new Random(5))
  const made = drawDirections(7, 4, new Random(5), 'orthogonal')
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((s, v, k) => s + v * b[k]!, 0)
  for (let i = 0; i < 7; i++) {
    expect(dot(made[i]!, made[i]!)).toBeCloseTo(dot(plain[i]!, plain[i]!), 4)
    for (let j = 0; j < i; j++) {
      if (Math.floor(i / 4) === Math.floor(j / 4)) expect(Math.abs(dot(made[i]!, made[j]!))).toBeLessThan(1e-5)
    }
  }
})

test('the estimate points along the gradient of a linear fitness', () => {
  const slope = [1, -2, 0.5]
  const random = new Random(6)
  const gradient = new Float64Array(3)
  for (let step = 0; step < 2000; step++) {
    const directions = drawDirections(2, 3, random)
    const loss = (sign: number, e: Float32Array) => -sign * e.reduce((s, v, k) => s + v * slope[k]!, 0)
    const losses = directions.flatMap((e) => [loss(1, e), loss(-1, e)])
    addGradient(gradient, rankUtilities(losses), directions, 0.1)
  }
  const norm = Math.hypot(...gradient)
  const cosine = gradient.reduce((s, v, k) => s + v * slope[k]!, 0) / norm / Math.hypot(...slope)
  expect(cosine).toBeGreaterThan(0.99)
})
