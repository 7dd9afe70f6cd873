import { Random } from 'sparsewave/internal/random'
import { expect, test } from 'vitest'
import { randomMasks } from '../masks/random.ts'
import { layOut, maskedSegments } from '../net/layout.ts'
import type { MaskSet } from '../net/mask.ts'
import { nativeProducts } from './native.ts'
import { createNetEngine, type NetTask } from './net.ts'
import { type Products, portableProducts } from './products.ts'

const layout = layOut([
  { name: 'hidden', rows: 32, columns: 40, fanIn: 10, kept: 10 },
  { name: 'hidden.bias', rows: 1, columns: 32, fanIn: 0 },
  { name: 'output', rows: 16, columns: 32, fanIn: 32 },
])

/** A net of one hidden layer with a quadratic loss, groups of 16 examples. */
const task: NetTask<Float32Array> = {
  layout,
  groups: (x) => x.length / (40 * 16),
  evaluate(net, batch, from, groups) {
    const x = batch.subarray(from * 640, (from + groups) * 640)
    const bias = net.values('hidden.bias')
    const hidden = new Float32Array(groups * 512).map((_, i) => bias[Math.floor(i / 16) % 32]!)
    net.matrix('hidden').forward(x, hidden)
    const active = hidden.map((v) => Math.tanh(v))
    const y = new Float32Array(groups * 256)
    net.matrix('output').forward(active, y)
    const loss = y.reduce((sum, v) => sum + (v - 1) ** 2 / 2, 0)
    if (net.wantsGradient) {
      const dy = y.map((v) => v - 1)
      net.matrix('output').accumulate(active, dy)
      const d = new Float32Array(groups * 512)
      net.matrix('output').backward(d, dy)
      for (let i = 0; i < d.length; i++) d[i]! *= 1 - active[i]! ** 2
      net.matrix('hidden').accumulate(x, d)
      for (let i = 0; i < d.length; i++) net.gradient('hidden.bias')![Math.floor(i / 16) % 32]! += d[i]!
    }
    return { losses: [loss], count: groups * 16 }
  },
}

const random = new Random(1)
const parameters = new Float32Array(layout.size).map(() => 0.2 * random.normal())
const batch = new Float32Array(4 * 640).map(() => random.normal())
const masks = (seed: number): MaskSet => randomMasks({ matrices: maskedSegments(layout), seed })
const none = new Float32Array(0)

const run = async (products: Products, members: MaskSet[], p = parameters, options = {}) => {
  const gradient = new Float32Array(layout.size)
  const result = await createNetEngine(task, products).run(p, members, batch, none, gradient, options)
  return { ...result, gradient }
}

test('the gradient of a plugged-in task is that of finite differences, and 0 outside the mask', async () => {
  const mask = masks(1)
  const { gradient } = await run(portableProducts, [mask])
  const at = async (k: number, change: number) => {
    const moved = parameters.slice()
    moved[k]! += change
    const { losses, count } = await run(portableProducts, [mask], moved)
    return losses[0]! / count
  }
  let checked = 0
  for (let k = 0; k < layout.size; k += 37) {
    const numeric = ((await at(k, 1e-2)) - (await at(k, -1e-2))) / 2e-2
    expect(gradient[k]!).toBeCloseTo(numeric, 3)
    if (gradient[k] !== 0) checked++
  }
  expect(checked).toBeGreaterThan(10)
  expect(gradient.slice(0, 1280).filter((v) => v !== 0).length).toBe(2 * 10 * 16)
})

test.skipIf(!nativeProducts())('native products give what the portable ones do, dense gradients too', async () => {
  for (const options of [{}, { denseGradient: true }, { share: 'pairs' }]) {
    const members = [masks(1), masks(2), masks(3), masks(4)]
    const want = await run(portableProducts, members, parameters, options)
    const got = await run(nativeProducts()!, members, parameters, options)
    expect(got.count).toBe(want.count)
    for (const [i, v] of want.losses.entries()) expect(Math.abs(got.losses[i]! / v - 1)).toBeLessThan(1e-5)
    for (const [i, v] of want.gradient.entries()) expect(got.gradient[i]!).toBeCloseTo(v, 4)
  }
})

test('with pairs sharing a batch each pair sees its own part; too few groups are refused', async () => {
  const members = [masks(1), masks(1), masks(2), masks(2)]
  const { losses, count, counts } = await run(portableProducts, members, parameters, { share: 'pairs' })
  expect([...counts]).toEqual([32, 32, 32, 32])
  expect(count).toBe(64)
  expect(losses[0]).toBe(losses[1])
  await expect(
    run(portableProducts, [...members, ...members, members[0]!, members[1]!], parameters, { share: 'pairs' }),
  ).rejects.toThrow(/cannot be shared/)
})
