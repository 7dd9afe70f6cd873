/**
 * A WebSocket as its dialect sees it: its messages one after the other, sending under back-pressure, who the caller is,
 * and its speeches. A client that sends faults, or more than it may, is disconnected and what is left of it dropped.
 */
import { type RawData, WebSocket } from 'ws'
import { SparsewaveError } from '../../src/errors.ts'
import type { ConnectionSlot } from '../access/connections.ts'
import type { FairQueue } from '../access/fair-queue.ts'
import type { Caller } from '../access/gate.ts'
import { logRefusal } from '../access/refusals.ts'
import type { ServerDeps } from '../deps.ts'
import { Speech, type SpeechEvents } from '../speech.ts'
import type { SpeechRequest } from '../synthesis/messages.ts'
import type { Traced } from '../tracing.ts'
import type { DialectSession } from './dialect.ts'

/** Messages of one connection that may wait, before and after its key is known; reading pauses long before. */
const WAITING_BEFORE_KEY = 64
const WAITING = 8192
const PAUSE_READING = 64

/** Messages with faults after which a connection is closed; answered ones a client learns from. */
const MAX_FAULTS = 16

/**
 * Messages a second of one connection, after a first burst. A language model writes tens. Flushes, clears and starts count
 * as several, since each makes a worker begin anew. Who sends more is read more slowly.
 */
const RATE = 100
const BURST = 500
const CONTROL_WEIGHT = 5

/** How long a client has to answer the goodbye, ms. */
const GOODBYE = 1000

interface Message {
  readonly data: RawData
  readonly isBinary: boolean
}

export interface ConnectionOptions {
  readonly id: string
  readonly route: string
  readonly caller: Caller | undefined
  readonly deps: ServerDeps
  /** The span of the handshake. */
  readonly traced: Traced
  readonly address: string
  readonly slot: ConnectionSlot
  readonly queue: FairQueue
}

export class Connection {
  readonly id: string
  readonly deps: ServerDeps
  readonly route: string
  readonly traced: Traced
  readonly #address: string
  readonly #slot: ConnectionSlot
  readonly #queue: FairQueue
  #caller: Caller | undefined
  #ws: WebSocket | undefined
  #session: DialectSession | undefined
  #closed = false
  readonly #speeches = new Set<Speech>()
  #messages: Message[] = []
  #isWorking = false
  #isPaused = false
  #faults = 0
  /** Messages that may be handled at once, and when that was worked out, ms. */
  #allowance = BURST
  #countedAt = performance.now()
  #idle: NodeJS.Timeout | undefined
  #keyTimer: NodeJS.Timeout | undefined

  constructor({ id, route, caller, deps, traced, address, slot, queue }: ConnectionOptions) {
    this.id = id
    this.route = route
    this.deps = deps
    this.traced = traced
    this.#caller = caller
    this.#address = address
    this.#slot = slot
    this.#queue = queue
  }

  /** The socket is there; called once. */
  attach(ws: WebSocket, session: DialectSession): void {
    this.#ws = ws
    this.#session = session
    const { wsIdleSeconds, keySeconds } = this.deps.config
    this.#idle = setTimeout(() => this.close(1001, 'idle'), wsIdleSeconds * 1000)
    if (!this.#caller) this.#keyTimer = setTimeout(() => this.close(1008, 'no key came'), keySeconds * 1000)
    ws.on('message', (data, isBinary) => this.#receive({ data, isBinary }))
    ws.on('close', () => this.#end())
    // A broken connection also says `close`.
    ws.on('error', () => {})
    session.start?.()
  }

  get caller(): Caller | undefined {
    return this.#caller
  }

  get bufferedBytes(): number {
    return this.#ws?.bufferedAmount ?? 0
  }

  /** Takes a key that came in a message. Throws INVALID_API_KEY, SERVER_BUSY when there are too many connections. */
  async authenticate(key: string | undefined): Promise<void> {
    if (this.#caller) return
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const caller = this.deps.gate.identify(headers, this.#address)
    await this.deps.gate.request(caller)
    if (!this.#slot.admit()) throw new SparsewaveError('SERVER_BUSY', 'There are too many connections.')
    clearTimeout(this.#keyTimer)
    this.#caller = caller
  }

  /** Counts a further request on this connection: each after the one that the handshake was counted as. Throws RateLimitError. */
  async countRequest(): Promise<void> {
    this.control()
    if (this.#caller) await this.deps.gate.request(this.#caller)
  }

  /** A message that makes a worker begin anew is handled. */
  control(): void {
    this.#allowance -= CONTROL_WEIGHT - 1
  }

  /** Counts characters of text before they are spoken. Throws RateLimitError. */
  async countText(characters: number): Promise<void> {
    if (this.#caller) await this.deps.gate.text(this.#caller, characters)
  }

  send(message: object): void {
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message))
  }

  /** `taken` is called when the socket has taken the data, never when it is gone. */
  sendAudio(data: Uint8Array | string, taken: () => void): void {
    if (this.#ws?.readyState !== WebSocket.OPEN) return
    this.#ws.send(data, { binary: typeof data !== 'string' }, (error) => {
      if (error) return
      this.#idle?.refresh()
      taken()
    })
  }

  /** Says goodbye. No message is read any more, and the socket is cut if the client does not answer. */
  close(code: number, reason = ''): void {
    if (this.#closed) return
    this.#closed = true
    this.#messages = []
    const ws = this.#ws
    if (!ws) return
    ws.close(code, reason)
    const cut = setTimeout(() => ws.terminate(), GOODBYE)
    ws.once('close', () => clearTimeout(cut))
  }

  /** Cuts the socket. */
  terminate(): void {
    this.#ws?.terminate()
  }

  /** Starts a stream. Throws SERVER_BUSY, SERVER_STOPPING. */
  speak(request: SpeechRequest, events: SpeechEvents): Speech {
    const speech: Speech = new Speech(this, request, events, () => this.#speeches.delete(speech))
    this.#speeches.add(speech)
    return speech
  }

  #receive(message: Message): void {
    if (this.#closed) return
    this.#idle?.refresh()
    this.#messages.push(message)
    const { length } = this.#messages
    if (length > (this.#caller ? WAITING : WAITING_BEFORE_KEY)) {
      this.deps.metrics.refused.inc({ reason: 'flood' })
      this.close(1008, 'too many messages')
      return
    }
    if (length > PAUSE_READING && !this.#isPaused) {
      this.#isPaused = true
      this.#ws?.pause()
    }
    void this.#work()
  }

  /** Handles the messages that wait, in their order and in turns with other connections. */
  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    while (this.#messages.length > 0 && !this.#closed) {
      // Taken in pieces: shifting a long list for each message would take quadratic time.
      const some = this.#messages
      this.#messages = []
      let done = 0
      for (const { data, isBinary } of some) {
        if (this.#closed) break
        await this.#turn()
        try {
          await this.#queue.run(() => (this.#closed ? undefined : this.#session?.message(data, isBinary)))
        } catch (error) {
          this.#fault(error)
        }
        done++
        // What came meanwhile goes behind what still waits.
        if (this.#messages.length + some.length - done > WAITING) this.close(1008, 'too many messages')
      }
      if (this.#isPaused && this.#messages.length === 0 && !this.#closed) {
        this.#isPaused = false
        this.#ws?.resume()
      }
    }
    this.#isWorking = false
  }

  /** Resolves when the connection may have its next message handled. */
  async #turn(): Promise<void> {
    const now = performance.now()
    this.#allowance = Math.min(BURST, this.#allowance + (RATE * (now - this.#countedAt)) / 1000) - 1
    this.#countedAt = now
    if (this.#allowance >= 0) return
    await new Promise((resolve) => setTimeout(resolve, (-1000 * this.#allowance) / RATE))
  }

  #fault(error: unknown): void {
    if (this.#closed) return
    if (error instanceof SparsewaveError)
      logRefusal(this.deps, error, {
        id: this.id,
        path: this.route,
        ...this.traced.logged,
        ...(this.#caller ? { caller: this.#caller.name } : { address: this.#address }),
      })
    this.#session?.error(error)
    if (++this.#faults < MAX_FAULTS) return
    this.deps.metrics.refused.inc({ reason: 'faults' })
    this.close(1008, 'too many faults')
  }

  #end(): void {
    this.#closed = true
    this.#messages = []
    clearTimeout(this.#idle)
    clearTimeout(this.#keyTimer)
    this.#slot.free()
    for (const speech of [...this.#speeches]) speech.cancel()
  }
}
