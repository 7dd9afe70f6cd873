/** Who is let in, over workers that are only told of: what they say of their load decides. */
import { expect, test } from 'vitest'
import type { FromWorker, StreamRequest, ToWorker, WorkerPort } from './messages.ts'
import { SynthesisPool } from './pool.ts'

class ToldWorker implements WorkerPort {
  readonly heard: ToWorker[] = []
  readonly #listeners: ((message: FromWorker) => void)[] = []

  postMessage(message: ToWorker): void {
    this.heard.push(message)
  }
  on(event: string, listener: never): void {
    if (event === 'message') this.#listeners.push(listener)
  }
  terminate(): void {}

  say(message: FromWorker): void {
    for (const listener of this.#listeners) listener(message)
  }
  ready(cost?: number): void {
    const kernel = { kernel: 'none', kernelReason: '', precision: 'int16', sparsity: 0 }
    this.say({ type: 'ready', ...kernel, vocoder: 'source-filter', ...(cost && { cost }) })
  }
  costs(cost: number, idle = 0): void {
    this.say({ type: 'load', busy: 0.5, cost, idle })
  }
  get streams(): number {
    const count = (type: string) => this.heard.filter((message) => message.type === type).length
    return count('open') - count('cancel')
  }
}

const REQUEST: StreamRequest = { voice: 'v', seed: 1, speed: 1, text: 'Hello.' }
const EVENTS = { audio() {}, done() {}, error() {} }

function pool(workers: number, options: { streamsPerWorker?: number; queue?: number } = {}) {
  const told: ToldWorker[] = []
  const made = new SynthesisPool({
    workers,
    loadLimit: 0.9,
    queue: 100,
    ...options,
    spawn() {
      const worker = new ToldWorker()
      told.push(worker)
      return worker
    },
  })
  const open = (count: number) => Array.from({ length: count }, () => made.open(REQUEST, EVENTS))
  return { pool: made, told, open }
}

test('a worker takes as many streams as it can make in real time, a slow one fewer, the rest wait', () => {
  const { pool: at, told, open } = pool(2)
  told[0]!.ready(0.05)
  told[1]!.ready(0.3)
  expect(at.capacity).toBe(18 + 3)
  open(30)
  expect(told.map(({ streams }) => streams)).toEqual([18, 3])
  expect(at.queued).toBe(9)
})

test('streams that become cheaper let those in who wait, and dearer ones nobody until there is room again', () => {
  const { pool: at, told, open } = pool(1)
  told[0]!.ready(0.1)
  const streams = open(30)
  expect(told[0]!.streams).toBe(9)
  // Side by side each costs less.
  told[0]!.costs(0.06)
  expect(told[0]!.streams).toBe(15)
  // Something else took the processor: no more than 9 again.
  told[0]!.costs(0.1)
  for (const stream of streams.slice(0, 6)) stream.cancel()
  expect(told[0]!.streams).toBe(9)
  streams[6]!.cancel()
  expect(told[0]!.streams).toBe(9)
  expect(at.queued).toBe(14)
  expect(at.cost).toBe(0.1)
})

test('each stream goes where the least is to do', () => {
  const { told, open } = pool(2)
  told[0]!.ready(0.01)
  told[1]!.ready(0.02)
  open(30)
  expect(told.map(({ streams }) => streams)).toEqual([20, 10])
})

test('a worker whose first measure was bad still gets streams, and so measures again', () => {
  const { told, open } = pool(2)
  told[0]!.ready(0.01)
  told[1]!.ready(0.5)
  for (let i = 0; i < 10; i++) for (const stream of open(1)) stream.cancel()
  expect(told.map(({ heard }) => heard.filter(({ type }) => type === 'open').length)).toEqual([5, 5])
})

test('streams that wait for text take no room, one stream is let in whatever it costs, a set number is a cap', () => {
  const idle = pool(1)
  idle.told[0]!.ready(0.1)
  idle.open(12)
  expect(idle.pool.queued).toBe(3)
  idle.told[0]!.costs(0.1, 5)
  expect(idle.pool.queued).toBe(0)

  const slow = pool(1)
  slow.told[0]!.ready(3)
  slow.open(2)
  expect([slow.told[0]!.streams, slow.pool.queued]).toEqual([1, 1])

  const capped = pool(1, { streamsPerWorker: 4 })
  capped.told[0]!.ready(0.01)
  expect(capped.pool.capacity).toBe(4)
  capped.open(12)
  expect([capped.told[0]!.streams, capped.pool.queued]).toEqual([4, 8])
})

test('when the queue is full too, the next one is refused', () => {
  const { told, open } = pool(1, { queue: 2 })
  told[0]!.ready(0.5)
  open(3)
  expect(() => open(1)).toThrow(expect.objectContaining({ code: 'SERVER_BUSY' }))
})
