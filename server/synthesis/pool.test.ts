/** Admission by the load that workers report. The workers here are scripted. */
import { expect, test, vi } from 'vitest'
import type { FromWorker, SpeechRequest, ToWorker, WorkerPort } from './messages.ts'
import { type PoolOptions, SynthesisPool } from './pool.ts'
import { TextBudget } from './text-budget.ts'

class ScriptedWorker implements WorkerPort {
  readonly heard: ToWorker[] = []
  readonly #listeners: ((message: FromWorker) => void)[] = []
  readonly #exits: ((code: number) => void)[] = []
  answersPings = false
  isTerminated = false

  postMessage(message: ToWorker): void {
    this.heard.push(message)
    if (message.type === 'ping' && this.answersPings) queueMicrotask(() => this.say({ type: 'pong' }))
    if (message.type === 'stop') this.die()
  }
  on(event: string, listener: never): void {
    if (event === 'message') this.#listeners.push(listener)
    if (event === 'exit') this.#exits.push(listener)
  }
  terminate(): void {
    this.isTerminated = true
    this.die()
  }
  die(): void {
    for (const exit of this.#exits) exit(1)
  }

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

function pool(count: number, options: Partial<PoolOptions> = {}) {
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

const LIVE: SpeechRequest = { ...REQUEST, input: { kind: 'live', early: false } }
/** Events of a stream as they come. */
function events() {
  const heard: string[] = []
  return {
    heard,
    audio: () => void heard.push('audio'),
    done: () => void heard.push('done'),
    error: (error: { code: string }) => void heard.push(error.code),
  }
}
const audio = (id: number): FromWorker => ({ type: 'audio', id, bytes: new Uint8Array(2), samples: 1, batch: 1 })
const opened = (worker: ScriptedWorker): number[] =>
  worker.heard.flatMap((message) => (message.type === 'open' ? [message.id] : []))
const until = (condition: () => boolean) => vi.waitUntil(condition, { interval: 5, timeout: 10_000 })

test('a worker that dies before it has sent anything hands its streams to another, once', () => {
  const { pool: at, workers } = pool(1)
  workers[0]!.ready(0.01)
  const [silent, heardSome] = [events(), events()]
  const stream = at.open(LIVE, silent)
  at.open(REQUEST, heardSome)
  stream.text('Some words.')
  stream.flush(1)
  workers[0]!.say(audio(opened(workers[0]!)[1]!))
  workers[0]!.die()
  expect(heardSome.heard).toEqual(['audio', 'SYNTHESIS_FAILED'])
  expect(at.queued).toBe(1)
  workers[1]!.ready(0.01)
  expect(workers[1]!.heard.map(({ type }) => type)).toEqual(['open', 'text', 'flush'])
  workers[1]!.die()
  expect(silent.heard).toEqual(['SYNTHESIS_FAILED'])
})

test('a worker that answers no ping is replaced, its streams end, and the pool is not ready meanwhile', async () => {
  const { pool: at, workers } = pool(1, { watchdogSeconds: 0.2 })
  workers[0]!.ready(0.01)
  const stream = events()
  at.open(REQUEST, stream)
  workers[0]!.say(audio(opened(workers[0]!)[0]!))
  await until(() => workers.length === 2)
  expect(stream.heard).toEqual(['audio', 'SYNTHESIS_FAILED'])
  expect(workers[0]!.isTerminated).toBe(true)
  expect(at.isReady).toBe(false)
  workers[1]!.ready(0.01)
  expect(at.isReady).toBe(true)
  // The one that answers stays.
  workers[1]!.answersPings = true
  const pings = () => workers[1]!.heard.filter(({ type }) => type === 'ping').length
  await until(() => pings() >= 4)
  expect(workers).toHaveLength(2)
})

test('workers that do not start are tried again, later each time, and the pool says when a restart would help', async () => {
  const delays: number[] = []
  const observe = { workerStartFailed: (_: string, seconds: number) => void delays.push(seconds) }
  const { pool: at, workers } = pool(1, { observe })
  workers[0]!.ready(0.01)
  workers[0]!.die()
  for (let n = 1; n <= 3; n++) {
    await until(() => workers.length > n)
    workers[n]!.die()
  }
  expect(delays).toEqual([0.25, 0.5, 1])
  expect(at.isBeyondRecovery(60)).toBe(false)
  expect(at.isBeyondRecovery(0.1)).toBe(true)
  await until(() => workers.length > 4)
  workers[4]!.ready(0.01)
  expect(at.isReady).toBe(true)
  expect(at.isBeyondRecovery(0)).toBe(false)
  await at.stop()
})

test('a wait in the queue ends', async () => {
  const { pool: at, workers } = pool(1, { streamsPerWorker: 1, queueSeconds: 0.05 })
  workers[0]!.ready(0.01)
  const waiting = events()
  at.open(REQUEST, events())
  at.open(REQUEST, waiting)
  await until(() => waiting.heard.length > 0)
  expect(waiting.heard).toEqual(['QUEUE_TIMEOUT'])
  expect(at.queued).toBe(0)
})

test('text for a stream that is blocked is bounded: the stream ends, and what it held is free again', async () => {
  const budget = new TextBudget({ stream: 10_000, caller: 20_000, all: 25_000 })
  const { pool: at, workers } = pool(1, { budget })
  workers[0]!.ready(0.001)
  const piece = 'x'.repeat(936)
  const fill = (caller: string, pieces: number) => {
    const stream = events()
    const handle = at.open(LIVE, stream, caller)
    for (let i = 0; i < pieces; i++) handle.text(piece)
    return { ...stream, handle }
  }
  const greedy = fill('a', 100_000)
  expect(budget.held).toBeLessThanOrEqual(10_000)
  await until(() => greedy.heard.length > 0)
  expect(greedy.heard).toEqual(['INPUT_TOO_LONG'])
  expect(budget.held).toBe(0)
  // Two streams of one caller, and what the third would need on top.
  const first = fill('a', 10)
  const second = fill('a', 10)
  const third = fill('a', 1)
  const another = fill('b', 5)
  const late = fill('c', 5)
  await until(() => third.heard.length > 0 && late.heard.length > 0)
  expect(third.heard).toEqual(['INPUT_TOO_LONG'])
  expect(late.heard).toEqual(['SERVER_BUSY'])
  expect([first, second, another].map(({ heard }) => heard)).toEqual([[], [], []])
  // What the worker has consumed makes room.
  workers[0]!.say({ type: 'consumed', id: opened(workers[0]!)[1]!, weight: 5000 })
  expect(budget.held).toBe(20_000)
  first.handle.cancel()
  expect(budget.held).toBe(15_000)
})

test('storms of flushes and clears are bounded as text is', async () => {
  const { pool: at, workers } = pool(1, { budget: new TextBudget({ stream: 10_000, caller: 20_000, all: 25_000 }) })
  workers[0]!.ready(0.001)
  const stream = events()
  const handle = at.open(LIVE, stream)
  for (let i = 0; i < 1000; i++) handle.flush(i)
  for (let i = 0; i < 1000; i++) handle.clear(i)
  await until(() => stream.heard.length > 0)
  expect(stream.heard).toEqual(['INPUT_TOO_LONG'])
  expect(workers[0]!.heard.length).toBeLessThan(200)
})
