import { existsSync } from 'node:fs'
import { addonFile } from 'sparsewave/internal/native-addon'
import { BANDS, netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { afterEach, describe, expect, test } from 'vitest'
import { adamUpdate } from '../net/adam.ts'
import { nativeIsas } from '../net/addon.ts'
import { type Batch, type Engine, LANES } from '../net/engine.ts'
import type { MaskSet } from '../net/mask.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import { TRAINING_ROOT } from '../root.ts'
import { createNativeEngine } from './native.ts'
import { createReferenceEngine, type ReferenceRun, runReference } from './reference.ts'
import { isKept, sliceBatch, syntheticBatch, syntheticMasks, syntheticParameters } from './synthetic.ts'

const built = existsSync(addonFile('train', TRAINING_ROOT))
const isas = built ? nativeIsas() : []
const { hidden } = netConfigSchema.parse({ hidden: 32 })
const layout = parameterLayout(netConfigSchema.parse({ hidden, headHidden: 16, conditioning: 16 }))
const parameters = syntheticParameters(layout, 2)
const masks = [syntheticMasks(layout, 1), syntheticMasks(layout, 7)] as const
const batch = syntheticBatch(2, 60, 3)

const forced = process.env.SPARSEWAVE_TRAIN_ISA
afterEach(() => {
  if (forced === undefined) delete process.env.SPARSEWAVE_TRAIN_ISA
  else process.env.SPARSEWAVE_TRAIN_ISA = forced
})

async function engine(isa: string, threads = 1, shape = layout): Promise<Engine> {
  process.env.SPARSEWAVE_TRAIN_ISA = isa
  const e = await createNativeEngine(shape, { threads })
  expect(e.name).toBe(`native-${isa}`)
  return e
}

/** Carried state as training meets it: inside -1..1, not zero. */
const startState = (members: number, groups = batch.groups) =>
  new Float32Array(members * groups * hidden * LANES).map((_, i) => Math.sin(i * 0.7) * 0.8)

async function run(e: Engine, members: readonly MaskSet[], on: Batch, state = startState(members.length, on.groups)) {
  const gradient = new Float32Array(layout.size).fill(Number.NaN)
  const { losses, count } = await e.run(parameters, members, on, state, gradient)
  return { losses, count, gradient, state }
}

let cached: { reference: ReferenceRun; state: Float32Array } | undefined
/** The reference's run of both members over `batch`; computed once. */
function expected() {
  const state = startState(2)
  cached ??= { reference: runReference(layout, parameters, masks, batch, state, true), state }
  return cached
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>, from = 0, to = a.length): number => {
  let difference = 0
  let norm = 0
  for (let i = from; i < to; i++) {
    difference += (a[i]! - b[i]!) ** 2
    norm += b[i]! ** 2
  }
  return Math.sqrt(difference / norm)
}

/**
 * How far results may be from the reference's, relative. Single precision is 6e-8 a rounding: sums over 32 lanes x 60 steps, and what
 * 60 steps of recurrence amplify, leave two digits more, and an omitted or misplaced term shows from 1e-3 on. AMX's factors are
 * rounded to bf16, 2e-3 each: a sum's roundings mostly cancel (the whole gradient is .004 away, the weights of a gate, small
 * differences of large terms, up to .05), and what is omitted or misplaced is told by the direction of every segment's gradient.
 */
const SINGLE = { losses: 2e-6, state: 1e-5, outputs: 5e-5, segment: 2e-5, gradient: 2e-5, turned: 1e-9 }
const BF16 = { losses: 5e-4, state: 0.01, outputs: 0.05, segment: 0.08, gradient: 0.01, turned: 3e-3 }
const toleranceOf = (isa: string) => (isa === 'amx' ? BF16 : SINGLE)

type Vector = Float32Array | Float64Array

function product(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** 1 - cosine of the angle between two vectors. */
const turned = (a: Vector, b: Vector): number => 1 - product(a, b) / Math.sqrt(product(a, a) * product(b, b))

const title = built ? 'native engine' : 'native engine (skipped: build/native/train.node is not built)'
describe.skipIf(!built).each(isas.length > 0 ? isas : ['none'])(`${title}: %s`, (isa) => {
  const tolerance = toleranceOf(isa)
  const expectGradient = (got: Float32Array, want: Vector, shape = layout) => {
    expect(distance(got, want)).toBeLessThan(tolerance.gradient)
    for (const { name, offset, size } of shape.segments) {
      expect(distance(got, want, offset, offset + size), name).toBeLessThan(tolerance.segment)
      const part = (v: Vector) => v.subarray(offset, offset + size)
      expect(turned(part(got), part(want)), name).toBeLessThan(tolerance.turned)
    }
  }

  test('losses, state and the gradient of every segment are those of the reference', async () => {
    const native = await run(await engine(isa, 2), masks, batch)
    const { reference, state } = expected()
    expect(native.count).toBe(reference.count)
    expect(distance(native.losses, reference.losses)).toBeLessThan(tolerance.losses)
    expect(distance(native.state, state)).toBeLessThan(tolerance.state)
    expectGradient(native.gradient, reference.gradient!)
  })

  test('teacher-forced outputs are those of the reference', async () => {
    const small = sliceBatch(batch, 0, 1)
    const got = await (await engine(isa)).outputs(parameters, masks[0], small, startState(1))
    const e = await createReferenceEngine(layout, { threads: 1 })
    const want = await e.outputs(parameters, masks[0], small, startState(1))
    expect(got.length).toBe(small.groups * small.steps * BANDS * 12 * LANES)
    expect(Math.max(...got.map((v, i) => Math.abs(v - want[i]!)))).toBeLessThan(tolerance.outputs)
  })

  test('a head wider than the tiles, and rows that no tile divides evenly, agree with the reference', async () => {
    const shape = parameterLayout(
      netConfigSchema.parse({ hidden: 48, headHidden: 48, conditioning: 32, density: { reset: 0.3, input: 0.9 } }),
    )
    const p = syntheticParameters(shape, 5)
    const members = [syntheticMasks(shape, 6)]
    const small = syntheticBatch(1, 30, 9)
    const gradient = new Float32Array(shape.size)
    const e = await engine(isa, 1, shape)
    await e.run(p, members, small, new Float32Array(48 * LANES), gradient)
    const reference = runReference(shape, p, members, small, new Float32Array(48 * LANES), true)
    expectGradient(gradient, reference.gradient!, shape)
  })

  test('blocks outside all masks get gradient 0, blocks inside do not', async () => {
    const { gradient } = await run(await engine(isa), masks, batch)
    for (const s of maskedSegments(layout)) {
      const kept = isKept(s, masks)
      const wrong = Array.from({ length: s.size }, (_, i) => s.offset + i).filter((i) => !kept(i) && gradient[i] !== 0)
      expect(wrong, s.name).toEqual([])
    }
    expect(gradient.some(Number.isNaN)).toBe(false)
  })

  test('the result is the same bit for bit for any number of threads', async () => {
    const one = await run(await engine(isa, 1), masks, batch)
    for (const threads of [2, 3, 8]) {
      const many = await run(await engine(isa, threads), masks, batch)
      expect(many).toEqual(one)
    }
  })

  test("a population's gradient is the mean of its members' and each loss is its own", async () => {
    const e = await engine(isa, 2)
    const both = await run(e, masks, batch)
    const state = startState(2)
    const half = state.length / 2
    const single = [
      await run(e, [masks[0]], batch, state.slice(0, half)),
      await run(e, [masks[1]], batch, state.slice(half)),
    ]
    expect([...both.losses]).toEqual(single.flatMap((s) => [...s.losses]))
    expect([...both.state]).toEqual(single.flatMap((s) => [...s.state]))
    const mean = single[0]!.gradient.map((v, i) => (v + single[1]!.gradient[i]!) / 2)
    expect(distance(both.gradient, mean)).toBeLessThan(1e-6)
  })

  test('pairs that share the batch see their own groups, and the gradient is the mean over all', async () => {
    const small = sliceBatch(batch, 0, 1)
    const four = [...masks, masks[1], masks[0]]
    const gradient = new Float32Array(layout.size)
    const state = startState(4, 1)
    const native = await (await engine(isa, 2)).run(parameters, four, small, state, gradient, { share: 'pairs' })
    const expectedState = startState(4, 1)
    const reference = runReference(layout, parameters, four, small, expectedState, true, undefined, undefined, {
      share: 'pairs',
    })
    expect(distance(native.losses, reference.losses)).toBeLessThan(tolerance.losses)
    expect([...native.counts]).toEqual([...reference.counts])
    expect(native.counts[0]! + native.counts[2]!).toBe(native.count)
    expect(distance(state, expectedState)).toBeLessThan(tolerance.state)
    expectGradient(gradient, reference.gradient!)
  })

  test('a dense gradient has the dropped blocks too and leaves the kept ones as they are', async () => {
    const small = sliceBatch(batch, 0, 1)
    const e = await engine(isa)
    const sparse = await run(e, [masks[0]], small)
    const gradient = new Float32Array(layout.size)
    await e.run(parameters, [masks[0]], small, startState(1), gradient, { denseGradient: true })
    const options = { denseGradient: true }
    const reference = runReference(
      layout,
      parameters,
      [masks[0]],
      small,
      startState(1),
      true,
      undefined,
      undefined,
      options,
    )
    expectGradient(gradient, reference.gradient!)
    for (const s of maskedSegments(layout)) {
      const kept = isKept(s, [masks[0]])
      let grown = 0
      for (let k = s.offset; k < s.offset + s.size; k++) {
        if (kept(k)) expect(gradient[k]).toBeCloseTo(sparse.gradient[k]!, 5)
        else if (gradient[k] !== 0) grown++
      }
      // A unit that nothing reads has none.
      expect(grown, s.name).toBeGreaterThan(s.size / 4)
    }
  })

  test('members may keep different numbers of blocks', async () => {
    const thin: MaskSet = new Map(
      maskedSegments(layout).map((s) => [
        s.name,
        masks[0].get(s.name)!.filter((_, i) => i % s.kept < Math.ceil(s.kept / 2)),
      ]),
    )
    const small = sliceBatch(batch, 0, 1)
    const gradient = new Float32Array(layout.size)
    await (await engine(isa)).run(parameters, [thin, masks[1]], small, startState(2), gradient)
    const reference = runReference(layout, parameters, [thin, masks[1]], small, startState(2), true)
    expectGradient(gradient, reference.gradient!)
  })

  test('60 steps give the losses and state of 30 + 30 steps with the state carried over', async () => {
    const e = await engine(isa)
    const whole = await run(e, [masks[0]], batch)
    const first = await run(e, [masks[0]], sliceBatch(batch, 0, 1))
    const second = await run(e, [masks[0]], sliceBatch(batch, 1, 2), first.state)
    expect(second.state).toEqual(whole.state)
    // The steps' losses are equal; only the order of a sum of 1920 of them differs.
    expect(
      distance(
        first.losses.map((v, b) => v + second.losses[b]!),
        whole.losses,
      ),
    ).toBeLessThan(1e-12)
  })

  test('a parameter that is not a number shows in the losses, so that a guard can see it', async () => {
    const e = await engine(isa)
    for (const name of ['gru.recurrent.update', 'gru.input.candidate', 'conditioning.1.weight', 'head.hidden']) {
      const s = layout.segments.find((v) => v.name === name)!
      const broken = parameters.slice().fill(Number.NaN, s.offset, s.offset + s.size)
      const { losses } = await e.run(broken, [masks[0]], sliceBatch(batch, 0, 1), startState(1), null)
      expect(losses.some(Number.isNaN), name).toBe(true)
    }
  })

  test('without a gradient the losses and the state are the same', async () => {
    const e = await engine(isa)
    const withGradient = await run(e, masks, batch)
    const state = startState(2)
    const { losses } = await e.run(parameters, masks, batch, state, null)
    expect(losses).toEqual(withGradient.losses)
    expect(state).toEqual(withGradient.state)
  })
})

const lacking = isas.includes('amx') ? '' : ' (skipped: this CPU or system has no AMX tiles of bf16)'
describe.skipIf(lacking !== '')(`native engine: bf16 products${lacking}`, () => {
  const shape = parameterLayout(netConfigSchema.parse({}))
  const large = syntheticBatch(1, 60, 4)
  const masked = [syntheticMasks(shape, 3)]
  const gradientOf = async (isa: string, denseGradient: boolean) => {
    const gradient = new Float32Array(shape.size)
    const state = new Float32Array(shape.config.hidden * LANES)
    const e = await engine(isa, 1, shape)
    await e.run(syntheticParameters(shape, 2), masked, large, state, gradient, { denseGradient })
    return gradient
  }

  test.each([false, true])(
    'the gradient of the default net has the length and direction of that in single precision (dense: %s)',
    async (dense) => {
      const [got, want] = [await gradientOf('amx', dense), await gradientOf('avx512', dense)]
      // Rounded products they are: a fall back to single precision would be nearer by a factor of a thousand.
      expect(turned(got, want)).toBeGreaterThan(1e-9)
      expect(turned(got, want)).toBeLessThan(1e-3)
      expect(Math.abs(Math.sqrt(product(got, got) / product(want, want)) - 1)).toBeLessThan(0.01)
    },
  )
})

test.skipIf(!built)('an unknown SPARSEWAVE_TRAIN_ISA is refused with the nearest name', async () => {
  process.env.SPARSEWAVE_TRAIN_ISA = 'baselime'
  await expect(createNativeEngine(layout, { threads: 1 })).rejects.toMatchObject({ code: 'KERNEL_UNKNOWN' })
  await expect(createNativeEngine(layout, { threads: 1 })).rejects.toThrow(/Did you mean 'baseline'/)
})

test.skipIf(!built)(
  'Adam clips by the global norm, corrects its moments, averages, and leaves all when the norm is not finite',
  () => {
    const n = 37
    const make = () => new Float32Array(n).map((_, i) => Math.cos(i))
    const gradient = new Float32Array(n).map((_, i) => Math.sin(i) * 3)
    const [p, m, v, a] = [make(), new Float32Array(n), new Float32Array(n), make()]
    const o = { rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clip: 1, average: 0.95 }
    const norm = Math.hypot(...gradient)
    // Textbook Adam (Kingma & Ba 2015) in double precision beside it.
    const w = { p: [...p], m: [...m], v: [...v], a: [...a] }
    for (let step = 1; step <= 3; step++) {
      expect(adamUpdate(p, gradient, m, v, a, { ...o, step })).toBeCloseTo(norm, 5)
      for (let i = 0; i < n; i++) {
        const g = gradient[i]! / norm
        w.m[i] = o.beta1 * w.m[i]! + (1 - o.beta1) * g
        w.v[i] = o.beta2 * w.v[i]! + (1 - o.beta2) * g * g
        const first = w.m[i]! / (1 - o.beta1 ** step)
        const second = w.v[i]! / (1 - o.beta2 ** step)
        w.p[i]! -= (o.rate * first) / (Math.sqrt(second) + o.epsilon)
        w.a[i] = o.average * w.a[i]! + (1 - o.average) * w.p[i]!
      }
    }
    expect(distance(p, w.p)).toBeLessThan(1e-6)
    expect(distance(a, w.a)).toBeLessThan(1e-6)
    const before = p.slice()
    gradient[5] = Number.POSITIVE_INFINITY
    expect(Number.isFinite(adamUpdate(p, gradient, m, v, a, { ...o, step: 4 }))).toBe(false)
    expect(p).toEqual(before)
  },
)
