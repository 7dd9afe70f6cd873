/** Deepgram's own client, pointed at this server. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { DEEPGRAM_AUDIO, deepgramClient, listen } from '../../../test/support/deepgram.ts'
import { standIn } from '../../../test/support/stand-in.ts'
import { type TestServer, testServer, until } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['dg-key'] } })
})
afterAll(() => server.stop())

async function connect(query: Record<string, string> = {}, at: TestServer = server, apiKey = 'dg-key') {
  const socket = await deepgramClient(at, apiKey).speak.v1.connect({
    Authorization: `Token ${apiKey}`,
    model: 'aura-2-thalia-en',
    ...DEEPGRAM_AUDIO,
    ...query,
  } as never)
  const { of, ...rest } = await listen(socket)
  return { socket, ...rest, count: (type: string) => of(type).length }
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
