import { nameSoftwareGpu } from 'sparsewave/internal/testing/chromium'
import { BANDS, netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { type Batch, DeviceLost, type Engine, type EngineFactory, LANES, type StepOptions } from '../net/engine.ts'
import type { MaskMethod, MaskSet } from '../net/mask.ts'
import { createUpdates } from '../net/updates.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import { createSinglePrecisionEngine, nativeProducts } from './native.ts'
import { createReferenceEngine, runReference } from './reference.ts'
import { syntheticBatch, syntheticMasks, syntheticParameters } from './synthetic.ts'
import { describeAdapters, type OpenDevice, openDevice } from './webgpu/device.ts'
import { readRefusals } from './webgpu/probe.ts'
import { recurrentRows } from './webgpu/session.ts'
import { createWebgpuEngine, type WebgpuOptions } from './webgpu.ts'

nameSoftwareGpu()

const device = await openDevice().catch((error: Error) => error)
const title = device instanceof Error ? `webgpu engine (skipped: ${device.message})` : 'webgpu engine'

// One device for all: a software one takes a second to compile the kernels.
const create = (layout: ReturnType<typeof shape>, options: WebgpuOptions = {}) =>
  createWebgpuEngine(layout, { open: async () => device as OpenDevice, ...options })
afterEach(() => {
  vi.unstubAllEnvs()
})
afterAll(() => {
  if (!(device instanceof Error)) device.device.destroy()
})

const shape = (hidden: number, headHidden: number, conditioning: number, density = {}) =>
  parameterLayout(netConfigSchema.parse({ hidden, headHidden, conditioning, density }))
const small = shape(16, 16, 16)
const [one, two] = [1, 2].map((groups) => syntheticBatch(groups, 30, 3)) as [Batch, Batch]
const members = [syntheticMasks(small, 1), syntheticMasks(small, 7)]
const startState = (size: number) => new Float32Array(size * LANES).map((_, i) => Math.sin(i * 0.7) * 0.8)

async function run(engine: Engine, batch: Batch, layout = small, of = members, options: StepOptions = {}) {
  const groups = options.share === 'pairs' ? batch.groups / (of.length / 2) : batch.groups
  const state = startState(of.length * groups * layout.config.hidden)
  const gradient = new Float32Array(layout.size).fill(Number.NaN)
  const result = await engine.run(syntheticParameters(layout, 2), of, batch, state, gradient, options)
  return { ...result, gradient, state }
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>, from = 0, to = a.length): number => {
  let difference = 0
  let norm = 0
  for (let i = from; i < to; i++) {
    difference += (a[i]! - b[i]!) ** 2
    norm += b[i]! ** 2
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm)
}

// The native engine is held to the reference by its own tests, and is far quicker.
const createOther = nativeProducts() ? createSinglePrecisionEngine : createReferenceEngine

async function expectEqual(
  other: EngineFactory,
  batch: Batch,
  layout = small,
  of = members,
  options: StepOptions = {},
  lanes = LANES,
) {
  const got = await run(await create(layout), batch, layout, of, options)
  const want = await run(await other(layout, { threads: 1 }), batch, layout, of, options)
  expect([...got.counts]).toEqual([...want.counts])
  expect(got.count).toBe(want.count)
  // As for the native engine, with a digit for a device's own exp and log.
  expect(distance(got.losses, want.losses)).toBeLessThan(1e-5)
  const seen = (state: Float32Array) => state.filter((_, i) => i % LANES < lanes)
  expect(distance(seen(got.state), seen(want.state))).toBeLessThan(2e-5)
  for (const s of layout.segments)
    expect(distance(got.gradient, want.gradient, s.offset, s.offset + s.size), s.name).toBeLessThan(5e-5)
}

describe.skipIf(device instanceof Error)(title, () => {
  test('losses, state and the gradient of every segment are those of the reference', async () => {
    // Four lanes say as much as sixteen, and the reference is slow.
    const few = { ...one, weights: one.weights.map((v, i) => (i % LANES < 4 ? v : 0)) }
    await expectEqual(
      async () => ({
        ...(await createReferenceEngine(small, { threads: 1 })),
        run: async (parameters, of, batch, state, gradient, options) => {
          const lanes = [0, 1, 2, 3]
          const made = runReference(small, parameters, of, batch, state, true, undefined, lanes, options)
          gradient!.set(made.gradient!)
          return made
        },
      }),
      few,
      small,
      members,
      {},
      4,
    )
  })

  test.each([
    [shape(48, 48, 32, { reset: 0.3, input: 0.9 }), 1],
    [shape(16, 16, 48, { reset: 0.01, update: 0.01, candidate: 0.01, input: 0.01, head: 0.01 }), 1],
    [shape(32, 32, 16, { reset: 1, update: 1, candidate: 1, input: 1, head: 1 }), 2],
  ])('shapes and densities from one block to all agree with the native engine: %#', async (layout, n) => {
    const of = Array.from({ length: n }, (_, i) => syntheticMasks(layout, i))
    await expectEqual(createOther, one, layout, of)
  })

  test('members may keep different numbers of blocks', async () => {
    const thin: MaskSet = new Map(
      maskedSegments(small).map((s) => [
        s.name,
        members[0]!.get(s.name)!.filter((_, i) => i % s.kept < Math.ceil(s.kept / 2)),
      ]),
    )
    await expectEqual(createOther, one, small, [thin, members[1]!])
  })

  test('gradients of dropped blocks where they are asked for', async () => {
    await expectEqual(createOther, one, small, members, { denseGradient: true })
  })

  test('pairs that share a batch see their own groups', async () => {
    const four = [1, 2, 3, 4].map((seed) => syntheticMasks(small, seed))
    await expectEqual(createOther, two, small, four, { share: 'pairs' })
  })

  test('teacher-forced outputs are those of the native engine; without a gradient the losses are the same', async () => {
    const parameters = syntheticParameters(small, 2)
    const engine = await create(small)
    const of = (e: Engine) => e.outputs(parameters, members[0]!, one, startState(16))
    const got = await of(engine)
    const want = await of(await createOther(small, { threads: 1 }))
    expect(got.length).toBe(one.steps * BANDS * 12 * LANES)
    expect(Math.max(...got.map((v, i) => Math.abs(v - want[i]!)))).toBeLessThan(5e-5)
    const { losses } = await engine.run(parameters, [members[0]!], one, startState(16), null)
    const { losses: same } = await run(engine, one, small, [members[0]!])
    expect([...losses]).toEqual([...same])
  })

  test('the size of the recurrent kernels’ workgroups changes no bit', async () => {
    expect([1024, 256, 64].map((threads) => recurrentRows(threads, 384))).toEqual([192, 64, 16])
    expect([16, 32, 48, 1024].map((features) => recurrentRows(256, features))).toEqual([16, 32, 48, 64])
    const layout = shape(48, 16, 16)
    const of = [syntheticMasks(layout, 1)]
    const { device: own, adapter } = device as OpenDevice
    const narrow: OpenDevice = { device: own, adapter: { ...adapter, invocations: 32 }, lost: undefined }
    const want = await run(await create(layout), one, layout, of)
    const got = await run(await create(layout, { open: async () => narrow }), one, layout, of)
    expect(got).toEqual(want)
  })

  test('out of memory, the slice is halved with a warning and the result stays', async () => {
    const want = await run(await create(small), one)
    vi.stubEnv('SPARSEWAVE_WEBGPU_MEMORY', '1.5')
    const warnings: string[] = []
    const got = await run(await create(small, { warn: (message) => warnings.push(message) }), one)
    expect(warnings).toEqual(['The GPU is out of memory; going on with 16 sequences at a time instead of 32.'])
    expect([...got.losses]).toEqual([...want.losses])
    expect([...got.state]).toEqual([...want.state])
    expect(distance(got.gradient, want.gradient)).toBeLessThan(1e-6)
  })

  test('memory for not even one group is an error that says what to do, and leaves the state alone', async () => {
    vi.stubEnv('SPARSEWAVE_WEBGPU_MEMORY', '0.5')
    const engine = await create(small, { warn: () => {} })
    const state = startState(2 * 16)
    const made = engine.run(syntheticParameters(small, 2), members, one, state, new Float32Array(small.size))
    await expect(made).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringMatching(/has no memory for one group of 16 lanes x 30 steps/),
      remedy: expect.stringContaining('training.steps'),
    })
    expect([...state]).toEqual([...startState(2 * 16)])
  })

  test('a lost device is opened again and the update repeated, with the same result', async () => {
    const opened: OpenDevice[] = []
    const warnings: string[] = []
    const engine = await create(small, {
      warn: (message) => warnings.push(message),
      open: async () => {
        opened.push(await openDevice())
        return opened.at(-1)!
      },
    })
    const of = [members[0]!]
    const pending = run(engine, one, small, of)
    opened[0]!.device.destroy()
    const got = await pending
    const want = await run(await create(small), one, small, of)
    engine.close()
    expect(opened.length).toBe(2)
    expect(warnings).toEqual([expect.stringMatching(/The GPU was lost/)])
    expect([...got.losses]).toEqual([...want.losses])
    expect([...got.gradient]).toEqual([...want.gradient])
  })

  describe('weights kept on the device', () => {
    const adam = { rate: 3e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clip: 0.5, average: 0.9 }
    const method = (of: (step: number) => MaskSet[], share: 'all' | 'pairs', wantsWeights = false): MaskMethod => ({
      name: 'made up',
      share,
      members: ({ step }) => of(step),
      wantsWeights: () => wantsWeights,
      update() {},
      final: () => members[0]!,
      state: () => ({}),
      restore() {},
    })
    const start = () => {
      const parameters = syntheticParameters(small, 2)
      const zeros = () => new Float32Array(small.size)
      return { parameters, first: zeros(), second: zeros(), average: parameters.slice() }
    }
    const batches = [3, 4, 5].map((seed) => syntheticBatch(2, 30, seed)) as Batch[]
    const masksOf = (step: number, n: number) =>
      Array.from({ length: n }, (_, m) => syntheticMasks(small, 10 * step + m))

    /** Updates [from, to) of a run; lane 3 starts anew in the second one. */
    async function train(
      engine: Engine,
      masks: MaskMethod,
      [from, to] = [0, 3],
      weights = start(),
      state = startState(2 * 16),
    ) {
      const updates = createUpdates(engine, { layout: small, masks, weights, state, groups: 2 })
      const losses: number[] = []
      const norms: number[] = []
      for (let step = from!; step < to!; step++) {
        const fresh = step === 1 ? [3] : []
        const made = await updates.update({ step, progress: 0 }, batches[step]!, { ...adam, step: step + 1 }, fresh)
        losses.push(...made.losses)
        norms.push(made.norm)
      }
      await updates.fetch()
      return { ...weights, state, losses, norms }
    }

    test.each([
      ['one member', 1, 'all'],
      ['a population that sees all', 2, 'all'],
      ['pairs that share', 4, 'pairs'],
    ] as const)('%s: updates go where those of the host go', async (_, n, share) => {
      const got = await train(
        await create(small),
        method((step) => masksOf(step, n), share),
      )
      const want = await train(
        await createOther(small, { threads: 1 }),
        method((step) => masksOf(step, n), share, true),
      )
      expect(distance(got.losses, want.losses)).toBeLessThan(1e-5)
      expect(distance(got.norms, want.norms)).toBeLessThan(1e-5)
      // The first steps are of a fixed size, whatever the gradient: some weights are clipped, none stays.
      expect(Math.min(...got.norms)).toBeGreaterThan(adam.clip)
      const initial = start()
      const moved = distance(want.parameters, initial.parameters)
      expect(moved).toBeGreaterThan(1e-3)
      for (const name of ['parameters', 'average'] as const)
        expect(distance(got[name], want[name]), name).toBeLessThan(moved / 200)
      for (const name of ['first', 'second', 'state'] as const)
        expect(distance(got[name], want[name]), name).toBeLessThan(2e-4)
    })

    test('a run that was brought to the host and back goes on with the same bits', async () => {
      const masks = method((step) => masksOf(step, 2), 'all')
      const engine = await create(small)
      const whole = await train(engine, masks)
      const half = await train(engine, masks, [0, 2])
      const again = await train(await create(small), masks, [2, 3], half, half.state)
      for (const name of ['parameters', 'first', 'second', 'average', 'state'] as const)
        expect(again[name], name).toEqual(whole[name])
    })

    test('an update brings back losses and the norm alone, and sends masks that have changed alone', async () => {
      const engine = await create(small)
      const changing = masksOf(0, 2)
      const weights = start()
      await engine.resident.upload(weights, startState(2 * 16))
      const counted: { sent: number; fetched: number }[] = []
      for (const of of [
        masksOf(2, 2),
        changing,
        changing,
        [changing[0]!, masksOf(1, 1)[0]!],
        changing.map((m) => new Map(m)),
      ]) {
        const before = { ...engine.counters }
        await engine.resident.update(of, batches[0]!, [], { ...adam, step: 1 })
        counted.push({ sent: engine.counters.sent - before.sent, fetched: engine.counters.fetched - before.fetched })
      }
      // Four slots' four losses, and the norm.
      expect(counted.map((c) => c.fetched)).toEqual(Array(5).fill(4 * 17))
      // The first one also says what the kernels are to do.
      const [, all, none, one, back] = counted.map((c) => c.sent) as [number, number, number, number, number]
      expect(one - none).toBe((all - none) / 2)
      expect(back).toBe(one)
    })

    test('a batch that was sent during the update before gives the same bits; one that was not asked for is harmless', async () => {
      const masks = method(() => [members[0]!], 'all')
      const want = await train(await create(small), masks)
      const engine = await create(small)
      const state = startState(2 * 16)
      const weights = start()
      await engine.resident.upload(weights, state)
      for (const [step, batch] of batches.entries()) {
        const pending = engine.resident.update([members[0]!], batch, step === 1 ? [3] : [], { ...adam, step: step + 1 })
        // At once, before anything of that update can be submitted.
        const sent = engine.resident.send!(batches[step === 1 ? 0 : step + 1] ?? batch)
        await Promise.all([sent, pending])
      }
      await engine.resident.download(weights, state)
      expect(weights.parameters).toEqual(want.parameters)
      expect(state).toEqual(want.state)
    })

    test('a gradient that is not finite changes nothing', async () => {
      const weights = start()
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const broken = { ...weights, parameters: weights.parameters.slice() }
        // The heads' biases reach the loss without a bound.
        broken.parameters[small.segments.find((s) => s.name === 'head.output.0.bias')!.offset + 4] = value
        const engine = await create(small)
        await engine.resident.upload(broken, startState(2 * 16))
        const { norm } = await engine.resident.update([members[0]!], batches[0]!, [], { ...adam, step: 1 })
        expect(Number.isFinite(norm)).toBe(false)
        const after = { ...start(), parameters: new Float32Array(small.size) }
        await engine.resident.download(after, startState(2 * 16))
        expect(after).toEqual(broken)
      }
    })

    test('out of memory, the slice is halved and the weights are as they would be', async () => {
      const masks = method((step) => masksOf(step, 2), 'all')
      const want = await train(await create(small), masks)
      vi.stubEnv('SPARSEWAVE_WEBGPU_MEMORY', '2.7')
      const warnings: string[] = []
      const got = await train(await create(small, { warn: (message) => warnings.push(message) }), masks)
      expect(warnings).toEqual(['The GPU is out of memory; going on with 32 sequences at a time instead of 64.'])
      expect(distance(got.parameters, want.parameters)).toBeLessThan(1e-4)
      expect(distance(got.losses, want.losses)).toBeLessThan(1e-5)
      expect(distance(got.state, want.state)).toBeLessThan(1e-4)
    })

    test('memory for not even the weights is an error', async () => {
      vi.stubEnv('SPARSEWAVE_WEBGPU_MEMORY', '0.1')
      const engine = await create(small, { warn: () => {} })
      await expect(engine.resident.upload(start(), startState(2 * 16))).rejects.toMatchObject({
        code: 'ENGINE_UNAVAILABLE',
        message: expect.stringMatching(/has no memory for the net's \d+ weights/),
      })
    })

    test('with the device the weights are lost; the engine says so, and takes them again', async () => {
      const opened: OpenDevice[] = []
      const engine = await create(small, {
        warn: () => {},
        open: async () => {
          opened.push(await openDevice())
          return opened.at(-1)!
        },
      })
      const masks = method(() => [members[0]!], 'all')
      const update = () => engine.resident.update([members[0]!], batches[0]!, [], { ...adam, step: 1 })
      await engine.resident.upload(start(), startState(2 * 16))
      const pending = update()
      opened[0]!.device.destroy()
      await expect(pending).rejects.toThrow(DeviceLost)
      await expect(engine.resident.download(start(), startState(2 * 16))).rejects.toThrow(DeviceLost)
      const got = await train(engine, masks)
      expect(opened.length).toBe(2)
      engine.close()
      expect(got.parameters).toEqual((await train(await create(small), masks)).parameters)
    })
  })

  test('what the device does wrong on the side fails the call', async () => {
    const open = await openDevice()
    const engine = await create(small, { open: async () => open })
    const buffer = open.device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST })
    open.device.queue.writeBuffer(buffer, 0, new Float32Array(8))
    await expect(run(engine, one, small, [members[0]!])).rejects.toThrow(/does not fit/)
    engine.close()
  })

  test('adapters are described, the one in use first; a name that none has is refused with those there are', async () => {
    expect(await describeAdapters()).toMatch(/^takes .+; adapters: .+ \(\w+\)/)
    vi.stubEnv('SPARSEWAVE_WEBGPU_ADAPTER', 'Voodoo 2')
    await expect(describeAdapters()).rejects.toThrow(/ADAPTER is 'Voodoo 2'; the adapters here are: .+ \(\w+\)/)
  })
})

test('what Dawn says of drivers that it cannot use is read from its warnings', () => {
  const said =
    'error: XDG_RUNTIME_DIR is invalid or not set in the environment.\n' +
    'Warning: Vulkan shaderUniform*ArrayDynamicIndexing required.\n' +
    ' - While initializing adapter (backend=BackendType::Vulkan)\n    at InitializeImpl (x.cpp:257)\n\n'
  expect(readRefusals(said + said)).toEqual(['Vulkan shaderUniform*ArrayDynamicIndexing required'])
})
