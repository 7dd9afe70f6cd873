/** Data parallel over worker processes: any number of them gives the same bits, which are the engine's own up to rounding. */

import { existsSync } from 'node:fs'
import { addonFile } from 'sparsewave/internal/native-addon'
import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { afterAll, describe, expect, test } from 'vitest'
import { type Engine, LANES, memberGroups, type StepOptions } from '../net/engine.ts'
import { parameterLayout } from '../net/vocoder-layout.ts'
import { TRAINING_ROOT } from '../root.ts'
import { createEngine } from './index.ts'
import { createParallelEngine } from './parallel.ts'
import { syntheticBatch, syntheticMasks, syntheticParameters } from './synthetic.ts'

const built = existsSync(addonFile('train', TRAINING_ROOT))
const layout = parameterLayout(netConfigSchema.parse({ hidden: 32, headHidden: 16, conditioning: 16 }))
const parameters = syntheticParameters(layout, 2)

// Workers take a while to start and keep nothing, so that tests can share them.
const opened = new Map<number, ReturnType<typeof createParallelEngine>>()
afterAll(async () => {
  for (const engine of opened.values()) (await engine).close()
})
function parallel(workers: number) {
  const engine = opened.get(workers) ?? createParallelEngine('native', layout, { workers })
  opened.set(workers, engine)
  return engine
}

async function run(engine: Engine, members: number, groups: number, options: StepOptions) {
  const masks = Array.from({ length: members }, (_, m) => syntheticMasks(layout, m))
  const batch = syntheticBatch(groups, 30, 3)
  const [, seen] = memberGroups(0, members, groups, options)
  const state = new Float32Array(members * seen * 32 * LANES).map((_, i) => Math.sin(i * 0.7) * 0.8)
  const gradient = new Float32Array(layout.size).fill(Number.NaN)
  const { losses, counts, count } = await engine.run(parameters, masks, batch, state, gradient, options)
  return { losses: [...losses], counts: [...counts], count, state, gradient }
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let difference = 0
  let norm = 0
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    norm += b[i]! ** 2
  }
  return Math.sqrt(difference / norm)
}

describe.skipIf(!built)('data parallel', () => {
  test.each([
    ['one member over 5 groups', 1, 5, {}],
    ['a population that sees all groups', 4, 3, {}],
    ['mirrored pairs that share the groups', 6, 6, { share: 'pairs' }],
    ['dense gradients', 2, 3, { denseGradient: true }],
  ] as const)('of %s: 1, 2 and 3 workers give the same bits', async (_, members, groups, options) => {
    const alone = await run(await createEngine('native', layout, { threads: 1 }), members, groups, options)
    const one = await run(await parallel(1), members, groups, options)
    for (const workers of [2, 3]) {
      const many = await run(await parallel(workers), members, groups, options)
      expect(many).toEqual(one)
    }
    // Another order of sums.
    expect(distance(one.gradient, alone.gradient)).toBeLessThan(1e-5)
    expect(distance(one.losses, alone.losses)).toBeLessThan(1e-12)
    expect(one.state).toEqual(alone.state)
    expect(one.counts).toEqual(alone.counts)
    expect(one.count).toBe(alone.count)
  })

  test('losses alone need no gradient', async () => {
    const engine = await parallel(2)
    const batch = syntheticBatch(3, 30, 3)
    const state = new Float32Array(3 * 32 * LANES)
    const masks = [syntheticMasks(layout, 0)]
    const { losses } = await engine.run(parameters, masks, batch, state.slice(), null)
    const own = await createEngine('native', layout, { threads: 1 })
    const { losses: expected } = await own.run(parameters, masks, batch, state.slice(), null)
    expect(distance(losses, expected)).toBeLessThan(1e-12)
  })

  test('a worker that is killed, idle or at work, is started again and changes nothing', async () => {
    const engine = await parallel(2)
    const before = await run(engine, 2, 4, {})
    engine.processes[0]!.kill('SIGKILL')
    expect(await run(engine, 2, 4, {})).toEqual(before)
    const pending = run(engine, 2, 4, {})
    engine.processes[1]!.kill('SIGKILL')
    expect(await pending).toEqual(before)
  })

  test('an engine that does not exist is refused', async () => {
    await expect(createParallelEngine('nativ', layout, { workers: 2 })).rejects.toMatchObject({ code: 'JOB_INVALID' })
  })
})
