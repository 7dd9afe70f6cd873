/**
 * Training over MPI, with a real mpirun: ranks give the bits of workers, a rank that is killed ends the run without harm to its checkpoint,
 * and the run goes on with another number of ranks.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { addonFile } from '../../src/native-addon.ts'
import { TRAINING_ROOT } from '../../training/root.ts'
import { alone, mpirun, RankRuns, TRAINING, UPDATES } from '../../training/testing/rank-runs.ts'

const missing = [
  ['mpirun', spawnSync('mpirun', ['--version']).status === 0],
  ['the addon for MPI', existsSync(addonFile('ranks', TRAINING_ROOT))],
  ['the addon that trains', existsSync(addonFile('train', TRAINING_ROOT))],
].flatMap(([name, there]) => (there ? [] : [name]))
const name = missing.length === 0 ? 'ranks' : `ranks (skipped: ${missing.join(', ')} not there)`

describe.skipIf(missing.length > 0)(name, () => {
  let runs: RankRuns
  beforeAll(async () => {
    runs = new RankRuns()
    await runs.train(alone, runs.jobFile('workers', { workers: 2 }))
  })
  afterAll(() => runs.remove())

  test.each([1, 2, 4])('%i give the weights, masks, states and log of worker processes, bit for bit', async (ranks) => {
    const run = `ranks-${ranks}`
    const said = await runs.train(mpirun(ranks), runs.jobFile(run))
    expect(said).toContain(`Training with ${ranks} rank${ranks === 1 ? '' : 's'} on 1 host.`)
    expect(runs.outcome(run)).toEqual(runs.outcome('workers'))
    const log = runs.log(run)
    expect(log.map(({ entry }) => entry)).toEqual(runs.log('workers').map(({ entry }) => entry))
    for (const { sentBytes } of log) expect(sentBytes! > 0).toBe(ranks > 1)
  })

  test('one that is killed ends the run; it goes on with another number, as if nothing had happened', async () => {
    const file = runs.jobFile('killed')
    for (const [ranks, victim] of [
      [3, 1],
      [2, 0],
    ] as const) {
      const { child, said } = runs.start(mpirun(ranks), file, '--resume')
      const close = runs.atChange('killed', 12, () => process.kill(runs.pids(file).get(victim)!, 'SIGKILL'))
      await once(child, 'close')
      close()
      expect(child.exitCode).not.toBe(0)
      expect(said()).toMatch(/start it again with --resume, with any number of ranks/)
      expect(said()).toMatch(/mpirun (noticed|detected)|Primary job/)
      await vi.waitFor(() => expect(runs.pids(file)).toEqual(new Map()), 10_000)
      // Whole by its checksum.
      expect(runs.checkpoint('killed').update).toBeGreaterThan(0)
    }
    expect(runs.checkpoint('killed').update).toBeLessThan(UPDATES)
    await runs.train(mpirun(4), file, '--resume')
    expect(runs.outcome('killed')).toEqual(runs.outcome('workers'))
  })

  test('mpirun that is told to end leaves a checkpoint, and one process goes on from it', async () => {
    // mpirun takes about a second to pass the signal on.
    const longer = { training: { ...TRAINING, updates: 5 * UPDATES }, checkpoint: { minutes: 100 } }
    const file = runs.jobFile('stopped', longer)
    const { child } = runs.start(mpirun(2), file)
    const close = runs.atChange('stopped', 1, () => child.kill('SIGTERM'))
    await once(child, 'close')
    close()
    expect(runs.checkpoint('stopped').update).toBeGreaterThan(0)
    expect(runs.checkpoint('stopped').update).toBeLessThan(5 * UPDATES)
    await runs.train(alone, runs.jobFile('stopped', { ...longer, workers: 1 }), '--resume')
    expect(runs.checkpoint('stopped').update).toBe(5 * UPDATES)
  })

  test('that all meet the same fault tell it once, and what to do', async () => {
    const { child, said } = runs.start(mpirun(3), runs.jobFile('refused', { corpus: join(runs.dir, 'nowhere') }))
    await once(child, 'close')
    expect(child.exitCode).not.toBe(0)
    expect(said().match(/nowhere/g)).toHaveLength(1)
    const acoustic = join(runs.dir, 'acoustic.yaml')
    writeFileSync(acoustic, JSON.stringify({ task: 'acoustic', corpus: runs.dir, run: join(runs.dir, 'acoustic') }))
    const other = runs.start(mpirun(2), acoustic)
    await once(other.child, 'close')
    expect(other.said()).toMatch(/trains in one process.*[\s\S]*Start it without mpirun/)
  })
})

test('without mpirun the addon for MPI is not loaded', () => {
  const script = `
    const { withRanks } = await import(${JSON.stringify(join(TRAINING_ROOT, 'dist/ranks/index.js'))})
    await withRanks(async (ranks) => console.log(String(ranks)))
    console.log(process.report.getReport().sharedObjects.filter((f) => /libmpi|ranks\\.node/.test(f)).length)`
  const { OMPI_COMM_WORLD_SIZE: _, ...env } = process.env
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' })
  expect(stdout).toBe('undefined\n0\n')
})
