import { Random } from 'sparsewave/internal/random'
import { expect, test } from 'vitest'
import type { Dataset, Images } from './images.ts'
import type { Normalization } from './normalize.ts'
import { trainWithoutGradients } from './pure-es.ts'

/** Images of 16 values whose brightest says the class. */
function images(count: number, seed: number): Images {
  const random = new Random(seed)
  const labels = Uint8Array.from({ length: count }, () => random.below(10))
  const pixels = Uint8Array.from({ length: count * 16 }, (_, i) =>
    i % 16 === labels[Math.floor(i / 16)] ? 200 + random.below(50) : random.below(100),
  )
  return { size: 16, pixels, labels }
}
const data: Dataset = {
  train: images(640, 1),
  validation: images(160, 2),
  test: images(160, 3),
  mean: 60,
  deviation: 60,
}
const run = {
  net: { inputs: 16, hidden: [16], density: 1 },
  seed: 1,
  batch: 64,
  split: 'test' as const,
  points: 10,
  targets: [80, 30, 0.0001],
}

test.each([
  ['the gradient', { adam: { rate: 0.02 } }, 0.02],
  ['OpenAI-ES', { es: { pairs: 16, rate: 0.05 } }, 0.15],
  ['SNES with semi-updates', { es: { strategy: 'snes', pairs: 16, sigma: 0.1, workers: 4 } }, 0.15],
  ['the gradient, normalised', { adam: { rate: 0.02 } }, 0.02, 'batch'],
  ['OpenAI-ES, each member normalised by itself', { es: { pairs: 16, rate: 0.05 } }, 0.15, 'batch'],
  ['OpenAI-ES, normalised by the mean', { es: { pairs: 16, rate: 0.05 } }, 0.15, 'centre'],
  ['OpenAI-ES, normalised by a virtual batch', { es: { pairs: 16, rate: 0.05 } }, 0.3, 'virtual'],
] as const)('%s learns, spends its budget, and notes when it came to each target', async (...row) => {
  const [, learner, gmacs, normalization] = row
  const r = await trainWithoutGradients(data, { ...run, learner, gmacs, normalization })
  expect(r.error).toBeLessThan(30)
  expect(r.gmacs).toBeGreaterThanOrEqual(gmacs)
  expect(r.gmacs).toBeLessThan(1.1 * gmacs)
  expect(r.curve.map(([x]) => x)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1])
  const [far, near] = r.reached
  expect(far!.error).toBe(80)
  expect(near!.error).toBe(30)
  expect(near!.evaluations).toBeGreaterThanOrEqual(far!.evaluations)
  expect(near!.evaluations).toBe((r.evaluations / r.updates) * near!.updates)
  expect(near!.gmacs).toBeLessThanOrEqual(r.gmacs)
})

test('equal seeds give equal figures, others do not', async () => {
  const figures = async (seed: number) => {
    const learner = { es: { strategy: 'snes', pairs: 4 } }
    const { error, nll, curve } = await trainWithoutGradients(data, { ...run, seed, learner, gmacs: 0.02 })
    return { error, nll, curve }
  }
  const first = await figures(1)
  expect(await figures(1)).toEqual(first)
  expect(await figures(2)).not.toEqual(first)
})

test("a virtual batch doubles a generation's images, the mean's statistics add one member's; the gradient takes the batch's own only", async () => {
  const generation = async (normalization?: Normalization) => {
    const learner = { es: { pairs: 4 } }
    const r = await trainWithoutGradients(data, { ...run, learner, gmacs: 0.005, normalization })
    return r.evaluations / r.updates / run.batch
  }
  expect([await generation(), await generation('batch')]).toEqual([8, 8])
  expect(await generation('centre')).toBe(9)
  expect(await generation('virtual')).toBe(16)
  const learner = { adam: { rate: 0.02 } }
  await expect(trainWithoutGradients(data, { ...run, learner, gmacs: 1, normalization: 'virtual' })).rejects.toThrow(
    /virtual/,
  )
})

test('an aborted run throws; an unknown option is refused', async () => {
  const stop = new AbortController()
  stop.abort()
  const learner = { es: { pairs: 2 } }
  await expect(trainWithoutGradients(data, { ...run, learner, gmacs: 1, signal: stop.signal })).rejects.toThrow(
    /abort/i,
  )
  await expect(trainWithoutGradients(data, { ...run, learner: { es: { sigme: 1 } }, gmacs: 1 })).rejects.toThrow(
    /sigme/,
  )
})
