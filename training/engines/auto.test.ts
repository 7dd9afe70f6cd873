import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { nameSoftwareGpu } from 'sparsewave/internal/testing/chromium'
import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { describe, expect, test } from 'vitest'
import { createMasks } from '../masks/index.ts'
import type { Engine } from '../net/engine.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import { sparseWavernnJobSchema } from '../tasks/sparse-wavernn/job.ts'
import { trialUpdates } from '../tasks/sparse-wavernn/trial.ts'
import { type ChooseOptions, chooseEngine, engineCandidates } from './auto.ts'
import { createEngine } from './index.ts'
import { nativeProducts } from './native.ts'
import { findAdapterInUse } from './webgpu/device.ts'

nameSoftwareGpu()

/** Engines whose updates take so many milliseconds each. */
function madeUp(milliseconds: Record<string, number>, over: Partial<ChooseOptions> = {}) {
  const ran: string[] = []
  const closed: string[] = []
  const told: string[] = []
  let clock = 0
  const options: ChooseOptions = {
    run: path.join(mkdtempSync(path.join(tmpdir(), 'auto-')), 'run'),
    resume: false,
    job: { lanes: 16 },
    candidates: Object.keys(milliseconds),
    create: async (name) => ({ name: `the ${name}`, close: () => closed.push(name) }) as unknown as Engine,
    start: ({ name }) => {
      const own = name.slice('the '.length)
      return async () => {
        ran.push(own)
        clock += milliseconds[own]!
      }
    },
    report: (message) => told.push(message),
    now: () => clock,
    ...over,
  }
  return { options, ran, closed, told }
}
const chosenIn = (run: string) => JSON.parse(readFileSync(path.join(run, 'engine.json'), 'utf8'))

describe('the choice', () => {
  test('is the faster of two, told and kept; a slow one is not timed to the end', async () => {
    const { options, ran, closed, told } = madeUp({ native: 5, webgpu: 50 })
    const choice = await chooseEngine(options)
    expect(choice.engine).toBe('native')
    expect(ran.filter((name) => name === 'native')).toHaveLength(4)
    expect(ran.filter((name) => name === 'webgpu')).toHaveLength(2)
    expect(closed).toEqual(['native', 'webgpu'])
    expect(told).toEqual([
      expect.stringMatching(/^Training on native; .*the native 0\.00500 s, the webgpu 0\.0500 s\.$/),
    ])
    expect(chosenIn(options.run)).toEqual(choice)
    expect((await chooseEngine(madeUp({ native: 50, webgpu: 5 }).options)).engine).toBe('webgpu')
  })

  test('stays when a run is resumed; another job, a new run or a damaged file are measured', async () => {
    const first = madeUp({ native: 20, webgpu: 1 })
    const { run } = first.options
    expect((await chooseEngine(first.options)).engine).toBe('webgpu')
    const again = (over: object, times = { native: 1, webgpu: 20 }) => madeUp(times, { run, resume: true, ...over })
    const resumed = again({})
    expect((await chooseEngine(resumed.options)).engine).toBe('webgpu')
    expect(resumed.ran).toEqual([])
    expect((await chooseEngine(again({ job: { lanes: 32 } }).options)).engine).toBe('native')
    await chooseEngine(first.options)
    expect((await chooseEngine(again({ resume: false }).options)).engine).toBe('native')
    writeFileSync(path.join(run, 'engine.json'), '{"engine":"web')
    expect((await chooseEngine(again({}, { native: 20, webgpu: 1 }).options)).engine).toBe('webgpu')
  })

  test('is not measured where there is none; an engine that is not there any more is not kept', async () => {
    const first = madeUp({ native: 20, webgpu: 1 })
    await chooseEngine(first.options)
    const { options, ran } = madeUp({ native: 1 }, { run: first.options.run, resume: true })
    expect((await chooseEngine(options)).engine).toBe('native')
    expect((await chooseEngine(madeUp({ webgpu: 1 }).options)).engine).toBe('webgpu')
    expect((await chooseEngine(madeUp({}).options)).engine).toBe('native')
    expect(ran).toEqual([])
  })

  test('falls to the other where one cannot train the job; where none can, the first one says why', async () => {
    const broken = (...names: string[]) => ({
      create: async (name: string) => {
        if (names.includes(name)) throw new Error(`${name} is too small.`)
        return { name, close() {} } as unknown as Engine
      },
      start: () => async () => {},
    })
    const one = madeUp({ native: 1, webgpu: 1 }, broken('webgpu'))
    expect((await chooseEngine(one.options)).engine).toBe('native')
    expect(one.told[0]).toBe('webgpu is not considered: webgpu is too small.')
    await expect(chooseEngine(madeUp({ native: 1, webgpu: 1 }, broken('native', 'webgpu')).options)).rejects.toThrow(
      'native is too small.',
    )
  })
})

const adapter = await findAdapterInUse()
const title = `with the adapter here${adapter ? '' : ' (skipped: there is none)'}`
describe.skipIf(!adapter || !nativeProducts())(title, () => {
  test('a software device is no candidate, and timed all the same it loses to the native engine', async () => {
    const candidates = await engineCandidates()
    expect(candidates[0]).toBe('native')
    expect(candidates.includes('webgpu')).toBe(!adapter!.software)
    if (!adapter!.software) return
    const net = netConfigSchema.parse({ hidden: 32, headHidden: 16, conditioning: 16 })
    const layout = parameterLayout(net)
    const training = { lanes: 16, steps: 30 }
    const job = sparseWavernnJobSchema.parse({ task: 'sparse-wavernn', corpus: '.', run: '.', net, training })
    const { options } = madeUp({}, {})
    const choice = await chooseEngine({
      ...options,
      now: () => performance.now(),
      candidates: ['native', 'webgpu'],
      create: (name) => createEngine(name, layout, { threads: 1 }),
      start: (engine) =>
        trialUpdates(job, engine, createMasks('random', { matrices: maskedSegments(layout), seed: 1 })),
    })
    expect(choice.engine).toBe('native')
    expect(choice.seconds.webgpu).toBeGreaterThan(2 * choice.seconds.native!)
  })
})
