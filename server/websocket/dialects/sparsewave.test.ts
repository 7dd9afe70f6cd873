import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { toPcm16Bytes } from '../../../src/audio/pcm.ts'
import { type TestServer, testServer, until } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())

type Message = { type: string } & Record<string, unknown>

class Client {
  readonly socket: WebSocket
  readonly messages: Message[] = []
  audio: Buffer = Buffer.alloc(0)
  closed = false

  constructor(at: TestServer = server) {
    this.socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`)
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.audio = Buffer.concat([this.audio, data])
      else this.messages.push(JSON.parse(data.toString()))
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', () => {})
  }

  send(...messages: Message[]): void {
    for (const message of messages) this.socket.send(JSON.stringify(message))
  }

  count = (type: string): number => this.messages.filter((message) => message.type === type).length
  heard = (type: string, times = 1): Promise<void> => until(() => this.count(type) >= times)
}

async function connect(at: TestServer = server): Promise<Client> {
  const client = new Client(at)
  await until(() => client.socket.readyState === WebSocket.OPEN)
  return client
}

async function whole(text: string, seed: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const { samples } of server.standIn.synthesizer.stream(text, { seed })) pieces.push(toPcm16Bytes(samples))
  return Buffer.concat(pieces)
}

test('pieces of text are spoken as the whole text would be', async () => {
  const text = 'The first one is here. The second follows it. And a third.'
  const client = await connect()
  client.send({ type: 'start', seed: 5, voice: 'alloy' })
  for (const piece of text.match(/.{1,4}/gs)!) client.send({ type: 'text', text: piece })
  client.send({ type: 'close' })
  await until(() => client.closed)
  expect(client.messages.map((m) => m.type)).toEqual(['started', 'sentence', 'sentence', 'sentence', 'done'])
  expect(client.messages[0]).toMatchObject({ voice: 'stand-in', seed: 5, sample_rate: 24000 })
  expect(client.messages[1]).toMatchObject({ text: 'The first one is here.', index: 0, start: 0, end: 22 })
  expect(client.audio.equals(await whole(text, 5))).toBe(true)
})

test('a complete sentence is spoken without a flush, an incomplete one after it', async () => {
  const client = await connect()
  client.send({ type: 'text', text: 'This is complete. This is' })
  await client.heard('sentence')
  expect(client.messages[1]).toMatchObject({ text: 'This is complete.' })
  client.send({ type: 'flush' })
  await client.heard('flushed')
  expect(client.messages.map((m) => m.type)).toEqual(['started', 'sentence', 'sentence', 'flushed'])
  client.send({ type: 'close' })
  await until(() => client.closed)
})

test('clear stops the speech at once and the next text is spoken', async () => {
  const client = await connect()
  client.send(
    { type: 'start', seed: 1, speed: 0.25 },
    { type: 'text', text: 'A long sentence that goes on and on. '.repeat(100) },
  )
  await until(() => client.audio.length > 0)
  client.send({ type: 'clear' })
  await client.heard('cleared')
  const before = client.audio.length
  const sentences = client.count('sentence')
  client.send({ type: 'text', text: 'Now this.' }, { type: 'flush' })
  await client.heard('flushed')
  expect(sentences).toBeLessThan(100)
  expect(client.count('sentence')).toBe(sentences + 1)
  expect(client.messages.findLast((m) => m.type === 'sentence')).toMatchObject({ text: 'Now this.' })
  expect(client.audio.length).toBeGreaterThan(before)
  client.socket.terminate()
  await until(() => server.pool.activeStreams === 0)
})

test('a client that vanishes frees its stream', async () => {
  const client = await connect()
  client.send(
    { type: 'start', speed: 0.25 },
    { type: 'text', text: 'A long sentence that goes on and on. '.repeat(100) },
  )
  await until(() => client.audio.length > 0)
  expect(server.pool.activeStreams).toBe(1)
  client.socket.terminate()
  await until(() => server.pool.activeStreams === 0 && server.standIn.open() === 0)
  expect(await server.metrics.registry.metrics()).toContain('ws_connections 0')
})

test.each([
  ['{"type":', 'not valid JSON'],
  ['{"type":"sing"}', 'type'],
  ['{"type":"text"}', 'text'],
  ['{"type":"start","speed":9}', 'speed'],
  ['{"type":"start","voice":"nobody"}', 'nobody'],
])('%s is answered with an error and the connection stays', async (message, part) => {
  const client = await connect()
  client.socket.send(message)
  await client.heard('error')
  expect(client.messages[0]!.message).toContain(part)
  client.send({ type: 'text', text: 'Still here.' }, { type: 'close' })
  await until(() => client.closed)
  expect(client.audio.length).toBeGreaterThan(0)
})

test('text without limit is refused, and the connection stays', async () => {
  const client = await connect()
  client.send({ type: 'start', speed: 0.25 })
  for (let i = 0; i < 40; i++) client.send({ type: 'text', text: 'Words and words. '.repeat(120) })
  await client.heard('error')
  expect(client.messages.find((m) => m.type === 'error')).toMatchObject({ code: 'input_too_long' })
  client.send({ type: 'text', text: 'Still here.' }, { type: 'close' })
  await until(() => client.closed)
  expect(client.messages.at(-1)).toMatchObject({ type: 'done' })
})

test('connections beyond the limit and other paths are refused', async () => {
  const at = await testServer({ config: { wsConnections: 1 } })
  await connect(at)
  const second = new Client(at)
  await until(() => second.closed)
  const elsewhere = new WebSocket(`ws://127.0.0.1:${at.port}/elsewhere`)
  const message = await new Promise<string>((resolve) => elsewhere.on('error', (error) => resolve(error.message)))
  expect(message).toContain('404')
  await at.stop()
})

test('stopping says goodbye to idle clients', async () => {
  const at = await testServer()
  const client = await connect(at)
  await at.stop()
  await until(() => client.closed)
})

test('stopping lets a client finish the turn that it is writing', async () => {
  const at = await testServer()
  const client = await connect(at)
  client.send({ type: 'start', seed: 5 }, { type: 'text', text: 'One of them. And ' })
  await until(() => client.audio.length > 0)
  const stopped = at.stop()
  client.send({ type: 'text', text: 'two of them.' }, { type: 'flush' })
  await stopped
  await until(() => client.closed)
  expect(client.messages.slice(-2)).toMatchObject([{ type: 'flushed' }, { type: 'done' }])
  expect(client.audio.equals(await whole('One of them. And two of them.', 5))).toBe(true)
})

test('a client that does not answer pings is cut off, one that does stays', async () => {
  const at = await testServer({ config: { wsPingSeconds: 0.05 } })
  const alive = await connect(at)
  const dead = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`, { autoPong: false })
  let pings = 0
  alive.socket.on('ping', () => pings++)
  await new Promise((resolve) => dead.on('close', resolve))
  await until(() => pings > 3)
  expect(alive.closed).toBe(false)
  await at.stop()
})

test('a client that reads nothing stops the making of its stream', async () => {
  const at = await testServer()
  const client = await connect(at)
  client.socket.pause()
  client.send(
    { type: 'start', speed: 0.25 },
    { type: 'text', text: 'A long sentence that goes on and on. '.repeat(110) },
  )
  await until(() => at.pool.activeStreams === 1)
  const made = async () => Number(/^tts_audio_seconds_total (\S+)/m.exec(await at.metrics.registry.metrics())![1])
  let before = -1
  for (let steady = 0; steady < 50; ) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = await made()
    steady = now === before && now > 0 ? steady + 1 : 0
    before = now
  }
  expect(at.pool.activeStreams).toBe(1)
  client.socket.terminate()
  await until(() => at.pool.activeStreams === 0)
  await at.stop()
})
