import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { randomMasks } from '../../masks/random.ts'
import { type Batch, type Engine, LANES, type StepOptions } from '../../net/engine.ts'
import type { MaskSet } from '../../net/mask.ts'
import { maskedSegments, parameterLayout } from '../../net/vocoder-layout.ts'
import { initialMlp, mlpTask } from '../../tasks/classification/mlp.ts'
import { createSinglePrecisionEngine, nativeProducts } from '../native.ts'
import { createNetEngine } from '../net.ts'
import { portableProducts } from '../products.ts'
import { createReferenceEngine } from '../reference.ts'
import { syntheticBatch, syntheticMasks, syntheticParameters } from '../synthetic.ts'
import { loadTfjs } from '../tfjs.ts'
import { tfjsProducts } from './products.ts'
import { createTfjsEngine } from './sparse-wavernn.ts'

const layout = parameterLayout(
  netConfigSchema.parse({ hidden: 16, headHidden: 16, conditioning: 16, density: { reset: 0.3, input: 0.9 } }),
)
const [one, two] = [1, 2].map((groups) => syntheticBatch(groups, 30, 3)) as [Batch, Batch]
const masks = [1, 2, 3, 4].map((seed) => syntheticMasks(layout, seed))
const startState = (groups: number) => new Float32Array(groups * 16 * LANES).map((_, i) => Math.sin(i * 0.7) * 0.8)
const createOther = nativeProducts() ? createSinglePrecisionEngine : createReferenceEngine

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const norm = Math.hypot(...Array.from(b))
  return Math.hypot(...Array.from(a, (v, i) => v - b[i]!)) / (norm || 1)
}

async function run(engine: Engine, batch: Batch, members: MaskSet[], options: StepOptions) {
  const state = startState(members.length)
  const gradient = new Float32Array(layout.size).fill(Number.NaN)
  const result = await engine.run(syntheticParameters(layout, 2), members, batch, state, gradient, options)
  return { ...result, state, gradient }
}

const native = await loadTfjs({ backend: 'native', threads: 1 }).then(
  () => true,
  () => false,
)
const wasm = await loadTfjs({ backend: 'wasm' }).then(
  () => true,
  () => false,
)
const backends = ['cpu', 'wasm', 'native'] as const
let backend: (typeof backends)[number] = 'cpu'

async function expectEqual(batch: Batch, members: MaskSet[], options: StepOptions = {}) {
  const got = await run(await createTfjsEngine(layout, { threads: 1, backend }), batch, members, options)
  const want = await run(await createOther(layout, { threads: 1 }), batch, members, options)
  expect([...got.counts]).toEqual([...want.counts])
  expect(distance(got.losses, want.losses)).toBeLessThan(1e-5)
  expect(distance(got.state, want.state)).toBeLessThan(2e-5)
  for (const { name, offset, size } of layout.segments) {
    const part = (v: Float32Array) => v.subarray(offset, offset + size)
    expect(distance(part(got.gradient), part(want.gradient)), name).toBeLessThan(5e-5)
  }
}

describe.each(backends)('the Sparse WaveRNN in TensorFlow.js, backend %s (where it is there)', (given) => {
  beforeAll(() => {
    backend = given
  })
  beforeEach(({ skip }) => {
    skip(given === 'native' && !native, 'the native binding is not set up')
    skip(given === 'wasm' && !wasm, 'the WebAssembly backend is not installed')
  })

  test('has the losses, states and gradients of the native engine', async () => {
    await expectEqual(one, masks.slice(0, 2))
  })

  test('members may keep different numbers of blocks, and dropped blocks have gradients where they are asked for', async () => {
    const thin = new Map(
      maskedSegments(layout).map(({ name, kept }) => [name, masks[0]!.get(name)!.filter((_, i) => i % kept === 0)]),
    )
    await expectEqual(one, [thin, masks[1]!], { denseGradient: true })
  })

  test('pairs share a batch', async () => {
    await expectEqual(two, masks, { share: 'pairs' })
  })

  test('has their teacher-forced outputs, and leaves no tensor behind', async () => {
    const { tf } = await loadTfjs({ backend })
    const outputs = async (create: typeof createOther) => {
      const engine = await create(layout, { threads: 1 })
      return engine.outputs(syntheticParameters(layout, 2), masks[0]!, two, startState(2))
    }
    const before = tf.memory().numTensors
    const got = await outputs((l, o) => createTfjsEngine(l, { ...o, backend }))
    const want = await outputs(createOther)
    expect(got.length).toBe(want.length)
    expect(distance(got, want)).toBeLessThan(2e-5)
    expect(tf.memory().numTensors).toBe(before)
  })
})

test.each(['cpu', 'wasm'] as const)(
  '%s: a classifier of images has the losses and gradients of the native engine',
  async (given) => {
    if (given === 'wasm' && !wasm) return
    const { tf } = await loadTfjs({ backend: given })
    const task = mlpTask({ inputs: 784, hidden: [64, 32], density: 0.2 })
    const members = [1, 2].map((seed) => randomMasks({ matrices: maskedSegments(task.layout), seed }))
    const x = new Float32Array(2 * 784 * LANES).map((_, i) => Math.sin(i * i * 0.37))
    const labels = Uint8Array.from({ length: 2 * LANES }, (_, i) => i % 10)
    const of = async (products: typeof portableProducts, options: StepOptions) => {
      const gradient = new Float32Array(task.layout.size)
      const engine = createNetEngine(task, products)
      const none = new Float32Array(0)
      const { losses } = await engine.run(initialMlp(task.layout, 3), members, { x, labels }, none, gradient, options)
      return { losses, gradient, name: engine.name }
    }
    const before = tf.memory().numTensors
    for (const options of [{}, { denseGradient: true }, { share: 'pairs' }] as const) {
      const got = await of(tfjsProducts(tf), options)
      const want = await of(nativeProducts() ?? portableProducts, options)
      expect(got.name).toBe(`tfjs (${given})`)
      expect(distance(got.losses, want.losses)).toBeLessThan(1e-5)
      expect(distance(got.gradient, want.gradient)).toBeLessThan(1e-5)
    }
    expect(tf.memory().numTensors).toBe(before)
  },
)
