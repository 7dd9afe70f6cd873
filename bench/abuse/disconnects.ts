/**
 * Clients that vanish: in the middle of a request, before the answer, after some of it; over HTTP, our WebSocket, Deepgram's,
 * ElevenLabs' and Wyoming. Where and how is drawn from the seed.
 */
import { connect, type Socket } from 'node:net'
import { Random } from 'sparsewave/internal/random'
import { WebSocket } from 'ws'
import { inParallel, type Target } from './target.ts'

const TEXT = 'The ferry leaves the harbour at noon. It comes back before dark, unless the wind is against it.'

/** Clients at the same time: fewer than the streams of a server with its defaults and two threads. */
const WIDTH = 24

/** `count` clients come and vanish. Resolves when the last one has. */
export async function disconnectMany(target: Target, count: number, seed: number): Promise<void> {
  const random = new Random(seed)
  const pick = (n: number): number => Math.floor(random.uniform() * n)
  await inParallel(count, WIDTH, () => {
    const way = WAYS[pick(WAYS.length)]!
    // Bytes after which the client goes; 0 = without waiting for any.
    const after = [0, 1, 500, 5000, 20000][pick(5)]!
    return way(target, after, random.uniform() < 0.5)
  })
}

type Way = (target: Target, after: number, reset: boolean) => Promise<void>

/** Writes, waits for `after` bytes, and is gone: with a reset, or without a goodbye. */
function overTcp(port: number, bytes: Buffer, after: number, reset: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1')
    let got = 0
    const go = (): void => {
      if (reset) socket.resetAndDestroy()
      else socket.destroy()
    }
    socket.on('connect', () => socket.write(bytes, () => after === 0 && go()))
    socket.on('data', (piece) => {
      got += piece.length
      if (got >= after) go()
    })
    socket.on('end', go)
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}

function overWebSocket(url: string, messages: readonly object[], after: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    let got = 0
    socket.on('open', () => {
      for (const message of messages) socket.send(JSON.stringify(message))
      if (after === 0) socket.terminate()
    })
    socket.on('message', (data: Buffer) => {
      got += data.length
      if (got >= after) socket.terminate()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}

const post = (body: string): Buffer =>
  Buffer.from(
    `POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
const speech = (format: string): string => JSON.stringify({ input: TEXT, response_format: format })
const ws = ({ port }: Target, path: string): string => `ws://127.0.0.1:${port}${path}`

const WAYS: readonly Way[] = [
  (target, after, reset) => overTcp(target.port, post(speech('pcm')), after, reset),
  (target, after, reset) => overTcp(target.port, post(speech('mp3')), after, reset),
  // Half a request is no request: nothing comes back.
  (target, _, reset) => overTcp(target.port, post(speech('wav')).subarray(0, 150), 0, reset),
  (target, after, reset) => {
    const data = JSON.stringify({ text: TEXT })
    const event = Buffer.from(`{"type": "synthesize", "data_length": ${data.length}}\n${data}`)
    return overTcp(target.wyomingPort, event, after, reset)
  },
  (target, after) =>
    overWebSocket(ws(target, '/v1/audio/stream'), [{ type: 'text', text: TEXT }, { type: 'flush' }], after),
  (target, after) => overWebSocket(ws(target, '/v1/speak'), [{ type: 'Speak', text: TEXT }, { type: 'Flush' }], after),
  (target, after) =>
    overWebSocket(
      ws(target, '/v1/text-to-speech/alloy/stream-input'),
      [{ text: ' ' }, { text: TEXT, flush: true }],
      after,
    ),
]
