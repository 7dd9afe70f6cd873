/** What is the policy's own: schedule, shares, controls, and that the strategy finds which feature tells. */
import { Random } from 'sparsewave/internal/random'
import { expect, test } from 'vitest'
import { BLOCK_ROWS, layOut, maskedSegments } from '../net/layout.ts'
import type { Feedback, MaskMethod, MaskSet } from '../net/mask.ts'
import { createMasks } from './index.ts'

const COLUMNS = 16
const layout = layOut([
  { name: 'gru.input.a', rows: 32, columns: COLUMNS, fanIn: 4, kept: 4 },
  { name: 'gru.input.b', rows: 16, columns: COLUMNS, fanIn: 4, kept: 4 },
  { name: 'gru.recurrent', rows: 16, columns: COLUMNS, fanIn: 4, kept: 4 },
])
const matrices = maskedSegments(layout)
const OPTIONS = { only: 'gru.input', start: 0, end: 0.6, every: 10 }
const kept = (masks: MaskSet, name: string): number =>
  masks.get(name)!.length / (matrices.find((m) => m.name === name)!.rows / BLOCK_ROWS)

/** Weights whose norms are drawn at random, and a gradient whose gates are `worth` of a block. */
function feedbackOf(seed: number, worth: (matrix: number, block: number) => number): Omit<Feedback, 'losses'> {
  const random = new Random(seed)
  const parameters = new Float32Array(layout.size)
  const gradient = new Float32Array(layout.size)
  for (const [i, m] of matrices.entries())
    for (let b = 0; b < (m.rows / BLOCK_ROWS) * m.columns; b++) {
      const size = 0.1 + random.uniform()
      for (let k = 0; k < BLOCK_ROWS; k++) {
        parameters[m.offset + b * BLOCK_ROWS + k] = size
        gradient[m.offset + b * BLOCK_ROWS + k] = worth(i, b) / (size * BLOCK_ROWS)
      }
    }
  const zeros = () => new Float32Array(layout.size)
  return {
    gradient,
    norms: undefined,
    weights: { parameters, first: zeros(), second: zeros(), average: parameters.slice() },
  }
}

/** Runs a method; a member's loss is the worth that it has dropped. */
function run(method: MaskMethod, updates: number, worth: (matrix: number, block: number) => number): void {
  const feedback = feedbackOf(5, worth)
  for (let step = 0; step < updates; step++) {
    const at = { step, progress: step / updates }
    const losses = Float64Array.from(method.members(at), (masks) =>
      matrices.reduce((sum, m, i) => {
        const held = new Set<number>()
        const mask = masks.get(m.name)!
        const count = kept(masks, m.name)
        for (const [k, column] of mask.entries()) held.add(Math.floor(k / count) * m.columns + column)
        for (let b = 0; b < (m.rows / BLOCK_ROWS) * m.columns; b++) if (!held.has(b)) sum += worth(i, b)
        return sum
      }, 0),
    )
    method.update(at, { losses, ...feedback })
  }
}
/** Every third block is worth much. Norms say nothing of it. */
const worth = (_: number, block: number): number => (block % 3 === 0 ? 1 : 0.01)

test('named matrices begin dense and end at their own size; others keep their random masks', () => {
  const method = createMasks('policy-es', { matrices, seed: 1 }, OPTIONS)
  const [first] = method.members({ step: 0, progress: 0 })
  expect([kept(first!, 'gru.input.a'), kept(first!, 'gru.recurrent')]).toEqual([COLUMNS, 4])
  const fixed = first!.get('gru.recurrent')!.slice()
  run(method, 200, worth)
  for (const { name } of matrices) expect(kept(method.final(), name)).toBe(4)
  expect(method.final().get('gru.recurrent')).toEqual(fixed)
})

test('a trial has mirrored pairs, all of one size; outside it there is one member', () => {
  const method = createMasks('policy-es', { matrices, seed: 1 }, { ...OPTIONS, pairs: 3 })
  const feedback = feedbackOf(5, worth)
  const sizes: number[] = []
  for (let step = 0; step < 20; step++) {
    const at = { step, progress: step / 200 }
    const members = method.members(at)
    sizes.push(members.length)
    for (const masks of members) expect(kept(masks, 'gru.input.a')).toBeGreaterThanOrEqual(4)
    method.update(at, { losses: Float64Array.from(members, () => 1), ...feedback })
  }
  expect(sizes).toEqual([1, 1, 1, 1, 1, 1, 6, 6, 6, 6, 1, 1, 1, 1, 1, 1, 6, 6, 6, 6])
})

test('the strategy finds that the gate gradient tells what norms do not', () => {
  const method = createMasks('policy-es', { matrices, seed: 1 }, { ...OPTIONS, theta: [1, 0.2, 0], rate: 2, end: 0.9 })
  run(method, 400, worth)
  const { policyNorm, policyRms } = method.telemetry!()
  expect(policyRms! - policyNorm!).toBeGreaterThan(0.5)
  expect(policyRms!).toBeGreaterThan(0.5)
})

test.each([
  ['fixed', [0, 1, 0], [0, 1, 0]],
  ['fixed', [1, 0, 0], [1, 0, 0]],
])('the control `%s` tries nothing and stays', (policy, theta, expected) => {
  const method = createMasks('policy-es', { matrices, seed: 1 }, { ...OPTIONS, policy, theta })
  for (let step = 0; step < 30; step++) expect(method.members({ step, progress: step / 200 })).toHaveLength(1)
  run(method, 200, worth)
  const { policyNorm, policyRms, policyMean } = method.telemetry!()
  expect([policyNorm, policyRms, policyMean]).toEqual(expected)
})

test('by the rms of the gate gradient the worthy blocks stay', () => {
  const method = createMasks('policy-es', { matrices, seed: 1 }, { ...OPTIONS, policy: 'fixed', theta: [0, 1, 0] })
  run(method, 200, worth)
  const mask = method.final().get('gru.input.b')!
  expect([...mask].every((column) => column % 3 === 0)).toBe(true)
})

test('a drawn policy is that of its seed', () => {
  const of = (seed: number) =>
    createMasks('policy-es', { matrices, seed }, { ...OPTIONS, policy: 'drawn' }).telemetry!()
  expect(of(1)).toEqual(of(1))
  expect(of(1)).not.toEqual(of(2))
})
