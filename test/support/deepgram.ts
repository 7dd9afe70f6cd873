/** Deepgram's own client as tests of both versions of its WebSocket use it. */
import { DeepgramClient } from '@deepgram/sdk'
import type { TestServer } from './test-server.ts'

export function deepgramClient(at: TestServer, apiKey: string): DeepgramClient {
  const base = `ws://127.0.0.1:${at.port}`
  return new DeepgramClient({ apiKey, environment: { base: at.url, production: base, agent: base, agentRest: at.url } })
}

/** What every connection asks for. */
export const DEEPGRAM_AUDIO = { encoding: 'linear16', sample_rate: '24000', reconnectAttempts: 0 }

export interface DeepgramEvent {
  type: string
  speech_id?: string
  code?: string
  audio_duration_ms?: number
  [field: string]: unknown
}

/** The part of the client's sockets that tests use. */
interface ClientSocket {
  on(event: 'message', listener: (message: unknown) => void): void
  on(event: 'close' | 'error', listener: () => void): void
  connect(): unknown
  waitForOpen(): Promise<unknown>
}

/** Connects, and collects what comes: messages, and how many bytes of audio. */
export async function listen(given: unknown) {
  const socket = given as ClientSocket
  const events: DeepgramEvent[] = []
  const heard = { bytes: 0, closed: false }
  socket.on('message', (message) => {
    const data = message as DeepgramEvent | ArrayBuffer | Blob | Uint8Array
    if (data instanceof ArrayBuffer) heard.bytes += data.byteLength
    else if (data instanceof Blob) heard.bytes += data.size
    else if (ArrayBuffer.isView(data)) heard.bytes += data.byteLength
    else events.push(data as DeepgramEvent)
  })
  socket.on('close', () => {
    heard.closed = true
  })
  socket.on('error', () => {})
  socket.connect()
  await socket.waitForOpen()
  const of = (type: string) => events.filter((event) => event.type === type)
  return { events, heard, of }
}
