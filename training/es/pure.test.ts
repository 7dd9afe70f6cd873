/** Strategies on a quadratic bowl whose minimum and axes are known. */
import { describe, expect, test } from 'vitest'
import { PureEs, type PureEsOptions, pureEsOptions, STRATEGIES } from './pure.ts'

const TARGET = [3, -2, 0.5, 1, -1, 2, 0, -0.5]
const loss = (v: Float32Array, steepness = TARGET.map(() => 1)) =>
  v.reduce((sum, x, i) => sum + steepness[i]! * (x - TARGET[i]!) ** 2, 0)

function evolve(options: object, generations: number, of = loss): PureEs {
  const es = new PureEs(new Float32Array(TARGET.length), 5, pureEsOptions.parse(options))
  const candidate = new Float32Array(TARGET.length)
  for (let g = 0; g < generations; g++) {
    const losses = Array.from({ length: es.members }, (_, k) => {
      es.member(k, candidate)
      return of(candidate)
    })
    es.tell(losses)
  }
  return es
}

const OPTIONS: Record<(typeof STRATEGIES)[number], Partial<PureEsOptions>> = {
  'openai-es': { pairs: 8, sigma: 0.1, rate: 0.05 },
  snes: { pairs: 8, sigma: 0.5, rate: 1 },
}

describe.each(STRATEGIES)('%s', (strategy) => {
  const options = { strategy, ...OPTIONS[strategy] }

  test.each([1, 4])('with %i workers it comes to the minimum', (workers) => {
    expect(loss(evolve({ ...options, workers }, 300).mean)).toBeLessThan(0.01)
  })

  test('equal seeds give equal bits', () => {
    expect(evolve(options, 20).mean).toEqual(evolve(options, 20).mean)
  })

  test('members are mirrored around the mean', () => {
    const es = evolve(options, 3)
    const [a, b] = [new Float32Array(TARGET.length), new Float32Array(TARGET.length)]
    es.member(4, a)
    es.member(5, b)
    for (const [i, m] of es.mean.entries()) expect((a[i]! + b[i]!) / 2).toBeCloseTo(m, 5)
    expect(a).not.toEqual(b)
  })

  test('losses that do not differ leave the mean where it is', () => {
    const es = new PureEs(new Float32Array(4).fill(1), 1, pureEsOptions.parse(options))
    es.tell(new Float64Array(es.members).fill(7))
    expect([...es.mean]).toEqual([1, 1, 1, 1])
  })
})

test('SNES updates the mean and the deviations by its equations', () => {
  const es = new PureEs(
    Float32Array.of(1, 2),
    3,
    pureEsOptions.parse({ strategy: 'snes', pairs: 1, sigma: 0.5, rate: 1 }),
  )
  const up = new Float32Array(2)
  es.member(0, up)
  const z = [(up[0]! - 1) / 0.5, (up[1]! - 2) / 0.5]
  // Two members: only the better one has positive utility, 1 - 1/2; the other has -1/2.
  es.tell([1, 2])
  for (const [i, start] of [1, 2].entries()) expect(es.mean[i]!).toBeCloseTo(start + 0.5 * z[i]!, 5)
  // Mirrored squares cancel.
  expect(es.deviation).toBeCloseTo(0.5, 6)
})

test('SNES narrows steep axes more than flat ones, as one number cannot', () => {
  const steep = [400, 400, 400, 400, 1, 1, 1, 1]
  const es = evolve({ strategy: 'snes', pairs: 16, sigma: 0.5, rate: 1 }, 60, (v) => loss(v, steep))
  const candidates = Array.from({ length: es.members / 2 }, (_, i) => {
    const v = new Float32Array(TARGET.length)
    es.member(2 * i, v)
    return v.map((x, k) => Math.abs(x - es.mean[k]!))
  })
  const spread = (from: number) =>
    candidates.reduce((sum, v) => sum + v.slice(from, from + 4).reduce((a, b) => a + b, 0), 0)
  expect(spread(0)).toBeLessThan(0.5 * spread(4))
})

test('semi-updates average what each worker makes of its own members', () => {
  const start = new Float32Array(TARGET.length)
  const options = { strategy: 'snes', pairs: 2, sigma: 0.5, rate: 1 }
  const es = new PureEs(start, 9, pureEsOptions.parse({ ...options, workers: 2 }))
  const up = [0, 2].map((k) => {
    const v = new Float32Array(TARGET.length)
    es.member(k, v)
    return v
  })
  // In each worker the first member is the better one, however bad both are beside the other worker's.
  es.tell([1, 2, 101, 102])
  for (const i of TARGET.keys()) expect(es.mean[i]!).toBeCloseTo((up[0]![i]! + up[1]![i]!) / 2, 5)
})

test('workers that cannot share the pairs are refused', () => {
  expect(() => pureEsOptions.parse({ pairs: 3, workers: 2 })).toThrow(/multiple/)
})
