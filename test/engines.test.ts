/** A job moves between engines at a checkpoint: the trajectory goes on as if it had not. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { main } from '../src/cli/main.ts'
import { nativeProducts, singlePrecisionIsa } from '../training/engines/native.ts'
import { type OpenDevice, openDevice } from '../training/engines/webgpu/device.ts'
import { CHECKPOINT_FILE } from '../training/net/checkpoint-files.ts'
import type { Progress } from '../training/net/context.ts'
import { readCheckpoint } from '../training/tasks/sparse-wavernn/checkpoint.ts'
import { sparseWavernnJobSchema } from '../training/tasks/sparse-wavernn/job.ts'
import { TINY_NET, writeMadeUpCorpus } from '../training/tasks/sparse-wavernn/testing.ts'
import { trainSparseWavernn } from '../training/tasks/sparse-wavernn/train.ts'
import { nameSoftwareGpu } from './support/chromium.ts'

/** Devices that engines have opened, so that a test can take them away. */
const opened = vi.hoisted((): OpenDevice[] => [])
vi.mock(import('../training/engines/webgpu/device.ts'), async (original) => {
  const module = await original()
  const openDevice = async () => {
    opened.push(await module.openDevice())
    return opened.at(-1)!
  }
  return { ...module, openDevice }
})

nameSoftwareGpu()
const missing = await openDevice().then(
  ({ device }) => device.destroy(),
  (error: Error) => error.message,
)
const built = nativeProducts() !== undefined

const dir = mkdtempSync(join(tmpdir(), 'engines-'))
const corpus = join(dir, 'corpus')
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const [MOVED_AT, UPDATES] = [200, 203]
const given = (run: string) => ({
  task: 'sparse-wavernn',
  corpus,
  run: join(dir, run),
  cache: join(dir, 'cache'),
  engine: 'native',
  threads: 1,
  net: { ...TINY_NET, hidden: 16 },
  training: { updates: UPDATES, lanes: 16, steps: 30, warmup: 20, learningRate: 4e-3, average: 0.9 },
  checkpoint: { minutes: 60 },
})
const checkpointOf = (run: string) => readCheckpoint(join(dir, run, CHECKPOINT_FILE))
const lastLoss = (run: string): number =>
  JSON.parse(
    readFileSync(join(dir, run, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .at(-1)!,
  ).loss

function distance(a: Float32Array, b: Float32Array): number {
  const norm = Math.hypot(...b)
  return Math.hypot(...a.map((v, i) => v - b[i]!)) / norm
}

/** Goes on with a copy of the run `begun`. */
async function goOn(run: string, engine: string): Promise<number> {
  cpSync(join(dir, 'begun'), join(dir, run), { recursive: true })
  const file = join(dir, `${run}.yaml`)
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(given(run)))
  return main(['train', file, '--resume', '--engine', engine])
}

const title = `a job begun on the native engine${built ? '' : ' (skipped: build/native/train.node is not built)'}`
describe.skipIf(!built)(title, () => {
  beforeAll(async () => {
    // The other engines' products are in single precision.
    vi.stubEnv('SPARSEWAVE_TRAIN_ISA', singlePrecisionIsa())
    writeMadeUpCorpus(corpus, 5, 0.06)
    const stop = new AbortController()
    const report = (p: Progress) => p.stage === 'train' && p.done === MOVED_AT && stop.abort()
    await trainSparseWavernn(sparseWavernnJobSchema.parse(given('begun')), {
      ...{ resume: false, minutes: undefined, signal: stop.signal, report, warn: () => {} },
    })
    expect(await goOn('native', 'native')).toBe(0)
  })

  test.for([
    ['webgpu', missing],
    ['tfjs', undefined],
  ] as const)('goes on with %s where it was, to where it would have come', async ([engine, unusable], { skip }) => {
    skip(unusable !== undefined, unusable ?? '')
    expect(await goOn(engine, engine)).toBe(0)
    const [at, stays, moves] = [checkpointOf('begun'), checkpointOf('native'), checkpointOf(engine)]
    expect(at.update).toBe(MOVED_AT)
    expect(moves.update).toBe(UPDATES)
    expect(moves.smoothed).not.toBe(at.smoothed)
    expect(moves.smoothed).toBeCloseTo(stays.smoothed!, 5)
    const moved = distance(at.parameters, stays.parameters)
    expect(moved).toBeGreaterThan(1e-4)
    expect(distance(moves.parameters, stays.parameters)).toBeLessThan(moved / 100)
    expect(distance(moves.state, stays.state)).toBeLessThan(1e-4)
    // Validation, on whole recordings.
    expect(lastLoss(engine)).toBeCloseTo(lastLoss('native'), 4)
    expect(moves.batches).toEqual(stays.batches)
  })

  test('loses its device: goes back to the last checkpoint and ends with the same bits', async ({ skip }) => {
    skip(missing !== undefined, missing ?? '')
    // Weights stay on the device between hybrid-es's moves of the masks, of which there is one.
    const job = (run: string) => {
      const masks = { method: 'hybrid-es', pairs: 1, accumulate: 6 }
      const training = { ...given(run).training, updates: 9, warmup: 0 }
      return sparseWavernnJobSchema.parse({ ...given(run), engine: 'webgpu', masks, training })
    }
    const train = async (run: string, stopAt: number, loseAt?: number) => {
      const stop = new AbortController()
      const warnings: string[] = []
      const report = ({ stage, done }: Progress) => {
        if (stage === 'train' && done === stopAt) stop.abort()
        if (stage === 'train' && done === loseAt && warnings.length === 0) opened.at(-1)!.device.destroy()
      }
      const warn = (message: string) => warnings.push(message)
      const resume = run === 'whole' || stopAt > 2
      await trainSparseWavernn(job(run), { resume, minutes: undefined, signal: stop.signal, report, warn })
      return warnings
    }
    await train('whole', 2)
    cpSync(join(dir, 'whole'), join(dir, 'losing'), { recursive: true })
    await train('whole', 9)
    const warnings = await train('losing', 9, 5)
    expect(warnings.filter((w) => /was lost/.test(w))).toEqual([
      expect.stringMatching(/going on from update 2\./),
      expect.stringMatching(/opening it again/),
    ])
    expect(checkpointOf('losing').update).toBe(9)
    for (const name of ['parameters', 'first', 'second', 'average', 'state', 'smoothed', 'masks'] as const)
      expect(checkpointOf('losing')[name], name).toEqual(checkpointOf('whole')[name])
  })

  test('is refused an engine that does not exist', async () => {
    expect(await goOn('refused', 'webgpv')).toBe(2)
  })
})
