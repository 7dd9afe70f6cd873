/**
 * WebSocket /v1/audio/stream: text pieces in, s16le 24 kHz mono out (docs/websocket.md). One connection speaks one
 * stream at a time; its stream is freed when the connection goes.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import { SparsewaveError } from '../src/errors.ts'
import { randomSeed } from '../src/synthesis/index.ts'
import { RequestError } from './http-errors.ts'
import { type Metrics, outcomeOf } from './metrics.ts'
import { MAX_INPUT, seedSchema, speedSchema, vocoderSchema } from './routes/speech-request.ts'
import type { SynthesisPool } from './synthesis/pool.ts'
import type { StreamHandle } from './synthesis/stream.ts'
import { resolveVoice, type VoiceCatalogue } from './voices.ts'

export const STREAM_PATH = '/v1/audio/stream'
const MAX_MESSAGE_BYTES = 64 * 1024

const messageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('start'),
    voice: z.string().optional(),
    vocoder: vocoderSchema.optional(),
    seed: seedSchema.optional(),
    speed: speedSchema.default(1),
  }),
  z.strictObject({ type: z.literal('text'), text: z.string().max(MAX_INPUT) }),
  z.strictObject({ type: z.literal('flush') }),
  z.strictObject({ type: z.literal('clear') }),
  z.strictObject({ type: z.literal('close') }),
])
type ClientMessage = z.output<typeof messageSchema>

export interface WebSocketDeps {
  readonly pool: SynthesisPool
  readonly metrics: Metrics
  readonly catalogue: VoiceCatalogue
  readonly maxConnections: number
  readonly idleSeconds: number
}

/** Attaches the WebSocket to an HTTP server. The returned function says goodbye to all clients. */
export function attachWebSocket(server: Server, deps: WebSocketDeps): { close(): void } {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false })
  const sessions = new Set<Session>()
  deps.metrics.wsConnections.reset()
  const buffered = deps.metrics.wsBuffered as typeof deps.metrics.wsBuffered & { collect: () => void }
  buffered.collect = () => buffered.set([...sessions].reduce((n, session) => n + session.bufferedBytes, 0))

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const refusal =
      pathname !== STREAM_PATH
        ? '404 Not Found'
        : sessions.size >= deps.maxConnections
          ? '503 Service Unavailable'
          : undefined
    if (refusal) {
      refuse(socket, refusal)
      return
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const session = new Session(ws, deps)
      sessions.add(session)
      deps.metrics.wsConnections.set(sessions.size)
      ws.on('close', () => {
        sessions.delete(session)
        deps.metrics.wsConnections.set(sessions.size)
      })
    })
  })
  return {
    close() {
      for (const session of sessions) session.goAway()
      sockets.close()
    },
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

class Session {
  readonly #ws: WebSocket
  readonly #deps: WebSocketDeps
  #stream: StreamHandle | undefined
  /** What follows the end of the stream that is still speaking: `close` was asked for. */
  #closing = false
  #marks = 0
  /** Clears the client waits for: mark of each. */
  readonly #clears: number[] = []
  /** When text came that no audio has followed yet, ms. */
  #textAt: number | undefined
  #startedAt = 0
  #audioBytes = 0
  readonly #idle: NodeJS.Timeout

  constructor(ws: WebSocket, deps: WebSocketDeps) {
    this.#ws = ws
    this.#deps = deps
    this.#idle = setTimeout(() => ws.close(1001, 'idle'), deps.idleSeconds * 1000)
    ws.on('message', (data, isBinary) => {
      this.#idle.refresh()
      this.#receive(data, isBinary)
    })
    ws.on('close', () => {
      clearTimeout(this.#idle)
      if (this.#stream) this.#settle('cancelled')
      this.#stream?.cancel()
      this.#stream = undefined
    })
    // A broken connection also says `close`.
    ws.on('error', () => {})
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount
  }

  goAway(): void {
    if (this.#stream) this.#closing = true
    else this.#ws.close(1001, 'the server is shutting down')
    this.#stream?.end()
  }

  #receive(data: RawData, isBinary: boolean): void {
    try {
      this.#handle(parse(data, isBinary))
    } catch (error) {
      this.#error(error)
    }
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'start') {
      this.#start(message)
      return
    }
    if (message.type === 'close') {
      this.#closing = true
      if (this.#stream) this.#stream.end()
      else this.#ws.close(1000)
      return
    }
    this.#stream ??= this.#open({ speed: 1 })
    if (message.type === 'text') {
      this.#textAt ??= performance.now()
      this.#deps.metrics.inputCharacters.inc(message.text.length)
      this.#stream.text(message.text)
    } else if (message.type === 'flush') this.#stream.flush(++this.#marks)
    else {
      this.#textAt = undefined
      this.#clears.push(++this.#marks)
      this.#stream.clear(this.#marks)
    }
  }

  #start(message: Extract<ClientMessage, { type: 'start' }>): void {
    if (this.#stream) {
      this.#settle('cancelled')
      this.#stream.cancel()
      this.#stream = undefined
    }
    this.#stream = this.#open(message)
  }

  #open(start: Omit<Extract<ClientMessage, { type: 'start' }>, 'type'>): StreamHandle {
    const voice = resolveVoice(start.voice, this.#deps.catalogue)
    const seed = start.seed ?? randomSeed()
    const request = { voice, seed, speed: start.speed, ...(start.vocoder !== undefined && { vocoder: start.vocoder }) }
    const stream = this.#deps.pool.open(request, {
      audio: (pcm, { sentence }, taken) => {
        if (this.#textAt !== undefined) {
          this.#deps.metrics.firstAudio.observe({ route: STREAM_PATH }, (performance.now() - this.#textAt) / 1000)
          this.#textAt = undefined
        }
        if (sentence) this.#send({ type: 'sentence', ...sentence })
        this.#audioBytes += pcm.length
        if (pcm.length === 0) {
          taken()
          return
        }
        this.#ws.send(pcm, { binary: true }, (error) => {
          if (error) return
          this.#idle.refresh()
          taken()
        })
      },
      flushed: () => {
        this.#textAt = undefined
        this.#send({ type: 'flushed' })
      },
      cleared: (mark) => {
        while (this.#clears.length > 0 && this.#clears[0]! <= mark) {
          this.#clears.shift()
          this.#send({ type: 'cleared' })
        }
      },
      done: () => {
        this.#settle('ok')
        this.#stream = undefined
        this.#send({ type: 'done' })
        if (this.#closing) this.#ws.close(1000)
      },
      error: (error) => {
        this.#settle(outcomeOf(error.status))
        this.#stream = undefined
        this.#error(error)
        if (this.#closing) this.#ws.close(1011)
      },
    })
    this.#startedAt = performance.now()
    this.#audioBytes = 0
    this.#send({ type: 'started', voice, seed, sample_rate: 24000 })
    return stream
  }

  #settle(outcome: string): void {
    this.#deps.metrics.requests.inc({ route: STREAM_PATH, model: 'sparsewave', format: 'pcm', outcome })
    if (this.#audioBytes > 0)
      this.#deps.metrics.duration.observe(
        { route: STREAM_PATH, format: 'pcm' },
        (performance.now() - this.#startedAt) / 1000,
      )
  }

  #send(message: object): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(JSON.stringify(message))
  }

  #error(error: unknown): void {
    const known =
      error instanceof SparsewaveError
        ? error
        : new SparsewaveError('SYNTHESIS_FAILED', 'The request failed inside the server.')
    if (known !== error) console.error(error)
    const param = known instanceof RequestError ? known.param : null
    this.#send({ type: 'error', code: known.code.toLowerCase(), message: `${known.message} ${known.remedy}`, param })
  }
}

function parse(data: RawData, isBinary: boolean): ClientMessage {
  if (isBinary) throw new RequestError('REQUEST_INVALID', 'Messages are JSON texts.', null)
  let json: unknown
  try {
    json = JSON.parse(data.toString())
  } catch {
    throw new RequestError('REQUEST_INVALID', 'The message is not valid JSON.', null)
  }
  const parsed = messageSchema.safeParse(json)
  if (!parsed.success) throw RequestError.fromZod(parsed.error)
  return parsed.data
}
