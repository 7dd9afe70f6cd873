import { expect, test } from 'vitest'
import { learningRate as rateAt } from '../../net/schedule.ts'
import { type SparseWavernnJob, sparseWavernnJobSchema } from './job.ts'

const learningRate = (t: SparseWavernnJob['training'], update: number) => rateAt(t, update, update / t.updates)
const training = (over: object) =>
  sparseWavernnJobSchema.parse({ task: 'sparse-wavernn', corpus: 'c', run: 'r', training: over }).training

test('the learning rate warms up, then falls along a cosine to its final share', () => {
  const t = training({ updates: 1000, warmup: 100, learningRate: 4e-3, finalRate: 0.05 })
  expect(learningRate(t, 0)).toBeCloseTo(4e-5, 9)
  expect(learningRate(t, 49) / learningRate(t, 24)).toBeCloseTo(2, 1)
  expect(learningRate(t, 500)).toBeCloseTo((4e-3 * 1.05) / 2, 9)
  expect(learningRate(t, 1000)).toBeCloseTo(2e-4, 9)
  expect(learningRate(t, 5000)).toBeCloseTo(2e-4, 9)
  for (let update = 100; update < 1000; update++)
    expect(learningRate(t, update + 1)).toBeLessThan(learningRate(t, update))
})

test('without warm-up the first update has the whole rate', () => {
  expect(learningRate(training({ warmup: 0, learningRate: 1e-3 }), 0)).toBeCloseTo(1e-3, 12)
})
