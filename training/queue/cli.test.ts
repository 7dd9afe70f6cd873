/** `sparsewave jobs` as it is typed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Command } from 'commander'
import { afterAll, expect, test, vi } from 'vitest'
import { registerJobCommands } from './cli.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'jobs-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const queue = path.join(dir, 'jobs.sqlite')

/** Runs a command; gives what it printed. */
async function jobs(...argv: string[]): Promise<string> {
  const program = new Command().exitOverride()
  registerJobCommands(program)
  let out = ''
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += chunk
    return true
  })
  try {
    await program.parseAsync(['jobs', ...argv, '--queue', queue], { from: 'user' })
  } finally {
    spy.mockRestore()
  }
  return out
}

test('jobs are added, listed, shown and cancelled', async () => {
  const file = path.join(dir, 'job.yaml')
  writeFileSync(file, `task: sparse-wavernn\ncorpus: nowhere\nrun: ${path.join(dir, 'run')}\n`)
  expect(await jobs('list')).toContain('No jobs wait')
  expect(await jobs('add', 'train', file)).toContain('Job 1 is queued')
  expect(await jobs('add', 'study', 'mnist', '-o', dir)).toContain('Job 2 is queued')
  expect((await jobs('list')).trim().split('\n').slice(1)).toEqual([
    expect.stringMatching(/^1 +queued +0 % +train .*job\.yaml$/),
    expect.stringMatching(/^2 +queued +0 % +study mnist$/),
  ])
  const shown = await jobs('show', '1')
  expect(shown).toContain(path.join(dir, 'run'))
  expect(shown).toContain('corpus: nowhere')
  expect(JSON.parse(await jobs('show', '2', '--json'))).toMatchObject({ id: 2, state: 'queued', progress: 0 })
  expect(await jobs('logs', '2')).toBe('')
  expect(await jobs('cancel', '2')).toBe('Job 2 is cancelled.\n')
  expect(await jobs('cancel', '2')).toBe('Job 2 had ended: cancelled.\n')
  expect(await jobs('list')).not.toContain('mnist')
  expect(await jobs('list', '--all')).toMatch(/2 +cancelled/)
})

test('what is wrong is refused by name', async () => {
  await expect(jobs('show', '99')).rejects.toMatchObject({ code: 'JOB_UNKNOWN' })
  await expect(jobs('add', 'study', 'mnits')).rejects.toMatchObject({ code: 'JOB_INVALID' })
  await expect(jobs('add', 'train', path.join(dir, 'none.yaml'))).rejects.toMatchObject({ code: 'JOB_INVALID' })
})
