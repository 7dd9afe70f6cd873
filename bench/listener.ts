/**
 * A client that plays what it gets in real time: it starts with the first audio it has, and whenever it has heard all before
 * the next piece is there, that is a gap. Nothing is played; the clock stands for the ear.
 */
import { Agent, request } from 'node:http'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { WebSocket } from 'ws'

export interface Listening {
  /** From asking to the first sample, ms. */
  readonly first: number
  /** Of audio. */
  readonly seconds: number
  /** How often, and for how long in all (ms), there was nothing to hear before the end. */
  readonly gaps: number
  readonly gap: number
}

export type Via = 'http' | 'ws'

/** Shorter gaps than this, ms, are the clock's. */
const JITTER = 5
const BYTES_A_MS = (SAMPLE_RATE * 2) / 1000

/** What a listener hears of the bytes that come. */
export class Ear {
  readonly #asked = performance.now()
  #first = 0
  #bytes = 0
  /** When all that has come will have been heard, ms. */
  #until = 0
  #gaps = 0
  #gap = 0

  hear(bytes: number): void {
    if (bytes === 0) return
    const now = performance.now()
    if (this.#bytes === 0) {
      this.#first = now - this.#asked
      this.#until = now
    } else if (now > this.#until + JITTER) {
      this.#gaps++
      this.#gap += now - this.#until
      this.#until = now
    }
    this.#bytes += bytes
    this.#until += bytes / BYTES_A_MS
  }

  /** Resolves when everything has been heard, if the listener `stays` for it. */
  async end(stays: boolean): Promise<Listening> {
    const left = this.#until - performance.now()
    if (stays && left > 0) await new Promise((resolve) => setTimeout(resolve, left))
    return { first: this.#first, seconds: this.#bytes / BYTES_A_MS / 1000, gaps: this.#gaps, gap: this.#gap }
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

/** `refused`: turned away, or broken off. */
type Client = (port: number, text: string, vocoder: string, stays?: boolean) => Promise<Listening | 'refused'>

export const CLIENTS: Record<Via, Client> = {
  http: (port, text, vocoder, stays = true) =>
    new Promise((resolve) => {
      const ear = new Ear()
      const body = JSON.stringify({ input: text, response_format: 'pcm', ...(vocoder && { vocoder }) })
      const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
      const asked = request(
        { host: '127.0.0.1', port, path: '/v1/audio/speech', method: 'POST', headers, agent },
        (answer) => {
          if (answer.statusCode !== 200) {
            answer.resume()
            resolve('refused')
            return
          }
          answer.on('data', (piece: Buffer) => ear.hear(piece.length))
          answer.on('end', () => resolve(ear.end(stays)))
          answer.on('error', () => resolve('refused'))
        },
      )
      asked.on('error', () => resolve('refused'))
      asked.end(body)
    }),

  ws: (port, text, vocoder, stays = true) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/audio/stream`, { perMessageDeflate: false })
      let ear: Ear | undefined
      socket.on('unexpected-response', () => {
        resolve('refused')
        socket.terminate()
      })
      socket.on('error', () => resolve('refused'))
      socket.on('open', () => {
        // The connection is there before there is text to speak, as with a talking assistant.
        ear = new Ear()
        socket.send(JSON.stringify({ type: 'start', ...(vocoder && { vocoder }) }))
        socket.send(JSON.stringify({ type: 'text', text }))
        socket.send(JSON.stringify({ type: 'close' }))
      })
      socket.on('message', (data: Buffer, isBinary) => {
        if (isBinary) ear?.hear(data.length)
        else if (JSON.parse(data.toString()).type === 'error') resolve('refused')
      })
      socket.on('close', () => resolve(ear ? ear.end(stays) : 'refused'))
    }),
}
