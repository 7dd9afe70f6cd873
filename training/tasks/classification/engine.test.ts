import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Random } from 'sparsewave/internal/random'
import { nameSoftwareGpu } from 'sparsewave/internal/testing/chromium'
import { describe, expect, test } from 'vitest'
import { openDevice } from '../../engines/webgpu/device.ts'
import { randomMasks } from '../../masks/random.ts'
import type { StepOptions } from '../../net/engine.ts'
import { type Layout, maskedSegments } from '../../net/layout.ts'
import { classifierStudy } from '../../studies/classification.ts'
import { readLog } from '../../studies/log.ts'
import { MNIST_NET as mnist } from '../../studies/mnist.ts'
import { runStudy } from '../../studies/run.ts'
import { createClassifierEngine } from './engine.ts'
import type { Images } from './images.ts'
import { initialMlp, type LabelledBatch, type MlpConfig, mlpLayout } from './mlp.ts'

nameSoftwareGpu()
const missing = await openDevice().then(
  ({ device }) => device.destroy(),
  (error: Error) => error.message,
)
const title = `classifiers on webgpu${missing === undefined ? '' : ` (skipped: ${missing})`}`

const length = (v: Float32Array): number => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0))
const distance = (a: Float32Array, b: Float32Array): number => length(a.map((v, i) => v - b[i]!)) / length(b)

describe.skipIf(missing !== undefined)(title, () => {
  const members = (layout: Layout, n: number) =>
    Array.from({ length: n }, (_, seed) => randomMasks({ matrices: maskedSegments(layout), seed }))
  const small = { inputs: 48, hidden: [64, 32], density: 0.25 }
  const cases: [string, MlpConfig, number, number, StepOptions][] = [
    ['one member', small, 1, 4, {}],
    ['a population on all images', small, 3, 4, {}],
    ['pairs that share the images', small, 4, 4, { share: 'pairs' }],
    ['gradients of dropped blocks', small, 2, 4, { denseGradient: true }],
    ['more images than the gradient has parts', small, 2, 35, {}],
    ['the net of the MNIST study', { ...mnist.net, density: 0.1 }, 2, 1, {}],
  ]
  test.each(cases)(
    '%s: losses, errors and the gradient are those of the processor',
    async (_, config, n, groups, options) => {
      const layout = mlpLayout(config)
      const random = new Random(2)
      const batch: LabelledBatch = {
        x: new Float32Array(groups * config.inputs * 16).map(() => random.normal()),
        labels: new Uint8Array(groups * 16).map(() => random.below(10)),
      }
      const parameters = initialMlp(layout, 3).map((v) => v + 0.01 * random.normal())
      const of = members(layout, n)
      const run = async (name: string) => {
        const engine = await createClassifierEngine(name, config)
        const gradient = new Float32Array(layout.size).fill(Number.NaN)
        const result = await engine.run(parameters, of, batch, new Float32Array(0), gradient, options)
        const { losses } = await engine.run(parameters, of, batch, new Float32Array(0), null, options)
        engine.close()
        expect([...losses]).toEqual([...result.losses])
        return { ...result, gradient }
      }
      const [got, want] = [await run('webgpu'), await run('auto')]
      expect([...got.counts]).toEqual([...want.counts])
      expect(got.count).toBe(want.count)
      for (let m = 0; m < n; m++) {
        expect(got.losses[2 * m]! / want.losses[2 * m]!).toBeCloseTo(1, 5)
        expect(got.losses[2 * m + 1]!).toBe(want.losses[2 * m + 1]!)
      }
      for (const s of layout.segments) {
        const part = (flat: Float32Array) => flat.subarray(s.offset, s.offset + s.size)
        expect(distance(part(got.gradient), part(want.gradient)), s.name).toBeLessThan(1e-5)
      }
    },
  )

  test('a study of a few updates ends with the figures of the processor, whatever the masks do', async () => {
    const images = (count: number, seed: number): Images => {
      const draw = new Random(seed)
      const labels = new Uint8Array(count).map(() => draw.below(10))
      const pixels = new Uint8Array(count * 16).map(
        (_, i) => draw.below(60) + (i % 16 === labels[Math.floor(i / 16)] ? 150 : 0),
      )
      return { size: 16, pixels, labels }
    }
    const data = { train: images(320, 3), validation: images(64, 4), test: images(160, 5), mean: 40, deviation: 50 }
    const study = classifierStudy({
      name: 'short',
      title: 'Short',
      text: ['A few updates.'],
      net: { inputs: 16, hidden: [32, 16] },
      folder: '.',
      updates: 12,
      batch: 64,
      learningRate: 0.02,
      split: 'test',
      read: () => data,
      densities: [0.5],
      seeds: [1],
      methods: [
        { label: 'random', masks: { method: 'random' }, note: 'never looked into' },
        { label: 'rigl', masks: { method: 'rigl', every: 5 }, note: 'now and then' },
        { label: 'hybrid', masks: { method: 'hybrid-es', pairs: 2, accumulate: 3 }, note: 'a population' },
        { label: 'gates', masks: { method: 'gumbel' }, note: 'always' },
      ],
    })
    const run = async (engine: string) => {
      const out = mkdtempSync(path.join(tmpdir(), 'study-'))
      const rest = { shared: '.', limit: undefined, reportOnly: false, signal: new AbortController().signal }
      expect(await runStudy(study, { ...rest, out, engine, report() {} })).toEqual({ done: 4, total: 4 })
      return readLog(path.join(out, 'data', 'short.jsonl'))
    }
    const [got, want] = [await run('webgpu'), await run('auto')]
    for (const [i, { method, value, updates, also, engine }] of got.entries()) {
      expect(engine).toBe('webgpu')
      expect(updates, method).toBe(want[i]!.updates)
      expect(updates).toBeGreaterThan(7)
      expect(also.nll! / want[i]!.also.nll!, method).toBeCloseTo(1, 3)
      // One of 160 images may lie on the edge.
      expect(Math.abs(value - want[i]!.value), method).toBeLessThan(1)
    }
  })
})

test('an engine that does not exist is refused with the nearest', async () => {
  await expect(createClassifierEngine('natve', { inputs: 16, hidden: [16], density: 1 })).rejects.toMatchObject({
    code: 'JOB_INVALID',
    message: expect.stringMatching(/Did you mean 'native'/),
  })
})
