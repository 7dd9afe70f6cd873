/**
 * The synthesis workers and the queue before them. A worker has slots for as many streams as it
 * serves in real time, by what it measures (meter.ts). A stream goes to the worker with the least to do. When all are full a stream waits in a bounded queue. A worker that
 * dies or is stuck is replaced; streams that have sent nothing yet move to another worker, the others end with an error.
 */
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import type { Stage } from '../../src/synthesis/index.ts'
import type { VocoderKind } from '../../src/vocoder/vocoder.ts'
import type { Fault } from '../fault.ts'
import type { SpeechTrace } from '../tracing.ts'
import { type FromWorker, type SpeechRequest, type ToWorker, type WorkerPort, weightOf } from './messages.ts'
import type { StreamEvents, StreamHandle } from './stream.ts'
import { TextBudget, type TextShare } from './text-budget.ts'

/** Samples a worker may be ahead of what the client has taken. */
const WINDOW = 2 * SAMPLE_RATE

/** How long a worker that is to end gets for it, ms. */
const GOODBYE = 3000

/** A stream with too much text fails when no input has come for so long, ms. */
const OVERFLOW_QUIET = 100

/** Between failed starts, ms: doubled each time, up to the longest. */
const FIRST_DELAY = 250
const LONGEST_DELAY = 30_000

/** Failed starts before the first worker was ever ready after which starting the server fails. */
const MAX_FIRST_STARTS = 3

export interface PoolOptions {
  readonly workers: number
  /** Share of a worker's time that its streams may need to be served in real time. */
  readonly loadLimit: number
  /** Streams of a worker whatever they cost; undefined = any number. */
  readonly streamsPerWorker?: number | undefined
  readonly queue: number
  /** A stream that has waited in the queue for so long ends with QUEUE_TIMEOUT. Default 30 s. */
  readonly queueSeconds?: number
  /** A worker that answers no ping for so long is replaced. Default 10 s. */
  readonly watchdogSeconds?: number
  readonly budget?: TextBudget
  /** Starts a worker; it says `ready` when its voice is loaded. */
  spawn(): WorkerPort
  readonly observe?: Partial<PoolObserver>
}

/** Called as things happen, for metrics and the log. */
export interface PoolObserver {
  queueWait(seconds: number, trace?: SpeechTrace): void
  stage(stage: Stage, seconds: number, trace?: SpeechTrace): void
  audio(seconds: number): void
  /** Streams in the batch that a piece of audio was synthesized in. */
  batch(streams: number): void
  /** Seconds that a stream's audio came too late in all, once it has ended. */
  underrun(seconds: number): void
  /** Something failed inside a worker that should not. */
  fault(fault: Fault, trace?: SpeechTrace): void
  workerLost(reason: string): void
  /** A worker did not start; the next try comes after so many seconds. */
  workerStartFailed(reason: string, nextSeconds: number): void
  /** A worker that was replaced does not end: it holds a core until the server is restarted. */
  workerStuck(): void
}

export interface PoolInfo {
  readonly kernel: string
  readonly kernelReason: string
  /** Number format of the vocoder's products. */
  readonly precision: string
  /** What runs the acoustic and the conditioning net. */
  readonly layers?: string
  /** Share of the vocoder's weights that are zero. */
  readonly sparsity: number
  readonly vocoder: VocoderKind
}

interface Worker {
  port: WorkerPort
  state: 'starting' | 'ready' | 'dead'
  readonly streams: Map<number, PooledStream>
  /** When it was given a stream last, counted in streams. */
  given: number
  /** As the worker reported last; `idle` of its streams have nothing to say. */
  load: { readonly busy: number; readonly cost: number | undefined; readonly idle: number }
  /** When the ping that is not answered yet was sent, ms. */
  pingedAt: number | undefined
  /** Why it ends, as far as it has said. */
  reason: string
}

/** ms. */
const uptime = (): number => process.uptime() * 1000

const NO_LOAD = { busy: 0, cost: undefined, idle: 0 }

export class SynthesisPool {
  readonly #options: PoolOptions
  readonly budget: TextBudget
  readonly #workers: Worker[] = []
  readonly #queue: PooledStream[] = []
  readonly #ready: Promise<PoolInfo>
  #settleReady!: { resolve: (info: PoolInfo) => void; reject: (error: Error) => void }
  #info: PoolInfo | undefined
  #nextId = 1
  #failedStarts = 0
  #leaving = false
  #stopping = false
  #whenIdle: (() => void) | undefined
  readonly #watchdog: NodeJS.Timeout
  #watchedAt = uptime()
  readonly #delays = new Set<NodeJS.Timeout>()
  /** Since when no worker is ready, ms; undefined while one is, and before the first one was. */
  #downSince: number | undefined
  /** Workers that were told to end and did not. */
  #stuck = 0

  constructor(options: PoolOptions) {
    this.#options = options
    this.budget = options.budget ?? new TextBudget()
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject }
    })
    this.#ready.catch(() => {})
    for (let i = 0; i < options.workers; i++) this.#start()
    const seconds = options.watchdogSeconds ?? 10
    this.#watchdog = setInterval(() => this.#watch(seconds * 1000), (seconds * 1000) / 4)
    this.#watchdog.unref()
  }

  /** Resolves when the first worker can speak; rejects with the voice's error when none can. */
  ready(): Promise<PoolInfo> {
    return this.#ready
  }

  get info(): PoolInfo | undefined {
    return this.#info
  }

  /** Whether whoever has a choice should go elsewhere from now on: the server is about to stop. */
  get isLeaving(): boolean {
    return this.#leaving || this.#stopping
  }

  /** Is not ready any more, and serves as before. */
  leave(): void {
    this.#leaving = true
  }

  /** Whether a worker would serve a stream now. */
  get isReady(): boolean {
    return !this.isLeaving && this.#workers.some((worker) => worker.state === 'ready' && !this.#isSlow(worker))
  }

  /** Whether a restart of the server would help: no worker for so long, or one that cannot be ended. */
  isBeyondRecovery(seconds: number): boolean {
    const isDown = this.#downSince !== undefined && uptime() - this.#downSince > seconds * 1000
    return !this.#stopping && (isDown || this.#stuck > 0)
  }

  /** Workers that did not end when they were told to. */
  get stuckWorkers(): number {
    return this.#stuck
  }

  get readyWorkers(): number {
    return this.#workers.filter((worker) => worker.state === 'ready').length
  }

  get activeStreams(): number {
    return this.#workers.reduce((n, worker) => n + worker.streams.size, 0)
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Mean share of their time in which the ready workers are busy, 0-1. */
  get busy(): number {
    const ready = this.#workers.filter((worker) => worker.state === 'ready')
    return ready.reduce((sum, { load }) => sum + load.busy, 0) / Math.max(1, ready.length)
  }

  /** Mean worker seconds of a second of audio; undefined before the first measurement. */
  get cost(): number | undefined {
    const costs = this.#workers.flatMap(({ load }) => load.cost ?? [])
    return costs.length === 0 ? undefined : costs.reduce((a, b) => a + b) / costs.length
  }

  /** Streams that the ready workers serve in real time, within the limit; undefined before the first measurement. */
  get capacity(): number | undefined {
    const slots = this.#workers.filter((worker) => worker.state === 'ready').map((worker) => this.#slotsOf(worker))
    const sum = slots.reduce((a, b) => a + b, 0)
    return Number.isFinite(sum) ? sum : undefined
  }

  /**
   * Opens a stream, at once or when one ends. `caller` is whose share of the text budget it uses. Throws SERVER_BUSY when
   * the queue is full, SERVER_STOPPING while draining.
   */
  open(request: SpeechRequest, events: StreamEvents, caller = ''): StreamHandle {
    if (this.#stopping) throw new SparsewaveError('SERVER_STOPPING', 'The server is shutting down.')
    const worker = this.#freeWorker()
    if (!worker && this.#queue.length >= this.#options.queue)
      throw new SparsewaveError('SERVER_BUSY', 'All streams are taken and the queue is full.')
    const seconds = this.#options.queueSeconds ?? 30
    const stream = new PooledStream(this.#nextId++, request, events, this, this.budget.share(caller), seconds)
    if (worker) this.#assign(stream, worker)
    else this.#enqueue(stream)
    return stream
  }

  /** Takes no new streams and resolves when those that run have ended, or after `seconds`; then ends the workers. */
  async drain(seconds: number): Promise<void> {
    this.#stopping = true
    if (this.activeStreams + this.#queue.length > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#whenIdle = resolve
      })
      await within(seconds * 1000, idle)
    }
    await this.stop()
  }

  /** Ends all streams with SERVER_STOPPING, and the workers. Resolves in seconds, also when a worker does not end. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#watchdog)
    for (const delay of this.#delays) clearTimeout(delay)
    const error = new SparsewaveError('SERVER_STOPPING', 'The server is shutting down.')
    for (const stream of this.#queue.splice(0)) stream.fail(error)
    const leaving = this.#workers.filter((worker) => worker.state !== 'dead')
    const exits = leaving.map((worker) => {
      for (const stream of [...worker.streams.values()]) stream.fail(error)
      worker.streams.clear()
      const exit = new Promise<void>((resolve) => worker.port.on('exit', () => resolve()))
      worker.port.postMessage({ type: 'stop' })
      return exit
    })
    this.#settleReady.reject(error)
    if (await within(GOODBYE, Promise.all(exits))) return
    const ends = leaving.filter(({ state }) => state !== 'dead').map(async ({ port }) => port.terminate())
    // A thread inside native code cannot be ended: the process has to be (see `serve`).
    if (!(await within(GOODBYE, Promise.all(ends)))) this.#stuck += ends.length
  }

  /** Voices whose packages were replaced or removed: workers open them anew for the next stream. Streams that run go on as they are. */
  forget(voices: readonly string[]): void {
    for (const worker of this.#workers) if (worker.state !== 'dead') worker.port.postMessage({ type: 'forget', voices })
  }

  /** Frees a stream's slot; called by the stream. */
  release(stream: PooledStream): void {
    const at = this.#queue.indexOf(stream)
    if (at >= 0) this.#queue.splice(at, 1)
    else {
      stream.worker?.streams.delete(stream.id)
      this.#fill()
    }
    if (this.activeStreams + this.#queue.length === 0) this.#whenIdle?.()
  }

  #start(): void {
    const worker: Worker = {
      port: this.#options.spawn(),
      state: 'starting',
      streams: new Map(),
      given: 0,
      load: NO_LOAD,
      pingedAt: undefined,
      reason: 'it ended',
    }
    this.#workers.push(worker)
    worker.port.on('message', (message) => this.#receive(worker, message))
    worker.port.on('error', (error) => {
      worker.reason = error.message
      this.#lost(worker, worker.reason)
    })
    worker.port.on('exit', (_code, why) => this.#lost(worker, why ?? worker.reason))
  }

  #receive(worker: Worker, message: FromWorker): void {
    if (worker.state === 'dead') return
    if (message.type === 'pong') worker.pingedAt = undefined
    else if (message.type === 'ready') {
      worker.state = 'ready'
      this.#failedStarts = 0
      this.#downSince = undefined
      const { type: _, cost, ...info } = message
      worker.load = { ...NO_LOAD, cost }
      this.#info = info
      this.#settleReady.resolve(this.#info)
      this.#fill()
    } else if (message.type === 'failed') {
      const { code, message: text, remedy } = message.error
      worker.reason = text.replace(/\.$/, '')
      this.#settleReady.reject(new SparsewaveError(code, text, { remedy }))
    } else if (message.type === 'load') {
      const { busy, cost, idle } = message
      worker.load = { busy, cost, idle: Math.min(idle, worker.streams.size) }
      this.#fill()
    } else if (message.type === 'stage') {
      const { id, stage, seconds, end } = message
      const trace = worker.streams.get(id)?.trace
      if (end !== undefined) trace?.stage(stage, seconds, end)
      this.#options.observe?.stage?.(stage, seconds, trace)
    } else worker.streams.get(message.id)?.receive(message, this.#options.observe)
  }

  /** Pings the workers, and replaces those that have not answered for `patience` ms. */
  #watch(patience: number): void {
    const now = uptime()
    // Where this thread itself was held up, the answers may be there and not be read yet.
    const isLate = now - this.#watchedAt > patience / 2
    this.#watchedAt = now
    if (isLate) return
    for (const worker of [...this.#workers]) {
      if (worker.state !== 'ready') continue
      if (worker.pingedAt === undefined) {
        worker.pingedAt = now
        worker.port.postMessage({ type: 'ping' })
      } else if (now - worker.pingedAt > patience) {
        this.#lost(worker, `it was stuck for ${(patience / 1000).toFixed(0)} s`)
        void this.#end(worker.port)
      }
    }
  }

  /** A worker that has not answered for half the watchdog's patience is not one to count on. */
  #isSlow({ pingedAt }: Worker): boolean {
    const patience = (this.#options.watchdogSeconds ?? 10) * 1000
    return pingedAt !== undefined && uptime() - pingedAt > patience / 2
  }

  async #end(port: WorkerPort): Promise<void> {
    let ended = false
    const exit = new Promise<void>((resolve) => port.on('exit', () => resolve())).then(() => {
      // It ended after all.
      if (ended) this.#stuck--
      ended = true
    })
    void port.terminate()
    await within(GOODBYE, exit)
    if (ended) return
    ended = true
    this.#stuck++
    this.#options.observe?.workerStuck?.()
  }

  #lost(worker: Worker, reason: string): void {
    if (worker.state === 'dead') return
    const wasStarting = worker.state === 'starting'
    worker.state = 'dead'
    this.#workers.splice(this.#workers.indexOf(worker), 1)
    if (this.#info && this.readyWorkers === 0) this.#downSince ??= uptime()
    const error = new SparsewaveError('SYNTHESIS_FAILED', 'The synthesis worker of this stream died.')
    for (const stream of [...worker.streams.values()].reverse()) {
      worker.streams.delete(stream.id)
      if (!this.#stopping && stream.backToQueue()) this.#enqueue(stream, true)
      else stream.fail(error)
    }
    if (this.#stopping) return
    if (!wasStarting) {
      this.#options.observe?.workerLost?.(reason)
      this.#start()
      this.#fill()
      return
    }
    this.#failedStarts++
    if (!this.#info && this.#failedStarts >= MAX_FIRST_STARTS) {
      this.#settleReady.reject(
        new SparsewaveError('SYNTHESIS_FAILED', `The synthesis workers do not start: ${reason}.`),
      )
      for (const stream of this.#queue.splice(0)) stream.fail(error)
      return
    }
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.#failedStarts - 1))
    this.#options.observe?.workerStartFailed?.(reason, delay / 1000)
    const timer = setTimeout(() => {
      this.#delays.delete(timer)
      this.#start()
    }, delay)
    this.#delays.add(timer)
  }

  /** Streams that speak at the same time which a worker takes: those it serves in real time, and one at least. */
  #slotsOf({ load }: Worker): number {
    const { loadLimit, streamsPerWorker = Number.POSITIVE_INFINITY } = this.#options
    const slots = load.cost === undefined ? Number.POSITIVE_INFINITY : Math.floor(loadLimit / load.cost)
    return Math.min(Math.max(1, slots), streamsPerWorker)
  }

  /** The ready worker that has a free slot and the least to do; of equals the one that was given a stream longest ago. */
  #freeWorker(): Worker | undefined {
    const { streamsPerWorker = Number.POSITIVE_INFINITY } = this.#options
    let best: { worker: Worker; work: number } | undefined
    for (const worker of this.#workers) {
      const { size } = worker.streams
      const speaking = Math.max(0, size - worker.load.idle)
      if (worker.state !== 'ready' || size >= streamsPerWorker || speaking >= this.#slotsOf(worker)) continue
      const work = speaking * (worker.load.cost ?? 1)
      if (!best || work < best.work || (work === best.work && worker.given < best.worker.given)) best = { worker, work }
    }
    return best?.worker
  }

  #enqueue(stream: PooledStream, first = false): void {
    if (first) this.#queue.unshift(stream)
    else this.#queue.push(stream)
    stream.wait()
  }

  #fill(): void {
    while (this.#queue.length > 0) {
      const worker = this.#freeWorker()
      if (!worker) return
      this.#assign(this.#queue.shift()!, worker)
    }
  }

  #assign(stream: PooledStream, worker: Worker): void {
    worker.streams.set(stream.id, stream)
    worker.given = stream.id
    this.#options.observe?.queueWait?.(stream.waitedSeconds(), stream.trace)
    stream.assign(worker)
  }
}

/** Waits for `work`, at most `ms`. Returns whether it is done. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const done = work.then(
    () => true,
    () => true,
  )
  const result = await Promise.race([done, late])
  clearTimeout(timer)
  return result
}

class PooledStream implements StreamHandle {
  readonly id: number
  readonly request: SpeechRequest
  worker: Worker | undefined
  readonly #events: StreamEvents
  readonly #pool: SynthesisPool
  readonly #share: TextShare
  readonly #opened = performance.now()
  readonly #queueSeconds: number
  #queueTimer: NodeJS.Timeout | undefined
  /** Messages since the opening, for the worker that gets the stream; dropped once the client has got something. */
  #replay: ToWorker[] | undefined = []
  #retried = false
  /** Runs once too much text has come: all further input is dropped, and the stream fails when none comes any more. */
  #overflow: NodeJS.Timeout | undefined
  #ended = false
  /** The clear that the worker has not answered yet; audio before its answer is dropped. */
  #clearing: number | undefined
  /** Seconds of audio that came too late; undefined until a lateness is reported. */
  #late: number | undefined

  constructor(
    id: number,
    request: SpeechRequest,
    events: StreamEvents,
    pool: SynthesisPool,
    share: TextShare,
    queueSeconds: number,
  ) {
    this.id = id
    this.request = request
    this.#events = events
    this.#pool = pool
    this.#share = share
    this.#queueSeconds = queueSeconds
  }

  text(piece: string): void {
    this.#feed({ type: 'text', id: this.id, text: piece })
  }

  flush(mark: number): void {
    this.#feed({ type: 'flush', id: this.id, mark })
  }

  clear(mark: number): void {
    this.#clearing = mark
    this.#feed({ type: 'clear', id: this.id, mark })
  }

  end(): void {
    if (this.#ended) return
    this.#send({ type: 'end', id: this.id })
    this.#replay?.push({ type: 'end', id: this.id })
  }

  cancel(): void {
    if (this.#ended) return
    this.#send({ type: 'cancel', id: this.id })
    this.#finish()
  }

  get trace(): SpeechTrace | undefined {
    return this.#events.trace
  }

  waitedSeconds(): number {
    return (performance.now() - this.#opened) / 1000
  }

  /** The stream is in the queue now. */
  wait(): void {
    this.#queueTimer = setTimeout(() => {
      const waited = `The request has waited ${this.#queueSeconds} s for a free stream.`
      this.fail(new SparsewaveError('QUEUE_TIMEOUT', waited))
    }, this.#queueSeconds * 1000)
    this.#queueTimer.unref()
  }

  assign(worker: Worker): void {
    clearTimeout(this.#queueTimer)
    this.worker = worker
    const { trace } = this
    trace?.assigned()
    const traced = trace?.isRecording ? ({ traced: true } as const) : {}
    worker.port.postMessage({ type: 'open', id: this.id, request: this.request, credit: WINDOW, ...traced })
    for (const message of this.#replay ?? []) worker.port.postMessage(message)
    this.#events.started?.()
  }

  /** Prepares the stream for another worker, once, while its client has got nothing. Returns whether it can go on. */
  backToQueue(): boolean {
    if (this.#ended || this.#retried || !this.#replay) return false
    this.#retried = true
    this.worker = undefined
    this.trace?.waits()
    return true
  }

  fail(error: SparsewaveError): void {
    if (this.#ended) return
    this.#finish()
    this.#events.error(error)
  }

  receive(message: Extract<FromWorker, { id: number }>, observe: Partial<PoolObserver> | undefined): void {
    if (this.#ended || this.#overflow) return
    if (message.type === 'consumed') this.#share.give(message.weight)
    else if (message.type === 'audio') {
      const { bytes, samples, sentence, batch, late, batches } = message
      if (batches) this.trace?.batches(batches)
      this.#replay = undefined
      observe?.audio?.(samples / SAMPLE_RATE)
      if (samples > 0) observe?.batch?.(batch)
      if (late !== undefined) this.#late = (this.#late ?? 0) + late
      const taken = (): void => this.#send({ type: 'credit', id: this.id, samples })
      if (this.#clearing !== undefined) taken()
      else this.#events.audio(bytes, { samples, ...(sentence && { sentence }) }, taken)
    } else if (message.type === 'flushed') {
      this.#replay = undefined
      if (this.#clearing === undefined) this.#events.flushed?.(message.mark)
    } else if (message.type === 'cleared') {
      this.#replay = undefined
      if (this.#clearing === message.mark) this.#clearing = undefined
      this.#events.cleared?.(message.mark)
    } else if (message.type === 'done') {
      if (this.#late !== undefined) observe?.underrun?.(this.#late)
      this.#finish()
      this.#events.done()
    } else if (message.type === 'error') {
      const { code, message: text, remedy } = message.error
      if (message.fault) observe?.fault?.(message.fault, this.trace)
      this.fail(new SparsewaveError(code, text, { remedy }))
    }
  }

  /** Sends a message that takes memory until the worker has dealt with it. Without room for it the stream ends. */
  #feed(message: ToWorker): void {
    if (this.#ended) return
    if (this.#overflow) {
      this.#overflow.refresh()
      return
    }
    try {
      this.#share.take(weightOf(message))
    } catch (error) {
      if (!(error instanceof SparsewaveError)) throw error
      this.#send({ type: 'cancel', id: this.id })
      this.#replay = undefined
      // What the client had sent before it could know belongs to this stream, not to the next one.
      this.#overflow = setTimeout(() => this.fail(error), OVERFLOW_QUIET)
      return
    }
    this.#replay?.push(message)
    this.#send(message)
  }

  #send(message: ToWorker): void {
    if (!this.#ended) this.worker?.port.postMessage(message)
  }

  #finish(): void {
    this.#ended = true
    this.#replay = undefined
    clearTimeout(this.#queueTimer)
    clearTimeout(this.#overflow)
    this.#share.close()
    this.#pool.release(this)
  }
}
