/**
 * Training on two hosts, which are network namespaces of this machine (scripts/two-hosts.sh): the bits of one, and what a host's death
 * leaves.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { addonFile } from '../../src/native-addon.ts'
import { PACKAGE_ROOT } from '../../src/root.ts'
import { TRAINING_ROOT } from '../../training/root.ts'
import { alone, RankRuns, UPDATES } from '../../training/testing/rank-runs.ts'

const runs = (...command: string[]) => spawnSync(command[0]!, command.slice(1)).status === 0
const PROBE = 'spw-probe'
const missing = [
  ['mpirun', runs('mpirun', '--version')],
  ['the addon for MPI', existsSync(addonFile('ranks', TRAINING_ROOT))],
  ['the addon that trains', existsSync(addonFile('train', TRAINING_ROOT))],
  ['the right to add network namespaces', runs('ip', 'netns', 'add', PROBE) && runs('ip', 'netns', 'delete', PROBE)],
].flatMap(([name, there]) => (there ? [] : [name]))
const name = missing.length === 0 ? 'two hosts' : `two hosts (skipped: ${missing.join(', ')} not there)`
const onHosts = (ranks: number) => [join(PACKAGE_ROOT, 'scripts/two-hosts.sh'), `${ranks}`]

describe.skipIf(missing.length > 0)(name, () => {
  let trainings: RankRuns
  beforeAll(async () => {
    trainings = new RankRuns()
    await trainings.train(alone, trainings.jobFile('workers', { workers: 2 }))
  })
  afterAll(() => trainings.remove())

  test.each([1, 2])('with %i ranks each give the bits of worker processes', async (ranks) => {
    const run = `hosts-${ranks}`
    const said = await trainings.train(onHosts(ranks), trainings.jobFile(run))
    expect(said).toContain(`Training with ${2 * ranks} ranks on 2 hosts.`)
    expect(trainings.outcome(run)).toEqual(trainings.outcome('workers'))
    expect(trainings.log(run).map(({ entry }) => entry)).toEqual(trainings.log('workers').map(({ entry }) => entry))
  })

  test('one that dies ends the run, and the other one goes on from its checkpoint', async () => {
    const file = trainings.jobFile('host-died')
    const { child } = trainings.start(onHosts(2), file)
    // Ranks 2 and 3 are the other host's.
    const close = trainings.atChange('host-died', 12, () => {
      const pids = trainings.pids(file)
      for (const rank of [2, 3]) process.kill(pids.get(rank)!, 'SIGKILL')
    })
    await once(child, 'close')
    close()
    expect(child.exitCode).not.toBe(0)
    await vi.waitFor(() => expect(trainings.pids(file)).toEqual(new Map()), 10_000)
    const { update } = trainings.checkpoint('host-died')
    expect(update).toBeGreaterThan(0)
    expect(update).toBeLessThan(UPDATES)
    await trainings.train(alone, trainings.jobFile('host-died', { workers: 1 }), '--resume')
    expect(trainings.outcome('host-died')).toEqual(trainings.outcome('workers'))
  })
})
