/** Deepgram's own client, pointed at this server. */
import { DeepgramClient } from '@deepgram/sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { standIn } from '../../../test/support/stand-in.ts'
import { type TestServer, testServer, until } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['dg-key'] } })
})
afterAll(() => server.stop())

interface Event {
  type: string
  [field: string]: unknown
}

async function connect(query: Record<string, string> = {}, at: TestServer = server, apiKey = 'dg-key') {
  const base = `ws://127.0.0.1:${at.port}`
  const client = new DeepgramClient({
    apiKey,
    environment: { base: at.url, production: base, agent: base, agentRest: at.url },
  })
  const socket = await client.speak.v1.connect({
    Authorization: `Token ${apiKey}`,
    model: 'aura-2-thalia-en',
    encoding: 'linear16',
    sample_rate: '24000',
    reconnectAttempts: 0,
    ...query,
  } as never)
  const events: Event[] = []
  const heard = { bytes: 0, closed: false }
  socket.on('message', (message) => {
    const data = message as unknown as Event | ArrayBuffer | Blob | Uint8Array
    if (data instanceof ArrayBuffer) heard.bytes += data.byteLength
    else if (data instanceof Blob) heard.bytes += data.size
    else if (ArrayBuffer.isView(data)) heard.bytes += data.byteLength
    else events.push(data as Event)
  })
  socket.on('close', () => {
    heard.closed = true
  })
  socket.on('error', () => {})
  socket.connect()
  await socket.waitForOpen()
  const count = (type: string) => events.filter((event) => event.type === type).length
  return { socket, events, heard, count }
}

test('Speak, Flush and Close give metadata, audio, Flushed and an end', async () => {
  const { socket, events, heard, count } = await connect()
  socket.sendText({ type: 'Speak', text: 'Hello from the other ' })
  socket.sendText({ type: 'Speak', text: 'side of the wire.' })
  socket.sendFlush({ type: 'Flush' })
  await until(() => count('Flushed') === 1)
  expect(events[0]).toMatchObject({ type: 'Metadata', model_name: 'aura-2-thalia-en', request_id: expect.any(String) })
  expect(events.at(-1)).toEqual({ type: 'Flushed', sequence_id: 0 })
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream('Hello from the other side of the wire.', { seed: 1 }))
    samples += chunk.samples.length
  expect(heard.bytes).toBe(2 * samples)
  socket.sendText({ type: 'Speak', text: 'And this.' })
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
  expect(heard.bytes).toBeGreaterThan(2 * samples)
})

test('Clear silences: no audio follows Cleared until there is new text', async () => {
  const { socket, heard, count } = await connect({ speed: '0.25' })
  for (let i = 0; i < 50; i++) socket.sendText({ type: 'Speak', text: 'A long sentence that goes on and on. ' })
  await until(() => heard.bytes > 0)
  socket.sendClear({ type: 'Clear' })
  await until(() => count('Cleared') === 1)
  const before = heard.bytes
  socket.sendFlush({ type: 'Flush' })
  await until(() => count('Flushed') === 1)
  expect(heard.bytes).toBe(before)
  socket.sendText({ type: 'Speak', text: 'Yes?' })
  socket.sendFlush({ type: 'Flush' })
  await until(() => count('Flushed') === 2)
  expect(heard.bytes).toBeGreaterThan(before)
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
})

test('telephony formats are half the bytes at a third of the rate', async () => {
  const length = async (query: Record<string, string>): Promise<number> => {
    const { socket, heard } = await connect(query)
    socket.sendText({ type: 'Speak', text: 'The same words.' })
    socket.sendClose({ type: 'Close' })
    await until(() => heard.closed)
    return heard.bytes
  }
  const linear = await length({})
  expect(await length({ encoding: 'mulaw', sample_rate: '8000' })).toBe(Math.ceil(linear / 6))
})

test('a first clause is spoken before its sentence is complete', async () => {
  const speaker = standIn()
  const at = await testServer({ standIn: speaker })
  const { socket, heard } = await connect({}, at)
  socket.sendText({ type: 'Speak', text: 'Well then my dear Dr. Smith, ' })
  await until(() => heard.bytes > 0)
  expect(speaker.predicted).toEqual(['Well then my dear Dr Smith'])
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
  await at.stop()
})

test('a wrong message is a Warning and the connection goes on', async () => {
  const { socket, events, heard, count } = await connect()
  socket.sendText({ type: 'Speak', text: 'x'.repeat(2001) })
  await until(() => count('Warning') === 1)
  expect(events.find(({ type }) => type === 'Warning')).toMatchObject({ code: 'REQUEST_INVALID' })
  socket.sendText({ type: 'Speak', text: 'Still here.' })
  socket.sendClose({ type: 'Close' })
  await until(() => heard.closed)
  expect(heard.bytes).toBeGreaterThan(0)
})

test.each([
  ['?encoding=opus', 'Token dg-key', 400],
  ['?sample_rate=11025', 'Token dg-key', 400],
  ['?model=nobody', 'Token dg-key', 400],
  ['', 'Token wrong', 401],
  ['', undefined, 401],
])('%s with %s is refused with %i before the upgrade', async (query, authorization, status) => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/speak${query}`, {
    headers: { ...(authorization && { authorization }) },
  })
  const message = await new Promise<string>((resolve) => socket.on('error', (error) => resolve(error.message)))
  expect(message).toContain(String(status))
})
