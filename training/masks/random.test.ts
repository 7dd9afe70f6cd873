import { Random } from 'sparsewave/internal/random'
import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { expect, test } from 'vitest'
import { checkMask } from '../net/mask.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import { createMasks } from './index.ts'
import { randomMask } from './random.ts'

const matrices = maskedSegments(parameterLayout(netConfigSchema.parse({ hidden: 64, headHidden: 16 })))

test('every strip keeps the same number of columns, ascending, inside the matrix', () => {
  const masks = createMasks('random', { matrices, seed: 5 }).final()
  expect([...masks.keys()]).toEqual(matrices.map((s) => s.name))
  for (const s of matrices) expect(() => checkMask(masks.get(s.name)!, s)).not.toThrow()
})

test('columns are drawn evenly', () => {
  const counts = new Float64Array(20)
  for (const c of randomMask(20000, 20, 5, new Random(1))) counts[c]!++
  // Each column is kept with probability 1/4: 5000 times, standard deviation 61.
  for (const n of counts) expect(Math.abs(n - 5000)).toBeLessThan(5 * 61)
})

test('the seed decides the masks; strips differ from one another', () => {
  const make = (seed: number) => createMasks('random', { matrices, seed }).final().get('gru.recurrent.candidate')!
  expect(make(3)).toEqual(make(3))
  expect(make(3)).not.toEqual(make(4))
  expect(make(3).slice(0, 16)).not.toEqual(make(3).slice(16, 32))
})

test('a restored method continues with the saved masks', () => {
  const saved = createMasks('random', { matrices, seed: 3 }).state()
  const other = createMasks('random', { matrices, seed: 4 })
  other.restore(saved)
  expect(Object.fromEntries(other.members({ step: 0, progress: 0 })[0]!)).toEqual(saved)
})

test('a mask of the wrong size, with a column twice or beyond the matrix is refused', () => {
  const s = { ...matrices[0]!, rows: 16, columns: 8, kept: 3 }
  expect(() => checkMask(Uint16Array.of(0, 5, 7), s)).not.toThrow()
  expect(() => checkMask(Uint16Array.of(0, 5), s)).toThrow(/2 entries/)
  expect(() => checkMask(Uint16Array.of(0, 5, 5), s)).toThrow(/at 2/)
  expect(() => checkMask(Uint16Array.of(0, 5, 8), s)).toThrow(/at 2/)
})

test('an unknown mask method is refused with the nearest name', () => {
  expect(() => createMasks('randon', { matrices, seed: 1 })).toThrow(/there are: random, .*Did you mean 'random'/)
})
