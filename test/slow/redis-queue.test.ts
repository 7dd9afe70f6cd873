/** The queue on Redis under fire: processes that die, workers and Redis that are killed, studies spread over workers. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/random.ts'
import { readLog } from '../../training/studies/log.ts'
import { runStudy } from '../../training/studies/run.ts'
import { countingStudy } from '../../training/testing/counting-study.ts'
import { after, readCount } from '../../training/testing/counting-task.ts'
import { perform, RedisPlaces } from '../../training/testing/redis-place.ts'
import { redisServer } from '../support/redis.ts'

describe.skipIf(!redisServer)('on a real Redis (skipped without redis-server)', () => {
  const places = new RedisPlaces()
  beforeAll(async () => void (await places.redis.start()))
  afterAll(() => places.remove())

  test('a job whose process keeps dying is given up, one that is wrong fails at once, the others run', async () => {
    const at = await places.open()
    const dies = await at.queue.add(at.job('dies', 20, 1))
    const wrong = await at.queue.add({
      name: 'wrong',
      spec: { kind: 'train', file: 'w.yaml', text: 'task: nothing', folder: at.folder },
      target: path.join(at.folder, 'w'),
    })
    const good = await at.queue.add(at.job('good'))
    await at.work()
    expect(await at.queue.job(dies)).toMatchObject({
      state: 'failed',
      crashes: 3,
      error: expect.stringMatching(/SIGKILL, 3 times/),
    })
    expect(await at.queue.job(wrong)).toMatchObject({
      state: 'failed',
      crashes: 1,
      error: expect.stringContaining('`task` must be'),
    })
    expect(await at.queue.job(good)).toMatchObject({ state: 'done' })
  })

  test('a runner that is asked to leave takes its job along, which waits again; a running one is cancelled', async () => {
    const at = await places.open()
    const id = await at.queue.add(at.job('long', 1e9))
    const leave = new AbortController()
    let seen = 0
    const run = (signal: AbortSignal, progress: () => void) =>
      at.queue.run({ watch: true, signal, command: perform, progress })
    await run(leave.signal, () => {
      seen++
      leave.abort()
    })
    expect(seen).toBeGreaterThan(0)
    expect(await at.queue.job(id)).toMatchObject({ state: 'queued', crashes: 0 })
    const before = readCount(path.join(at.folder, 'long'))!
    expect(before.update).toBeGreaterThan(0)
    const again = new AbortController()
    let known = () => {}
    const cancelled = new Promise<void>((resolve) => {
      known = resolve
    })
    const running = at.queue.run({
      watch: true,
      signal: again.signal,
      command: perform,
      progress: () => void at.queue.cancel(id).catch(() => {}),
      ended: known,
    })
    await cancelled
    again.abort()
    await running
    expect(await at.queue.job(id)).toMatchObject({ state: 'cancelled' })
    expect(readCount(path.join(at.folder, 'long'))!.update).toBeGreaterThan(before.update)
  })

  test('what a schedule says comes due is added by a worker', async () => {
    const at = await places.open()
    await at.queue.schedule('* * * * * *', at.job('a', 5))
    const leave = new AbortController()
    const ended = () => leave.abort()
    await at.queue.run({ watch: true, signal: leave.signal, command: perform, ended })
    const target = path.join(at.folder, 'a')
    await at.queue.unschedule(target)
    expect(readCount(target)).toEqual(after(5))
  })

  /** A page without what clocks and machines decide. */
  const figures = (file: string) =>
    readFileSync(file, 'utf8')
      .replace(/\| [\d.]+ \|$/gm, '|')
      .split('\n')
      .filter((line) => !/[Cc]ommit|[Mm]achine|CPU/.test(line))
      .join('\n')

  test('a study spread over workers, killed and killed again with Redis itself, gives the page of one; trainings lose nothing', async () => {
    const alone = path.join(places.dir, 'alone')
    await runStudy(countingStudy, {
      out: alone,
      shared: '.',
      limit: undefined,
      reportOnly: false,
      signal: new AbortController().signal,
      report() {},
    })
    const at = await places.open()
    await at.queue.add(at.study())
    for (const name of ['a', 'b']) await at.queue.add(at.job(name, 600))
    const random = new Random(7)
    /** A number of lines that workers have said: kills come at moments that they decide, not a clock. */
    const saying = async (worker: ChildProcess, lines: number) => {
      for (let said = 0; said < lines; ) {
        const [piece] = (await once(worker.stdout!, 'data')) as [Buffer]
        said += piece.toString().split('\n').length - 1
      }
    }
    for (let round = 0; round < 3; round++) {
      const victim = at.startWorker()
      await saying(victim, 2 + Math.floor(4 * random.uniform()))
      if (round === 1) {
        await places.redis.kill()
        await places.redis.start()
      }
      victim.kill('SIGKILL')
      await once(victim, 'close')
    }
    at.startWorker()
    at.startWorker()
    const jobs = await at.allEnded()
    await at.stopWorkers()
    expect(jobs.filter(({ state }) => state !== 'done')).toEqual([])
    expect(readLog(path.join(at.folder, 'out/data/counting.jsonl')).map(({ key }) => key)).toEqual(
      readLog(path.join(alone, 'data/counting.jsonl')).map(({ key }) => key),
    )
    expect(figures(path.join(at.folder, 'out/counting.md'))).toBe(figures(path.join(alone, 'counting.md')))
    expect(readFileSync(path.join(at.folder, 'out/counting.svg'), 'utf8')).toBe(
      readFileSync(path.join(alone, 'counting.svg'), 'utf8'),
    )
    for (const name of ['a', 'b']) expect(readCount(path.join(at.folder, name))).toEqual(after(600))
  }, 400_000)
})
