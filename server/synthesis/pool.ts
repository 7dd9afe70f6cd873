/**
 * The synthesis workers and the queue before them. A stream goes to the worker with the most room: as many streams as it
 * can make in real time, by what it measures (meter.ts). When all are full a stream waits in a bounded queue; a worker that dies ends
 * its streams with an error and is replaced.
 */
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import type { Stage } from '../../src/synthesis/index.ts'
import type { VocoderKind } from '../../src/vocoder/vocoder.ts'
import type { FromWorker, StreamRequest, ToWorker, WorkerPort } from './messages.ts'
import type { StreamEvents, StreamHandle } from './stream.ts'

/** Samples a worker may be ahead of what the client has taken. */
const WINDOW = 2 * SAMPLE_RATE

export interface PoolOptions {
  readonly workers: number
  /** Share of a worker's time that its streams may need to be made in real time. */
  readonly loadLimit: number
  /** Streams of a worker whatever they cost; undefined = any number. */
  readonly streamsPerWorker?: number | undefined
  readonly queue: number
  /** Starts a worker; it says `ready` when its voice is loaded. */
  spawn(): WorkerPort
  /** Told of what happens, for metrics and the log. */
  readonly observe?: Partial<PoolObserver>
}

export interface PoolObserver {
  queueWait(seconds: number): void
  stage(stage: Stage, seconds: number): void
  audio(seconds: number): void
  /** Streams side by side when a piece of audio was made. */
  batch(streams: number): void
  /** Seconds that a stream's audio came too late in all, once it has ended. */
  underrun(seconds: number): void
  workerLost(reason: string): void
}

export interface PoolInfo {
  readonly kernel: string
  readonly kernelReason: string
  /** What the vocoder's products are made in. */
  readonly precision: string
  /** What runs the acoustic and the conditioning net. */
  readonly layers?: string
  /** Share of the vocoder's weights that are zero. */
  readonly sparsity: number
  readonly vocoder: VocoderKind
}

interface Slot {
  port: WorkerPort
  state: 'starting' | 'ready' | 'dead'
  readonly streams: Map<number, PooledStream>
  /** When it was given a stream last, counted in streams. */
  given: number
  /** As the worker told last; `idle` of its streams have nothing to say. */
  load: { readonly busy: number; readonly cost: number | undefined; readonly idle: number }
}

const NO_LOAD = { busy: 0, cost: undefined, idle: 0 }

/** Deaths in a row without a worker becoming ready after which the pool gives up on it. */
const MAX_FAILED_STARTS = 3

export class SynthesisPool {
  readonly #options: PoolOptions
  readonly #slots: Slot[] = []
  readonly #queue: PooledStream[] = []
  readonly #ready: Promise<PoolInfo>
  #settleReady!: { resolve: (info: PoolInfo) => void; reject: (error: Error) => void }
  #info: PoolInfo | undefined
  #nextId = 1
  #failedStarts = 0
  #stopping = false
  #whenIdle: (() => void) | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.#ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject }
    })
    this.#ready.catch(() => {})
    for (let i = 0; i < options.workers; i++) this.#start()
  }

  /** Resolves when the first worker can speak; rejects with the voice's error when none can. */
  ready(): Promise<PoolInfo> {
    return this.#ready
  }

  get info(): PoolInfo | undefined {
    return this.#info
  }

  get isReady(): boolean {
    return !this.#stopping && this.#slots.some((slot) => slot.state === 'ready')
  }

  get readyWorkers(): number {
    return this.#slots.filter((slot) => slot.state === 'ready').length
  }

  get activeStreams(): number {
    return this.#slots.reduce((n, slot) => n + slot.streams.size, 0)
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Mean share of their time in which the ready workers are busy, 0-1. */
  get busy(): number {
    const ready = this.#slots.filter((slot) => slot.state === 'ready')
    return ready.reduce((sum, { load }) => sum + load.busy, 0) / Math.max(1, ready.length)
  }

  /** Mean worker seconds of a second of audio; undefined until some was made. */
  get cost(): number | undefined {
    const costs = this.#slots.flatMap(({ load }) => load.cost ?? [])
    return costs.length === 0 ? undefined : costs.reduce((a, b) => a + b) / costs.length
  }

  /** Streams that the ready workers can make in real time, within the limit; undefined until one has measured it. */
  get capacity(): number | undefined {
    const rooms = this.#slots.filter((slot) => slot.state === 'ready').map((slot) => this.#placesOf(slot))
    const sum = rooms.reduce((a, b) => a + b, 0)
    return Number.isFinite(sum) ? sum : undefined
  }

  /** Opens a stream, at once or when one ends. Throws SERVER_BUSY when the queue is full, SERVER_STOPPING while draining. */
  open(request: StreamRequest, events: StreamEvents): StreamHandle {
    if (this.#stopping) throw new SparsewaveError('SERVER_STOPPING', 'The server is shutting down.')
    const slot = this.#freeSlot()
    if (!slot && this.#queue.length >= this.#options.queue)
      throw new SparsewaveError('SERVER_BUSY', 'All streams are taken and the queue is full.')
    const stream = new PooledStream(this.#nextId++, request, events, this)
    if (slot) this.#assign(stream, slot)
    else this.#queue.push(stream)
    return stream
  }

  /** Takes no new streams and resolves when those that run have ended, or after `seconds`; then ends the workers. */
  async drain(seconds: number): Promise<void> {
    this.#stopping = true
    if (this.activeStreams + this.#queue.length > 0) {
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#whenIdle = resolve
        }),
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, seconds * 1000)
        }),
      ])
      clearTimeout(timer)
    }
    await this.stop()
  }

  /** Ends all streams with SERVER_STOPPING, and the workers. */
  async stop(): Promise<void> {
    this.#stopping = true
    const error = new SparsewaveError('SERVER_STOPPING', 'The server is shutting down.')
    for (const stream of this.#queue.splice(0)) stream.fail(error)
    const exits = this.#slots.map((slot) => {
      for (const stream of [...slot.streams.values()]) stream.fail(error)
      slot.streams.clear()
      if (slot.state === 'dead') return undefined
      const exit = new Promise<void>((resolve) => slot.port.on('exit', () => resolve()))
      slot.port.postMessage({ type: 'stop' })
      return exit
    })
    this.#settleReady.reject(error)
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      Promise.all(exits),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, 3000)
      }),
    ])
    clearTimeout(timer)
    for (const slot of this.#slots) if (slot.state !== 'dead') await slot.port.terminate()
  }

  /** Frees a stream's place; called by the stream. */
  release(stream: PooledStream): void {
    const at = this.#queue.indexOf(stream)
    if (at >= 0) this.#queue.splice(at, 1)
    else {
      stream.slot?.streams.delete(stream.id)
      this.#fill()
    }
    if (this.activeStreams + this.#queue.length === 0) this.#whenIdle?.()
  }

  #start(): void {
    const slot: Slot = { port: this.#options.spawn(), state: 'starting', streams: new Map(), given: 0, load: NO_LOAD }
    this.#slots.push(slot)
    let reason = 'it ended'
    slot.port.on('message', (message) => this.#receive(slot, message))
    slot.port.on('error', (error) => {
      reason = error.message
      this.#lost(slot, reason)
    })
    slot.port.on('exit', (_code, why) => this.#lost(slot, why ?? reason))
  }

  #receive(slot: Slot, message: FromWorker): void {
    if (message.type === 'ready') {
      slot.state = 'ready'
      this.#failedStarts = 0
      const { type: _, cost, ...info } = message
      slot.load = { ...NO_LOAD, cost }
      this.#info = info
      this.#settleReady.resolve(this.#info)
      this.#fill()
    } else if (message.type === 'failed') {
      const { code, message: text, remedy } = message.error
      this.#settleReady.reject(new SparsewaveError(code, text, { remedy }))
    } else if (message.type === 'load') {
      const { busy, cost, idle } = message
      slot.load = { busy, cost, idle: Math.min(idle, slot.streams.size) }
      this.#fill()
    } else if (message.type === 'stage') this.#options.observe?.stage?.(message.stage, message.seconds)
    else slot.streams.get(message.id)?.receive(message, this.#options.observe)
  }

  #lost(slot: Slot, reason: string): void {
    if (slot.state === 'dead') return
    const wasStarting = slot.state === 'starting'
    slot.state = 'dead'
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    const error = new SparsewaveError('SYNTHESIS_FAILED', 'The synthesis thread of this stream died.')
    for (const stream of [...slot.streams.values()]) stream.fail(error)
    if (this.#stopping) return
    this.#options.observe?.workerLost?.(reason)
    if (wasStarting && ++this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#settleReady.reject(
        new SparsewaveError('SYNTHESIS_FAILED', `The synthesis threads do not start: ${reason}.`),
      )
      if (this.#slots.length === 0) for (const stream of this.#queue.splice(0)) stream.fail(error)
      return
    }
    this.#start()
  }

  /** Streams that speak at the same time which a worker takes: those it can make in real time, and one at least. */
  #placesOf({ load }: Slot): number {
    const { loadLimit, streamsPerWorker = Number.POSITIVE_INFINITY } = this.#options
    const places = load.cost === undefined ? Number.POSITIVE_INFINITY : Math.floor(loadLimit / load.cost)
    return Math.min(Math.max(1, places), streamsPerWorker)
  }

  /** The ready worker that has room and the least to do; of equals the one that was given a stream longest ago. */
  #freeSlot(): Slot | undefined {
    const { streamsPerWorker = Number.POSITIVE_INFINITY } = this.#options
    let best: { slot: Slot; work: number } | undefined
    for (const slot of this.#slots) {
      const speaking = Math.max(0, slot.streams.size - slot.load.idle)
      if (slot.state !== 'ready' || slot.streams.size >= streamsPerWorker || speaking >= this.#placesOf(slot)) continue
      const work = speaking * (slot.load.cost ?? 1)
      if (!best || work < best.work || (work === best.work && slot.given < best.slot.given)) best = { slot, work }
    }
    return best?.slot
  }

  #fill(): void {
    while (this.#queue.length > 0) {
      const slot = this.#freeSlot()
      if (!slot) return
      this.#assign(this.#queue.shift()!, slot)
    }
  }

  #assign(stream: PooledStream, slot: Slot): void {
    slot.streams.set(stream.id, stream)
    slot.given = stream.id
    this.#options.observe?.queueWait?.(stream.waitedSeconds())
    stream.assign(slot)
  }
}

class PooledStream implements StreamHandle {
  readonly id: number
  readonly request: StreamRequest
  slot: Slot | undefined
  readonly #events: StreamEvents
  readonly #pool: SynthesisPool
  readonly #opened = performance.now()
  /** Messages that came before there was a worker. */
  readonly #early: ToWorker[] = []
  #ended = false
  /** The clear that the worker has not answered yet; audio before its answer is dropped. */
  #clearing: number | undefined
  /** Seconds of audio that came too late; undefined until some came whose lateness is told. */
  #late: number | undefined

  constructor(id: number, request: StreamRequest, events: StreamEvents, pool: SynthesisPool) {
    this.id = id
    this.request = request
    this.#events = events
    this.#pool = pool
  }

  text(piece: string): void {
    this.#send({ type: 'text', id: this.id, text: piece })
  }

  flush(mark: number): void {
    this.#send({ type: 'flush', id: this.id, mark })
  }

  clear(mark: number): void {
    this.#clearing = mark
    this.#send({ type: 'clear', id: this.id, mark })
  }

  end(): void {
    this.#send({ type: 'end', id: this.id })
  }

  cancel(): void {
    if (this.#ended) return
    this.#send({ type: 'cancel', id: this.id })
    this.#finish()
  }

  waitedSeconds(): number {
    return (performance.now() - this.#opened) / 1000
  }

  assign(slot: Slot): void {
    this.slot = slot
    slot.port.postMessage({ type: 'open', id: this.id, request: this.request, credit: WINDOW })
    for (const message of this.#early.splice(0)) slot.port.postMessage(message)
  }

  fail(error: SparsewaveError): void {
    if (this.#ended) return
    this.#finish()
    this.#events.error(error)
  }

  receive(message: Extract<FromWorker, { id: number }>, observe: Partial<PoolObserver> | undefined): void {
    if (this.#ended) return
    if (message.type === 'audio') {
      const { bytes, samples, sentence, company, late } = message
      observe?.audio?.(samples / SAMPLE_RATE)
      if (samples > 0) observe?.batch?.(company)
      if (late !== undefined) this.#late = (this.#late ?? 0) + late
      const taken = (): void => this.#send({ type: 'credit', id: this.id, samples })
      if (this.#clearing !== undefined) taken()
      else this.#events.audio(bytes, { samples, ...(sentence && { sentence }) }, taken)
    } else if (message.type === 'flushed') {
      if (this.#clearing === undefined) this.#events.flushed?.(message.mark)
    } else if (message.type === 'cleared') {
      if (this.#clearing === message.mark) this.#clearing = undefined
      this.#events.cleared?.(message.mark)
    } else if (message.type === 'done') {
      if (this.#late !== undefined) observe?.underrun?.(this.#late)
      this.#finish()
      this.#events.done()
    } else if (message.type === 'error') {
      const { code, message: text, remedy } = message.error
      this.fail(new SparsewaveError(code, text, { remedy }))
    }
  }

  #send(message: ToWorker): void {
    if (this.#ended) return
    if (this.slot) this.slot.port.postMessage(message)
    else this.#early.push(message)
  }

  #finish(): void {
    this.#ended = true
    this.#pool.release(this)
  }
}
