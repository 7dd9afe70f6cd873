/**
 * A WebSocket as its dialect sees it: sending under back-pressure, who the caller is, and speech whose metrics are kept
 * here. The socket's end ends its speech.
 */
import { WebSocket } from 'ws'
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import type { Caller } from '../access/gate.ts'
import type { ServerDeps } from '../deps.ts'
import { outcomeOf } from '../metrics.ts'
import type { AudioInfo, StreamRequest } from '../synthesis/messages.ts'
import type { StreamHandle } from '../synthesis/stream.ts'

export class Connection {
  readonly id: string
  readonly deps: ServerDeps
  readonly #route: string
  #ws: WebSocket | undefined
  #closed = false
  #caller: Caller | undefined
  readonly #speeches = new Set<Speech>()
  /** Messages are handled in their order, also where one has to wait for something. */
  #last: Promise<void> = Promise.resolve()

  readonly #address: string
  #idle: NodeJS.Timeout | undefined

  constructor(id: string, route: string, caller: Caller | undefined, deps: ServerDeps, address: string) {
    this.#address = address
    this.id = id
    this.#route = route
    this.#caller = caller
    this.deps = deps
  }

  /** The socket is there; called once. `idle` is put off as audio leaves. */
  attach(ws: WebSocket, idle: NodeJS.Timeout): void {
    this.#ws = ws
    this.#idle = idle
    ws.on('close', () => {
      this.#closed = true
      for (const speech of [...this.#speeches]) speech.cancel()
    })
  }

  get caller(): Caller | undefined {
    return this.#caller
  }

  get bufferedBytes(): number {
    return this.#ws?.bufferedAmount ?? 0
  }

  /** Takes a key that came in a message. Throws INVALID_API_KEY. */
  async authenticate(key: string | undefined): Promise<void> {
    if (this.#caller) return
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
    const caller = this.deps.gate.identify(headers, this.#address)
    await this.deps.gate.request(caller)
    this.#caller = caller
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

  close(code: number, reason = ''): void {
    this.#ws?.close(code, reason)
  }

  /** Starts a stream. Throws SERVER_BUSY, SERVER_STOPPING. */
  speak(request: Omit<StreamRequest, 'text' | 'measure'>, events: SpeechEvents): Speech {
    const speech = new Speech(this, request, events, this.#route, () => this.#speeches.delete(speech))
    this.#speeches.add(speech)
    return speech
  }

  /** Runs `work` after all the work given before, unless the socket is gone; its failure goes to `failed`. */
  inOrder(work: () => Promise<void> | void, failed: (error: unknown) => void): void {
    this.#last = this.#last.then(() => (this.#closed ? undefined : work())).catch(failed)
  }
}

export interface SpeechEvents {
  audio(bytes: Uint8Array, info: AudioInfo, taken: () => void): void
  flushed(): void
  cleared(): void
  done(): void
  error(error: SparsewaveError): void
}

/** One stream of a connection. */
export class Speech {
  readonly #connection: Connection
  readonly #route: string
  readonly #format: string
  readonly #stream: StreamHandle
  readonly #ended: () => void
  readonly #startedAt = performance.now()
  #marks = 0
  /** Clears the client waits for: mark of each. */
  readonly #clears: number[] = []
  /** When text came that no audio has followed yet, ms. */
  #textAt: number | undefined
  #firstMs: number | undefined
  #characters = 0
  #samples = 0
  #over = false
  #spoken = ''

  constructor(
    connection: Connection,
    request: Omit<StreamRequest, 'text' | 'measure'>,
    events: SpeechEvents,
    route: string,
    ended: () => void,
  ) {
    this.#connection = connection
    this.#route = route
    this.#ended = ended
    this.#format = request.output?.format ?? 'pcm'
    const { metrics, pool } = connection.deps
    this.#stream = pool.open(request, {
      audio: (bytes, info, taken) => {
        this.#samples += info.samples
        if (this.#textAt !== undefined && bytes.length > 0) {
          const waited = performance.now() - this.#textAt
          this.#firstMs ??= Math.round(waited)
          metrics.firstAudio.observe({ route }, waited / 1000)
          this.#textAt = undefined
        }
        events.audio(bytes, info, taken)
      },
      flushed: () => {
        this.#textAt = undefined
        events.flushed()
      },
      cleared: (mark) => {
        while (this.#clears.length > 0 && this.#clears[0]! <= mark) {
          this.#clears.shift()
          events.cleared()
        }
      },
      done: () => {
        this.#settle('ok')
        events.done()
      },
      error: (error) => {
        this.#settle(outcomeOf(error.status))
        events.error(error)
      },
    })
  }

  text(piece: string): void {
    const { deps } = this.#connection
    this.#textAt ??= performance.now()
    this.#characters += piece.length
    if (deps.config.logText) this.#spoken += piece
    deps.metrics.inputCharacters.inc(piece.length)
    this.#stream.text(piece)
  }

  flush(): void {
    this.#stream.flush(++this.#marks)
  }

  clear(): void {
    this.#textAt = undefined
    this.#clears.push(++this.#marks)
    this.#stream.clear(this.#marks)
  }

  end(): void {
    this.#stream.end()
  }

  /** Ends the stream at once; no event follows. */
  cancel(): void {
    if (this.#over) return
    this.#settle('cancelled')
    this.#stream.cancel()
  }

  #settle(outcome: string): void {
    if (this.#over) return
    this.#over = true
    this.#ended()
    const { metrics, logger, config } = this.#connection.deps
    const ms = performance.now() - this.#startedAt
    metrics.requests.inc({ route: this.#route, model: 'sparsewave', format: this.#format, outcome })
    if (this.#samples > 0) metrics.duration.observe({ route: this.#route, format: this.#format }, ms / 1000)
    const { voice, seed } = this.#stream.request
    logger.info({
      id: this.#connection.id,
      path: this.#route,
      caller: this.#connection.caller?.name,
      outcome,
      voice,
      seed,
      format: this.#format,
      characters: this.#characters,
      audio_s: Number((this.#samples / SAMPLE_RATE).toFixed(2)),
      ...(this.#firstMs !== undefined && { first_ms: this.#firstMs }),
      ...(config.logText && { text: this.#spoken }),
      ms: Math.round(ms),
    })
  }
}

/** What a client may be told of an error; the rest goes to the log. */
export function tellable(error: unknown, { id, deps }: Connection): SparsewaveError {
  if (error instanceof SparsewaveError) return error
  deps.logger.error({ id, err: error }, 'a WebSocket message failed inside the server')
  return new SparsewaveError('SYNTHESIS_FAILED', 'The request failed inside the server.')
}
