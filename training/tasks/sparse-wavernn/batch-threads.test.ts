import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildCache } from '../../data/cache.ts'
import { readCorpus } from '../../data/corpus.ts'
import { LANES } from '../../net/engine.ts'
import { TRAINING_ROOT } from '../../root.ts'
import { type BatchMaker, createBatchMaker, defaultThreads, type Source } from './batch-threads.ts'
import type { BatchState, LaneBatch } from './batches.ts'
import { PLAIN, writeMadeUpCorpus } from './testing.ts'

const built = existsSync(path.join(TRAINING_ROOT, 'dist/tasks/sparse-wavernn/batch-worker.js'))
const dir = mkdtempSync(path.join(tmpdir(), 'batch-threads-'))
const source: Source = {
  cache: path.join(dir, 'cache'),
  ids: Array.from({ length: 10 }, (_, i) => `u0${i}`),
  predicted: undefined,
}
const options = { groups: 3, steps: 90, seed: 5, noise: 0.3 }

beforeAll(async () => {
  writeMadeUpCorpus(dir, 10, 0.2)
  await buildCache(readCorpus(dir), source.cache)
})
const open: BatchMaker[] = []
afterAll(async () => {
  for (const maker of open) await maker.close()
  rmSync(dir, { recursive: true })
})
function create(threads: number, state?: BatchState, of = source, part?: readonly [number, number]) {
  open.push(createBatchMaker(of, PLAIN, options, threads, state, part))
  return open.at(-1)!
}

/** What a trainer sees of a batch, as it is when the one after it has been asked for. */
async function take(maker: BatchMaker, count: number) {
  const seen: object[] = []
  const bytes = (data: Float32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
  let last: LaneBatch | undefined
  for (let i = 0; i <= count; i++) {
    const next = await maker.next()
    if (last) {
      const { batch, fresh, epochs, before } = last
      seen.push({ fresh, epochs, before, data: [batch.examples, batch.frames, batch.weights].map(bytes) })
    }
    last = next
  }
  return seen
}

describe.skipIf(!built)('batches made by threads', () => {
  test('are the same for any number of threads, bit for bit', async () => {
    // Long enough for every lane to turn over.
    const want = await take(create(0), 20)
    for (const threads of [1, 3, 8]) expect(await take(create(threads), 20)).toEqual(want)
  })

  test('go on from a state as they would have', async () => {
    const want = await take(create(0), 12)
    const { before } = want[7] as LaneBatch
    for (const threads of [0, 2]) expect(await take(create(threads, structuredClone(before)), 5)).toEqual(want.slice(7))
  })

  test('are made in parts too, each as it is in the whole', async () => {
    const bytes = (data: Float32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const whole = create(0)
    const parts = ([0, 2] as const).flatMap((threads) =>
      (
        [
          [0, 1],
          [1, 3],
          [3, 3],
        ] as const
      ).map((part) => ({ part, maker: create(threads, undefined, source, part) })),
    )
    for (let i = 0; i < 12; i++) {
      const all = await whole.next()
      for (const { part, maker } of parts) {
        const [from, to] = part
        const { batch, fresh, before, epochs } = await maker.next()
        const cut = (data: Float32Array) => data.slice((data.length / 3) * from, (data.length / 3) * to)
        expect(batch.groups).toBe(to - from)
        for (const key of ['examples', 'frames', 'weights'] as const)
          expect(bytes(batch[key]).equals(bytes(cut(all.batch[key])))).toBe(true)
        const own = all.fresh.filter((lane) => lane >= from * LANES && lane < to * LANES)
        expect({ fresh, before, epochs }).toEqual({
          fresh: own.map((lane) => lane - from * LANES),
          before: all.before,
          epochs: all.epochs,
        })
      }
    }
  })

  test('say which recording cannot be read, and go no further', async () => {
    const damaged = path.join(dir, 'damaged')
    await buildCache(readCorpus(dir), damaged)
    rmSync(path.join(damaged, 'phase-3'), { recursive: true })
    for (const threads of [0, 2]) {
      const maker = create(threads, undefined, { ...source, cache: damaged })
      for (let i = 0; i < 2; i++)
        await expect(maker.next()).rejects.toMatchObject({
          code: 'CORPUS_MISSING',
          message: expect.stringMatching(/^u0\d is not in the cache/),
        })
    }
  })

  test('end with their maker', async () => {
    const maker = create(2)
    await maker.next()
    // Whether that one is ready already or fails, nothing waits for ever.
    const pending = maker.next().catch((error: Error) => error)
    await maker.close()
    await pending
    await expect(maker.next()).rejects.toThrow('no more batches are made')
  })
})

test('threads are taken where there are processors and groups for them', () => {
  const cases = [
    [2, 16],
    [132, 2],
    [132, 16],
    [4, 16],
  ] as const
  expect(cases.map(([groups, processors]) => defaultThreads(groups, processors))).toEqual([0, 0, 15, 4])
})
