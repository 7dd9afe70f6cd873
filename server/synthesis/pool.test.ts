/** Admission by the load that workers report. The workers here are scripted. */
import { expect, test } from 'vitest'
import type { FromWorker, SpeechRequest, ToWorker, WorkerPort } from './messages.ts'
import { SynthesisPool } from './pool.ts'

class ScriptedWorker implements WorkerPort {
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

const REQUEST: SpeechRequest = {
  voice: 'v',
  seed: 1,
  speed: 1,
  output: { format: 'pcm' },
  input: { kind: 'text', text: 'Hello.' },
}
const EVENTS = { audio() {}, done() {}, error() {} }

function pool(count: number, options: { streamsPerWorker?: number; queue?: number } = {}) {
  const workers: ScriptedWorker[] = []
  const made = new SynthesisPool({
    workers: count,
    loadLimit: 0.9,
    queue: 100,
    ...options,
    spawn() {
      const worker = new ScriptedWorker()
      workers.push(worker)
      return worker
    },
  })
  const open = (count: number) => Array.from({ length: count }, () => made.open(REQUEST, EVENTS))
  return { pool: made, workers, open }
}

test('a worker takes as many streams as it serves in real time, a slow one fewer, the rest wait', () => {
  const { pool: at, workers, open } = pool(2)
  workers[0]!.ready(0.05)
  workers[1]!.ready(0.3)
  expect(at.capacity).toBe(18 + 3)
  open(30)
  expect(workers.map(({ streams }) => streams)).toEqual([18, 3])
  expect(at.queued).toBe(9)
})

test('streams that become cheaper let those in who wait, and dearer ones nobody until there is room again', () => {
  const { pool: at, workers, open } = pool(1)
  workers[0]!.ready(0.1)
  const streams = open(30)
  expect(workers[0]!.streams).toBe(9)
  // Side by side each costs less.
  workers[0]!.costs(0.06)
  expect(workers[0]!.streams).toBe(15)
  // Something else took the processor: no more than 9 again.
  workers[0]!.costs(0.1)
  for (const stream of streams.slice(0, 6)) stream.cancel()
  expect(workers[0]!.streams).toBe(9)
  streams[6]!.cancel()
  expect(workers[0]!.streams).toBe(9)
  expect(at.queued).toBe(14)
  expect(at.cost).toBe(0.1)
})

test('each stream goes where the least is to do', () => {
  const { workers, open } = pool(2)
  workers[0]!.ready(0.01)
  workers[1]!.ready(0.02)
  open(30)
  expect(workers.map(({ streams }) => streams)).toEqual([20, 10])
})

test('a worker whose first measure was bad still gets streams, and so measures again', () => {
  const { workers, open } = pool(2)
  workers[0]!.ready(0.01)
  workers[1]!.ready(0.5)
  for (let i = 0; i < 10; i++) for (const stream of open(1)) stream.cancel()
  expect(workers.map(({ heard }) => heard.filter(({ type }) => type === 'open').length)).toEqual([5, 5])
})

test('streams that wait for text take no room, one stream is let in whatever it costs, a set number is a cap', () => {
  const idle = pool(1)
  idle.workers[0]!.ready(0.1)
  idle.open(12)
  expect(idle.pool.queued).toBe(3)
  idle.workers[0]!.costs(0.1, 5)
  expect(idle.pool.queued).toBe(0)

  const slow = pool(1)
  slow.workers[0]!.ready(3)
  slow.open(2)
  expect([slow.workers[0]!.streams, slow.pool.queued]).toEqual([1, 1])

  const capped = pool(1, { streamsPerWorker: 4 })
  capped.workers[0]!.ready(0.01)
  expect(capped.pool.capacity).toBe(4)
  capped.open(12)
  expect([capped.workers[0]!.streams, capped.pool.queued]).toEqual([4, 8])
})

test('when the queue is full too, the next one is refused', () => {
  const { workers, open } = pool(1, { queue: 2 })
  workers[0]!.ready(0.5)
  open(3)
  expect(() => open(1)).toThrow(expect.objectContaining({ code: 'SERVER_BUSY' }))
})
