/** The bytes that Home Assistant's client (the Python package `wyoming`) writes and reads. */
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { standIn } from '../../test/support/stand-in.ts'
import { type TestServer, testServer, until } from '../../test/support/test-server.ts'
import { EventReader } from './events.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { wyomingPort: 0 } })
})
afterAll(() => server.stop())

interface Received {
  type: string
  data: Record<string, unknown>
  payload: Buffer
}

class Client {
  readonly socket: Socket
  readonly events: Received[] = []
  closed = false
  #bytes = Buffer.alloc(0)

  constructor(at: TestServer = server) {
    this.socket = connect(at.wyomingPort!, '127.0.0.1')
    this.socket.on('data', (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      while (this.#take()) {}
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', () => {})
  }

  /** As `async_write_event` of wyoming 1.10 writes it. */
  write(type: string, data?: object, payload?: Buffer): void {
    const body = data ? Buffer.from(JSON.stringify(data)) : Buffer.alloc(0)
    const header = {
      type,
      version: '1.10.2',
      ...(data && { data_length: body.length }),
      ...(payload && { payload_length: payload.length }),
    }
    this.socket.write(Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body, ...(payload ? [payload] : [])]))
  }

  #take(): boolean {
    const end = this.#bytes.indexOf(10)
    if (end < 0) return false
    const header = JSON.parse(this.#bytes.subarray(0, end).toString())
    const dataEnd = end + 1 + (header.data_length ?? 0)
    const size = dataEnd + (header.payload_length ?? 0)
    if (this.#bytes.length < size) return false
    const data = dataEnd > end + 1 ? JSON.parse(this.#bytes.subarray(end + 1, dataEnd).toString()) : {}
    this.events.push({ type: header.type, data, payload: this.#bytes.subarray(dataEnd, size) })
    this.#bytes = this.#bytes.subarray(size)
    return true
  }

  has = (type: string): boolean => this.events.some((event) => event.type === type)
  types = (): string[] => [...new Set(this.events.map(({ type }) => type))]
  samples = (): number => this.events.reduce((sum, { payload }) => sum + payload.length / 2, 0)
}

test('describe is answered with the voices, and that text may come in pieces', async () => {
  const client = new Client()
  client.socket.write('{"type": "describe", "version": "1.10.2"}\n')
  await until(() => client.has('info'))
  expect(client.events[0]!.data).toMatchObject({
    asr: [],
    tts: [
      {
        name: 'sparsewave',
        installed: true,
        attribution: { name: expect.any(String), url: expect.any(String) },
        supports_synthesize_streaming: true,
        voices: [{ name: 'stand-in', languages: ['en-US'], installed: true }],
      },
    ],
  })
  client.socket.destroy()
})

test('synthesize gives audio-start, the audio in order, audio-stop; the next request comes after it', async () => {
  const client = new Client()
  client.write('synthesize', { text: 'Hello there. How are you?', voice: { name: 'stand-in' } })
  client.write('ping', { text: 'still there' })
  await until(() => client.has('pong'))
  expect(client.types()).toEqual(['audio-start', 'audio-chunk', 'audio-stop', 'pong'])
  expect(client.events[0]!.data).toEqual({ rate: 24000, width: 2, channels: 1, timestamp: 0 })
  const chunks = client.events.filter(({ type }) => type === 'audio-chunk')
  let before = 0
  for (const { data, payload } of chunks) {
    expect(data).toEqual({ rate: 24000, width: 2, channels: 1, timestamp: Math.round(before / 24) })
    before += payload.length / 2
  }
  expect(client.events.at(-2)!.data).toEqual({ timestamp: Math.round(before / 24) })
  expect(before).toBeGreaterThan(24000 / 4)
  client.socket.destroy()
})

test('text in pieces is spoken before its end; the whole text that clients send along is not spoken again', async () => {
  const whole = new Client()
  whole.write('synthesize', { text: 'The first sentence is here. And the second.' })
  await until(() => whole.has('audio-stop'))

  const client = new Client()
  client.write('synthesize-start', { voice: { language: 'en-US' } })
  client.write('synthesize-chunk', { text: 'The first sentence ' })
  client.write('synthesize-chunk', { text: 'is here. And' })
  await until(() => client.has('audio-chunk'))
  client.write('synthesize-chunk', { text: ' the second.' })
  client.write('synthesize', { text: 'The first sentence is here. And the second.' })
  client.write('synthesize-stop')
  await until(() => client.has('synthesize-stopped'))
  expect(client.types()).toEqual(['audio-start', 'audio-chunk', 'audio-stop', 'synthesize-stopped'])
  expect(client.samples()).toBe(whole.samples())
  // The connection is then as new.
  client.write('synthesize', { text: 'Once more.' })
  await until(() => client.events.filter(({ type }) => type === 'audio-stop').length === 2)
  for (const { socket } of [whole, client]) socket.destroy()
})

test('SSML is read where the event says so, and its faults are told', async () => {
  const client = new Client()
  client.write('synthesize', { text: '<speak>Hello <break time="1s"/> there.</speak>', text_format: 'ssml' })
  await until(() => client.has('audio-stop'))
  expect(client.samples()).toBeGreaterThan(24000)
  client.write('synthesize', { text: '<speak>Hello', text_format: 'ssml' })
  await until(() => client.has('error'))
  expect(client.events.at(-1)!.data).toEqual({ code: 'REQUEST_INVALID', text: expect.any(String) })
  client.socket.destroy()
})

test.each([
  ['synthesize', { text: 'Hello.', voice: { name: 'nobody' } }, 'VOICE_UNKNOWN'],
  ['synthesize', { text: 5 }, 'REQUEST_INVALID'],
  ['synthesize', { text: ' \n ' }, 'INPUT_EMPTY'],
])('%s %j is an error of the code %s, and the connection goes on', async (type, data, code) => {
  const client = new Client()
  client.write(type, data)
  client.write('ping')
  await until(() => client.has('pong'))
  expect(client.events[0]).toMatchObject({ type: 'error', data: { code } })
  client.socket.destroy()
})

test('a failed stream of text still ends with synthesize-stopped', async () => {
  const client = new Client()
  client.write('synthesize-start', { voice: { name: 'nobody' } })
  client.write('synthesize-chunk', { text: 'Hello there. ' })
  client.write('synthesize-stop')
  await until(() => client.has('synthesize-stopped'))
  expect(client.types()).toEqual(['error', 'synthesize-stopped'])
  client.socket.destroy()
})

test.each([
  ['no JSON', 'GET / HTTP/1.1\r\n\r\n'],
  ['no type', '{"data": {}}\n'],
  ['data of a length that is none', '{"type": "synthesize", "data_length": -5}\n'],
  ['more data than any text', '{"type": "synthesize", "data_length": 100000000}\n'],
  ['data that is no JSON', '{"type": "synthesize", "data_length": 4}\n\xff\xfe\xfd\xfc'],
  ['a line without end', 'x'.repeat(70_000)],
])('%s: an error, then the end of the connection', async (_, bytes) => {
  const client = new Client()
  client.socket.write(bytes, 'latin1')
  await until(() => client.closed)
  expect(client.types()).toEqual(['error'])
})

test('what is not for a voice is passed over, its payload too', async () => {
  const client = new Client()
  client.write('audio-chunk', { rate: 16000, width: 2, channels: 1 }, Buffer.alloc(3200, '\n'))
  client.write('select-program', { name: 'sparsewave' })
  client.write('ping')
  await until(() => client.has('pong'))
  expect(client.types()).toEqual(['pong'])
  client.socket.destroy()
})

test('events come out the same however the bytes are cut', () => {
  const bytes = Buffer.from(
    '{"type": "a", "data": {"x": 1}, "data_length": 11}\n{"y": "\u00e9"}{"type": "b", "payload_length": 3}\n\n\n\n{"type": "c"}\n',
  )
  const events = ['a', 'b', 'c'].map((type) => ({ type, data: type === 'a' ? { x: 1, y: '\u00e9' } : {} }))
  expect(new EventReader().push(bytes)).toEqual(events)
  const reader = new EventReader()
  expect([...bytes].flatMap((byte) => reader.push(Uint8Array.of(byte)))).toEqual(events)
})

test('a client that is gone frees its stream; a stopping server lets a speech finish', async () => {
  const own = await testServer({ config: { wyomingPort: 0 }, standIn: standIn() })
  const gone = new Client(own)
  gone.write('synthesize', { text: 'A long story. '.repeat(200) })
  await until(() => gone.has('audio-chunk'))
  gone.socket.resetAndDestroy()
  await until(() => own.pool.activeStreams === 0)

  const stays = new Client(own)
  stays.write('synthesize', { text: 'A short one. And another.' })
  await until(() => stays.has('audio-start'))
  await own.stop()
  await until(() => stays.closed)
  expect(stays.has('audio-stop')).toBe(true)
})
