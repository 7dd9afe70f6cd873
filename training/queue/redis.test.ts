/** The queue on a real Redis: states, order, schedules. What kills leave is in test/slow. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Redis } from 'ioredis'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { redisServer } from 'sparsewave/internal/testing/redis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { after, readCount } from '../testing/counting-task.ts'
import { RedisPlaces } from '../testing/redis-place.ts'
import { openJobQueue } from './job-queue.ts'

test('an address that is none, and a Redis that is not there, are named', async () => {
  await expect(openJobQueue('x.sqlite', 'localhost:6379')).rejects.toMatchObject({ code: 'USAGE' })
  await expect(openJobQueue('x.sqlite', 'redis://secret:word@127.0.0.1:1')).rejects.toMatchObject({
    code: 'QUEUE_UNAVAILABLE',
    message: expect.not.stringContaining('word'),
  })
})

describe.skipIf(!redisServer)('on a real Redis (skipped without redis-server)', () => {
  const places = new RedisPlaces()
  beforeAll(async () => void (await places.redis.start()))
  afterAll(() => places.remove())

  test('jobs run in the order of their priorities, are shown, cancelled, gone on with and forgotten', async () => {
    const at = await places.open()
    const { queue } = at
    const [a, b, c] = [
      await queue.add(at.job('a')),
      await queue.add(at.job('b'), { priority: 1 }),
      await queue.add(at.job('c')),
    ]
    expect(await queue.list({ all: false })).toMatchObject([
      { id: a, name: 'train a.yaml', state: 'queued', progress: 0, interrupted: false },
      { id: b },
      { id: c },
    ])
    await expect(queue.add(at.job('a'))).rejects.toThrow(`Job ${a} already writes to`)
    expect(await queue.cancel(c)).toBe('cancelled')
    await expect(queue.job(99)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' })
    expect(await at.work()).toEqual([
      [b, 'done'],
      [a, 'done'],
    ])
    expect(readCount(path.join(at.folder, 'a'))).toEqual(after(20))
    expect(await queue.job(a)).toMatchObject({ state: 'done', progress: 1, interrupted: false })
    expect(await queue.job(c)).toMatchObject({ state: 'cancelled', name: 'train c.yaml' })
    await expect(queue.requeue(a)).rejects.toMatchObject({ code: 'STATE_CONFLICT' })
    await queue.requeue(c)
    expect(await queue.find(path.join(at.folder, 'c'))).toMatchObject({ id: c, state: 'queued' })
    expect(await at.work()).toEqual([[c, 'done']])
    await queue.forget(c)
    await expect(queue.job(c)).rejects.toMatchObject({ code: 'JOB_UNKNOWN' })
    expect((await queue.list({ all: true })).map(({ id }) => id)).toEqual([a, b])
  })

  test('a schedule is kept, listed and ended, and what is none is refused', async () => {
    const at = await places.open()
    await expect(at.queue.schedule('every day', at.job('a'))).rejects.toMatchObject({ code: 'USAGE' })
    await at.queue.schedule('0 3 * * *', at.job('a'))
    const target = path.join(at.folder, 'a')
    expect(await at.queue.schedules()).toMatchObject([{ target, pattern: '0 3 * * *', name: 'train a.yaml' }])
    expect(await at.queue.unschedule(target)).toBe(true)
    expect(await at.queue.unschedule(target)).toBe(false)
  })

  test('what the manifests scale workers by is the number of jobs that wait and of those that run', async () => {
    const at = await places.open()
    const file = path.join(PACKAGE_ROOT, 'deploy/k8s/training/scaled-object.yaml')
    const { advanced, triggers } = parse(readFileSync(file, 'utf8')).spec
    expect(advanced.scalingModifiers).toMatchObject({ formula: 'waiting + running', target: '1' })
    const client = new Redis(places.redis.url)
    // As KEDA counts: by the type of the key.
    const size = { zset: 'zcard', set: 'scard', list: 'llen', hash: 'hlen', none: 'llen' } as const
    const counts = async (): Promise<Record<string, number>> => {
      const found: Record<string, number> = {}
      for (const { name, metadata } of triggers) {
        const key = metadata.listName.replace(/^sparsewave:/, `${path.basename(at.folder)}:`)
        found[name] = await client[size[(await client.type(key)) as keyof typeof size]](key)
      }
      return found
    }
    expect(await counts()).toEqual({ waiting: 0, running: 0 })
    await at.queue.add(at.job('a', 1e9))
    await at.queue.add(at.job('b', 1e9), { priority: 5 })
    await at.queue.add(at.job('c', 1e9))
    expect(await counts()).toEqual({ waiting: 3, running: 0 })
    at.startWorker()
    await vi.waitUntil(async () => (await counts()).running === 1, { timeout: 60_000 })
    expect(await counts()).toEqual({ waiting: 2, running: 1 })
    await at.stopWorkers()
    // It left a checkpoint and waits for another worker.
    expect(await counts()).toEqual({ waiting: 3, running: 0 })
    client.disconnect()
  })
})
