/** The queue: what it keeps, what a kill at any instant leaves, and its runner. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Random } from 'sparsewave/internal/random'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Task } from '../jobs/job.ts'
import { TRAINING_ROOT } from '../root.ts'
import { after, countingTask, readCount } from '../testing/counting-task.ts'
import { addStudyJob, addTrainJob, openQueue, type Queue, runQueue, workOn } from './index.ts'

const WORKER = path.join(TRAINING_ROOT, 'dist/testing/queue-worker.js')
const never = new AbortController().signal
const tasks = [countingTask as unknown as Task]

const dir = mkdtempSync(path.join(tmpdir(), 'queue-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
let made = 0
const opened: Queue[] = []
beforeEach(() => void vi.spyOn(process.stderr, 'write').mockReturnValue(true))
afterEach(() => {
  vi.restoreAllMocks()
  for (const queue of opened.splice(0)) queue.close()
})
async function open(file = path.join(dir, `${++made}`, 'jobs.sqlite')): Promise<Queue> {
  const queue = await openQueue(file)
  opened.push(queue)
  return queue
}

/** Adds the training of a counting job in a folder of its own. */
function add(queue: Queue, name: string, updates = 20, dies?: number, resume = false): number {
  const folder = path.dirname(queue.file)
  // JSON is YAML.
  const job = { task: 'count', run: path.join(folder, name), updates, dies }
  writeFileSync(path.join(folder, `${name}.yaml`), JSON.stringify(job))
  return addTrainJob(queue, `${name}.yaml`, { tasks, resume, folder })
}
const runOf = (queue: Queue, name: string) => path.join(path.dirname(queue.file), name)
const work = (queue: Queue, id: number, signal = never, others: readonly Task[] = []) =>
  workOn(queue, id, { tasks: [...others, ...tasks], studies: [] }, { signal })

test('a job is queued, runs, and is done; its text is what it was when it was added', async () => {
  const queue = await open()
  const id = add(queue, 'a', 12)
  writeFileSync(path.join(path.dirname(queue.file), 'a.yaml'), 'task: count\nrun: elsewhere\nupdates: 1\n')
  expect(queue.list({ all: false })).toMatchObject([{ id, name: 'train a.yaml', state: 'queued', progress: 0 }])
  expect(await work(queue, id)).toBe('done')
  expect(readCount(runOf(queue, 'a'))).toEqual(after(12))
  expect(queue.job(id)).toMatchObject({ state: 'done', progress: 1, error: undefined, interrupted: false })
  expect(queue.list({ all: false })).toEqual([])
  expect(await work(queue, id)).toBe('taken')
})

test('what a queue holds is there for who opens it next, in the order it came', async () => {
  const queue = await open()
  const ids = ['a', 'b', 'c'].map((name) => add(queue, name))
  const again = await open(queue.file)
  expect(again.list({ all: true }).map((job) => job.id)).toEqual(ids)
  expect(again.next()?.id).toBe(ids[0])
})

test('what is wrong is refused when it is added', async () => {
  const queue = await open()
  add(queue, 'a')
  expect(() => add(queue, 'a')).toThrow(/Job 1 already writes to/)
  expect(() => addTrainJob(queue, 'none.yaml', { tasks, resume: false, folder: dir })).toThrow(/Cannot read/)
  expect(() => addStudyJob(queue, 'mnits', { shared: '.', out: dir })).toThrow(/Did you mean 'mnist'/)
  addStudyJob(queue, 'mnist', { shared: '.', out: dir })
  expect(() => addStudyJob(queue, 'mnist', { shared: '.', out: dir })).toThrow(/already writes to/)
  expect(() => queue.job(99)).toThrow(expect.objectContaining({ code: 'JOB_UNKNOWN' }))
})

test('a run that has a checkpoint is gone on with only when that is asked for', async () => {
  const queue = await open()
  await work(queue, add(queue, 'a', 5))
  expect(() => add(queue, 'a', 9)).toThrow(expect.objectContaining({ remedy: expect.stringContaining('--resume') }))
  expect(await work(queue, add(queue, 'a', 9, undefined, true))).toBe('done')
  expect(readCount(runOf(queue, 'a'))).toEqual(after(9))
})

test('one that is asked to leave waits again and goes on where it was', async () => {
  const queue = await open()
  const id = add(queue, 'a', 1000)
  const stop = new AbortController()
  const leaving = workOn(
    queue,
    id,
    { tasks, studies: [] },
    { signal: stop.signal, report: (p) => p >= 0.3 && stop.abort() },
  )
  expect(await leaving).toBe('left')
  expect(queue.job(id).state).toBe('queued')
  expect(readCount(runOf(queue, 'a'))!.update).toBeLessThan(1000)
  expect(await work(queue, id)).toBe('done')
  expect(readCount(runOf(queue, 'a'))).toEqual(after(1000))
})

test('two cannot work on one job; a claim ends with its holder', async () => {
  const queue = await open()
  const other = await open(queue.file)
  const id = add(queue, 'a')
  const claim = queue.claim(id)!
  expect(other.claim(id)).toBeUndefined()
  expect(other.job(id)).toMatchObject({ state: 'running', interrupted: false })
  expect(other.next()).toBeUndefined()
  claim.end('queued')
  expect(other.next()?.id).toBe(id)
})

test('cancelling ends what waits now, and what runs with a checkpoint', async () => {
  const queue = await open()
  const [waits, runs] = [add(queue, 'a'), add(queue, 'b', 1e9)]
  expect(queue.cancel(waits)).toBe('cancelled')
  expect(queue.cancel(waits)).toBe('cancelled')
  let asked: string | undefined
  const report = () => {
    asked ??= queue.cancel(runs)
  }
  expect(await workOn(queue, runs, { tasks, studies: [] }, { signal: never, report })).toBe('cancelled')
  expect(asked).toBe('running')
  const { update } = readCount(runOf(queue, 'b'))!
  expect(readCount(runOf(queue, 'b'))).toEqual(after(update))
  expect(queue.next()).toBeUndefined()
})

test('a job that fails says why, and the next one runs', async () => {
  const queue = await open()
  const broken = { ...tasks[0]!, name: 'count', run: () => Promise.reject(new Error('no such luck')) }
  const id = add(queue, 'a')
  expect(await work(queue, id, never, [broken])).toBe('failed')
  expect(queue.job(id)).toMatchObject({ state: 'failed', error: 'Error: no such luck' })
})

test('with a full disk a job waits where it was, and goes on when there is room', async () => {
  const queue = await open()
  const id = add(queue, 'a', 30)
  const full: Task = {
    ...tasks[0]!,
    run: () => Promise.reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })),
  }
  expect(await work(queue, id, never, [full])).toBe('disk-full')
  expect(queue.job(id)).toMatchObject({ state: 'queued', error: expect.stringContaining('The disk is full') })
  expect(await work(queue, id)).toBe('done')
  expect(readCount(runOf(queue, 'a'))).toEqual(after(30))
})

test('two workers killed 10 times each, at random writes and random times: every job ends as if nothing had happened', async () => {
  const queue = await open()
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) add(queue, name, 150)
  const start = (env: object) =>
    spawn(process.execPath, [WORKER, queue.file], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const worker = async (seed: number) => {
    const random = new Random(seed)
    for (let i = 0; i < 10; i++) {
      const child = start(i % 2 === 0 ? { DIE_AT: String(1 + Math.floor(80 * random.uniform())) } : {})
      const ended = once(child, 'exit')
      if (i % 2 === 1) {
        await once(child.stdout, 'data')
        setTimeout(() => child.kill('SIGKILL'), 20 * random.uniform())
      }
      expect((await ended)[1]).toBe('SIGKILL')
      // All are still there, and what nobody works on is found.
      expect(queue.list({ all: true }).length).toBe(names.length)
      expect(queue.next()).toBeDefined()
    }
  }
  await Promise.all([worker(1), worker(2)])
  const [code] = await once(start({}), 'exit')
  expect(code).toBe(0)
  expect(queue.list({ all: true }).map((job) => [job.state, job.progress])).toEqual(names.map(() => ['done', 1]))
  for (const name of names) {
    expect(readCount(runOf(queue, name))).toEqual(after(150))
    const lines = readFileSync(path.join(runOf(queue, name), 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
    const values = new Map(lines.map((line) => JSON.parse(line)).map((line) => [line.update, line.value]))
    expect([...values.keys()].sort((x, y) => x - y)).toEqual(Array.from({ length: 150 }, (_, k) => k + 1))
    expect(values.get(150)).toBe(after(150).value)
  }
}, 180_000)

test('a job whose process keeps dying is given up; the others run', async () => {
  const queue = await open()
  const [dies, lives] = [add(queue, 'dies', 20, 3), add(queue, 'lives')]
  const started: number[] = []
  const seen: number[] = []
  const outcomes = await runQueue(queue, {
    watch: false,
    signal: never,
    command: (id) => [WORKER, queue.file, String(id)],
    started: (job) => started.push(job.id),
    progress: (job, progress) => job.id === lives && seen.push(progress),
  })
  expect(started).toEqual([dies, dies, dies, lives])
  expect([...outcomes]).toEqual([
    [dies, 'crashed'],
    [lives, 'done'],
  ])
  expect(queue.job(dies)).toMatchObject({ state: 'failed', crashes: 3, error: expect.stringContaining('SIGKILL') })
  expect(seen.at(-1)).toBe(1)
  expect(readCount(runOf(queue, 'lives'))).toEqual(after(20))
  expect(readFileSync(queue.logOf(lives), 'utf8')).toContain(`job ${lives}: done`)
})

test('a runner that is asked to leave takes its job along, which waits again', async () => {
  const queue = await open()
  const id = add(queue, 'a', 1e9)
  const stop = new AbortController()
  const outcomes = await runQueue(queue, {
    watch: true,
    signal: stop.signal,
    command: () => [WORKER, queue.file, String(id)],
    progress: () => stop.abort(),
  })
  expect([...outcomes]).toEqual([[id, 'left']])
  expect(queue.next()?.id).toBe(id)
  const { update } = readCount(runOf(queue, 'a'))!
  expect(readCount(runOf(queue, 'a'))).toEqual(after(update))
})
