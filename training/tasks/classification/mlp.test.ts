import { Random } from 'sparsewave/internal/random'
import { expect, test } from 'vitest'
import { nativeProducts } from '../../engines/native.ts'
import { createNetEngine } from '../../engines/net.ts'
import { type Products, portableProducts } from '../../engines/products.ts'
import { randomMasks } from '../../masks/random.ts'
import { maskedSegments } from '../../net/layout.ts'
import { equalCostMlp, initialMlp, type LabelledBatch, type MlpStatistics, mlpLayout, mlpMacs, mlpTask } from './mlp.ts'

const config = { inputs: 32, hidden: [48, 16], density: 0.25 }
const task = mlpTask(config)
const { layout } = task
const masks = randomMasks({ matrices: maskedSegments(layout), seed: 1 })
const random = new Random(2)
const batch: LabelledBatch = {
  x: new Float32Array(2 * 32 * 16).map(() => random.normal()),
  labels: new Uint8Array(32).map(() => random.below(10)),
}
const parameters = initialMlp(layout, 3).map((v) => v + 0.01 * random.normal())

async function run(products: Products, p = parameters) {
  const gradient = new Float32Array(layout.size)
  const result = await createNetEngine(task, products).run(p, [masks], batch, new Float32Array(0), gradient)
  return { loss: result.losses[0]! / result.count, errors: result.losses[1]!, gradient }
}

test('the gradient is that of finite differences', async () => {
  const { gradient } = await run(portableProducts)
  let checked = 0
  for (const s of layout.segments) {
    for (let k = s.offset; k < s.offset + s.size; k += 13) {
      if (gradient[k] === 0) continue
      const at = async (change: number) => {
        const moved = parameters.slice()
        moved[k]! += change
        return (await run(portableProducts, moved)).loss
      }
      expect(gradient[k]!).toBeCloseTo(((await at(2e-3)) - (await at(-2e-3))) / 4e-3, 3)
      checked++
    }
  }
  expect(checked).toBeGreaterThan(30)
})

test.each([
  ['its own', undefined],
  [
    'given',
    config.hidden.map((units) => ({
      mean: new Float32Array(units).fill(0.3),
      inverse: new Float32Array(units).fill(0.8),
    })),
  ],
])('normalised by %s statistics, the gradient is that of finite differences', async (_, given) => {
  const normalized = mlpTask({ ...config, normalized: true }, { given })
  const size = normalized.layout.size
  const start = initialMlp(normalized.layout, 3).map((v) => v + 0.05 * random.normal())
  const evaluate = async (p: Float32Array) => {
    const gradient = new Float32Array(size)
    const engine = createNetEngine(normalized, portableProducts)
    const { losses, count } = await engine.run(p, [masks], batch, new Float32Array(0), gradient)
    return { loss: losses[0]! / count, gradient }
  }
  const { gradient } = await evaluate(start)
  // Steps over a ReLU's corner spoil single differences, so all are compared together, segment by segment.
  for (const { name, offset, size } of normalized.layout.segments) {
    const pairs: [number, number][] = []
    for (let k = offset; k < offset + size; k += 3) {
      if (gradient[k] === 0) continue
      const at = async (change: number) => (await evaluate(start.map((v, i) => (i === k ? v + change : v)))).loss
      pairs.push([gradient[k]!, ((await at(1e-3)) - (await at(-1e-3))) / 2e-3])
    }
    const product = (a: 0 | 1, b: 0 | 1) => pairs.reduce((sum, p) => sum + p[a] * p[b], 0)
    expect(product(0, 1) / Math.sqrt(product(0, 0) * product(1, 1)), name).toBeGreaterThan(0.99)
    expect(product(0, 1) / product(0, 0), name).toBeCloseTo(1, 1)
    expect(pairs.length, name).toBeGreaterThan(3)
  }
})

test('a normalised net does not see the scale of its weights; given its own statistics it gives its own loss', async () => {
  const statistics: MlpStatistics = {}
  const normalized = mlpTask({ ...config, normalized: true }, statistics)
  const start = initialMlp(normalized.layout, 3)
  const lossOf = async (task: typeof normalized, p: Float32Array) =>
    (await createNetEngine(task, portableProducts).run(p, [masks], batch, new Float32Array(0), null)).losses[0]!
  const loss = await lossOf(normalized, start)
  const given = statistics.used!
  const first = normalized.layout.segments[0]!
  const louder = start.map((v, i) => (i < first.offset + first.size ? 5 * v : v))
  expect(await lossOf(normalized, louder)).toBeCloseTo(loss, 3)
  const again = mlpTask({ ...config, normalized: true }, { given })
  expect(await lossOf(again, start)).toBe(loss)
  expect(await lossOf(again, louder)).not.toBeCloseTo(loss, 1)
})

test.skipIf(!nativeProducts())('native products give the same loss, errors and gradient', async () => {
  const want = await run(portableProducts)
  const got = await run(nativeProducts()!)
  expect(got.loss).toBeCloseTo(want.loss, 5)
  expect(got.errors).toBe(want.errors)
  for (const [k, v] of want.gradient.entries()) expect(got.gradient[k]!).toBeCloseTo(v, 5)
})

test('an untrained net that says nothing has the loss ln 10', async () => {
  expect((await run(portableProducts, new Float32Array(layout.size))).loss).toBeCloseTo(Math.log(10), 6)
})

test('cost counts kept blocks, three products a weight but two at the image', () => {
  // 48 x 8 kept, 16 x 12 kept, 16 x 16 dense.
  expect(mlpMacs(layout)).toBe(2 * 48 * 8 + 3 * 16 * 12 + 3 * 16 * 16)
  expect(mlpMacs(layout, masks, false, true)).toBe(48 * 8 + 16 * 12 + 16 * 16)
  expect(mlpMacs(layout, masks, true)).toBe(48 * 8 + 48 * 32 + 2 * 16 * 12 + 16 * 48 + 3 * 16 * 16)
})

test('the dense net of equal cost is narrower and costs within a fifth, its units being whole blocks', () => {
  const sparse = { inputs: 784, hidden: [304, 112], density: 0.1 }
  const dense = equalCostMlp(sparse)
  expect(dense.density).toBe(1)
  expect(dense.hidden[0]!).toBeLessThan(64)
  expect(Math.abs(mlpMacs(mlpLayout(dense)) / mlpMacs(mlpLayout(sparse)) - 1)).toBeLessThan(0.2)
})
