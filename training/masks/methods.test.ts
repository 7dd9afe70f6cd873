/**
 * Every method on a small linear task whose right columns are known, through the portable engine: outputs are 16 rows made from
 * 3 of 12 inputs by random weights.
 */

import { Random } from 'sparsewave/internal/random'
import { describe, expect, test } from 'vitest'
import { createNetEngine, type NetTask, toLanes } from '../engines/net.ts'
import { adamUpdate } from '../net/adam.ts'
import { LANES, type PopulationEngine } from '../net/engine.ts'
import { layOut, maskedSegments } from '../net/layout.ts'
import { checkMask, type MaskMethod } from '../net/mask.ts'
import { createUpdates } from '../net/updates.ts'
import { createMasks, MASK_METHODS } from './index.ts'

const COLUMNS = 12
const RIGHT = [2, 5, 11]
const layout = layOut([{ name: 'w', rows: 16, columns: COLUMNS, fanIn: 3, kept: 3 }])
const denseLayout = layOut([{ name: 'w', rows: 16, columns: COLUMNS, fanIn: COLUMNS, kept: COLUMNS }])

interface Pairs {
  readonly x: Float32Array
  readonly y: Float32Array
}

const task = (of: typeof layout): NetTask<Pairs> => ({
  layout: of,
  groups: ({ x }) => x.length / (COLUMNS * 16),
  evaluate(net, batch, from, groups) {
    const x = batch.x.subarray(from * COLUMNS * 16, (from + groups) * COLUMNS * 16)
    const error = new Float32Array(groups * 256)
    net.matrix('w').forward(x, error)
    let loss = 0
    for (let i = 0; i < error.length; i++) {
      error[i]! -= batch.y[from * 256 + i]!
      loss += error[i]! ** 2 / 2
    }
    net.matrix('w').accumulate(x, error)
    return { losses: [loss], count: groups * 16 }
  },
})

const truth = (() => {
  const random = new Random(9)
  return Array.from({ length: 16 }, () => RIGHT.map(() => random.normal()))
})()

function batchOf(step: number): Pairs {
  const random = new Random(7, step)
  const x = new Float32Array(64 * COLUMNS).map(() => random.normal())
  const y = new Float32Array(64 * 16)
  for (let e = 0; e < 64; e++)
    for (let r = 0; r < 16; r++) y[e * 16 + r] = RIGHT.reduce((s, c, k) => s + truth[r]![k]! * x[e * COLUMNS + c]!, 0)
  return { x: toLanes(x, COLUMNS), y: toLanes(y, 16) }
}

const OPTIONS: Record<string, object> = {
  'hybrid-es': { sigma: 0.5, rate: 1, accumulate: 10, freeze: 0.8 },
  'magnitude-pruning': { every: 10 },
  'policy-es': { every: 20, end: 0.6 },
  set: { every: 20, fraction: 0.7 },
  rigl: { every: 20, fraction: 0.7 },
  deepr: { every: 5, pull: 0.03, noise: 0.01 },
  'hard-concrete': { rate: 0.05 },
  gumbel: { rate: 0.02, temperature: 0.5 },
}

interface RunState {
  readonly weights: Record<'parameters' | 'first' | 'second' | 'average', Float32Array>
  readonly masks: ReturnType<MaskMethod['state']>
}

/** An engine with a device of its own memory; counts the updates that stay there. */
function withDevice(engine: PopulationEngine<Pairs>) {
  const none = new Float32Array(0)
  const names = ['parameters', 'first', 'second', 'average'] as const
  let own: RunState['weights'] | undefined
  const counted = { updates: 0 }
  const resident: PopulationEngine<Pairs>['resident'] = {
    async upload(weights) {
      own = structuredClone({ ...weights })
      // What is read of the host's by mistake shows.
      for (const name of names) weights[name].fill(Number.NaN)
    },
    async update(members, batch, _, adam, options) {
      counted.updates++
      const { parameters, first, second, average } = own!
      const gradient = new Float32Array(parameters.length)
      const result = await engine.run(parameters, members, batch, none, gradient, options)
      return { ...result, norm: adamUpdate(parameters, gradient, first, second, average, adam) }
    },
    async download(weights) {
      for (const name of names) weights[name].set(own![name])
    },
  }
  return { engine: { ...engine, resident }, counted }
}

/** Trains from `from` to `to` of `total` updates; without `state` anew. */
async function train(
  name: string,
  total: number,
  options = OPTIONS[name],
  from = 0,
  to = total,
  state?: RunState,
  engineOf: (engine: PopulationEngine<Pairs>) => PopulationEngine<Pairs> = (engine) => engine,
) {
  const of = name === 'dense' ? denseLayout : layout
  const engine = engineOf(createNetEngine(task(of)))
  const matrices = maskedSegments(of)
  const masks = createMasks(name, { matrices, seed: 1 }, options)
  const random = new Random(3)
  const parameters = new Float32Array(of.size).map(() => 0.3 * random.normal())
  const zeros = () => new Float32Array(of.size)
  const weights = state?.weights ?? { parameters, first: zeros(), second: zeros(), average: parameters.slice() }
  if (state) masks.restore(state.masks)
  const groups = 64 / LANES
  const updates = createUpdates(engine, { layout: of, masks, weights, state: new Float32Array(0), groups })
  let loss = Number.NaN
  for (let step = from; step < to; step++) {
    const at = { step, progress: step / total }
    const { losses, counts, feedback } = await updates.update(at, batchOf(step), {
      rate: 0.03,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      clip: 100,
      average: 0.9,
      step: step + 1,
    })
    loss = losses.reduce((a, b) => a + b, 0) / counts.reduce((a, b) => a + b, 0)
    masks.update(at, feedback(losses.map((l, m) => l / counts[m]!)))
  }
  await updates.fetch()
  const { parameters: p, first, second, average } = weights
  return {
    loss,
    final: masks.final(),
    telemetry: masks.telemetry?.() ?? {},
    state: structuredClone({ weights: { parameters: p, first, second, average }, masks: masks.state() }),
    matrices,
  }
}

describe.each(MASK_METHODS)('%s', (name) => {
  test('ends with masks of the wanted density', async () => {
    const { final, matrices } = await train(name, 300)
    for (const m of matrices) expect(() => checkMask(final.get(m.name)!, m)).not.toThrow()
  })

  test('a run that was stopped and restored ends with the same bits', async () => {
    const whole = await train(name, 100)
    const half = await train(name, 100, OPTIONS[name], 0, 47)
    const rest = await train(name, 100, OPTIONS[name], 47, 100, half.state)
    expect(rest.state).toEqual(whole.state)
  })
})

test.each([
  ['random', {}, 100],
  ['dense', {}, 100],
  ['magnitude-pruning', {}, 96],
  ['set', {}, 97],
  ['rigl', {}, 97],
  ['deepr', {}, 85],
  ['hard-concrete', {}, 0],
  ['gumbel', {}, 0],
  ['hybrid-es', {}, 91],
  ['hybrid-es', { warmStart: 0.2 }, 74],
  ['hybrid-es', { guided: 0.2 }, 20],
  ['hybrid-es', { share: 'turns', accumulate: 8, choose: 'movement' }, 88],
  ['hybrid-es', { proposals: 'gradient', window: 20, fraction: 1 }, 95],
])(
  '%s %o on a device that keeps weights does what it does on the host; so many of 100 updates stay there',
  async (name, extra, stay) => {
    const options = { ...OPTIONS[name], ...extra }
    const want = await train(name, 100, options)
    const devices: ReturnType<typeof withDevice>[] = []
    const got = await train(name, 100, options, 0, 100, undefined, (engine) => {
      devices.push(withDevice(engine))
      return devices[0]!.engine
    })
    expect(got).toEqual(want)
    expect(devices[0]!.counted.updates).toBe(stay)
  },
)

test.each(MASK_METHODS.filter((m) => !['random', 'dense'].includes(m)))('%s finds the right blocks', async (name) => {
  const { final, loss } = await train(name, 800)
  expect([...final.get('w')!]).toEqual(RIGHT)
  expect(loss).toBeLessThan(0.05)
})

test.each([
  { proposals: 'gradient', window: 20, fraction: 1, settle: 0.5 },
  { sampler: 'orthogonal' },
  { share: 'all', sigma: 0.8 },
  { warmStart: 0.1 },
])('hybrid ES with %o finds the right blocks', async (extra) => {
  const { final, telemetry } = await train('hybrid-es', 800, { ...OPTIONS['hybrid-es'], ...extra })
  expect([...final.get('w')!]).toEqual(RIGHT)
  expect(telemetry.churn).toBeGreaterThanOrEqual(0)
  expect(telemetry.magnitudeOverlap).toBe(1)
})

test.each([0, 1])('hybrid ES in turns with rate %d keeps the right blocks by how far they moved', async (rate) => {
  const turns = { share: 'turns', choose: 'movement', sigma: 1, rate, accumulate: 8, freeze: 0.4 }
  const { final, loss, telemetry } = await train('hybrid-es', 800, turns)
  expect([...final.get('w')!]).toEqual(RIGHT)
  expect(loss).toBeLessThan(0.05)
  expect(telemetry.chosenOverlap).toBeGreaterThanOrEqual(0)
})

test('hybrid ES resumes exactly with surrogate gradients, with candidates in question, within a turn and after a choice', async () => {
  for (const extra of [
    { guided: 0.2 },
    { proposals: 'gradient', window: 20, fraction: 1 },
    { hold: 4 },
    { share: 'turns', accumulate: 8 },
    { share: 'turns', choose: 'movement', freeze: 0.3 },
    { share: 'turns', choose: 'movement', freeze: 0.8, only: 'w' },
  ]) {
    const options = { ...OPTIONS['hybrid-es'], ...extra }
    const whole = await train('hybrid-es', 100, options)
    const half = await train('hybrid-es', 100, options, 0, 47)
    expect((await train('hybrid-es', 100, options, 47, 100, half.state)).state, JSON.stringify(extra)).toEqual(
      whole.state,
    )
  }
})

test('an option that a method does not have is refused with the nearest', () => {
  const matrices = maskedSegments(layout)
  expect(() => createMasks('hybrid-es', { matrices, seed: 1 }, { sigme: 1 })).toThrow(/`sigme`.*Did you mean `sigma`/)
  expect(() => createMasks('dense', { matrices, seed: 1 })).toThrow(/lower density/)
})
