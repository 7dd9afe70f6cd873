/** ElevenLabs' multi-stream-input as the services of LiveKit and Pipecat use it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { JsonSocket } from '../../../test/support/json-socket.ts'
import { type TestServer, testServer, until } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['xi-key'] } })
})
afterAll(() => server.stop())

interface Answer {
  audio?: string
  isFinal?: boolean
  contextId?: string
  context_id?: string
  error?: string
  normalizedAlignment?: { chars: string[]; charStartTimesMs: number[]; charDurationsMs: number[] } | null
}

class Client extends JsonSocket<Answer> {
  constructor(query = '?output_format=pcm_24000', headers: Record<string, string> = { 'xi-api-key': 'xi-key' }) {
    super(`ws://127.0.0.1:${server.port}/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/multi-stream-input${query}`, headers)
  }

  of = (id: string): Answer[] => this.answers.filter(({ contextId }) => contextId === id)
  isFinal = (id: string): boolean => this.of(id).some(({ isFinal }) => isFinal)
  bytes = (id: string): number =>
    this.of(id).reduce((sum, { audio }) => sum + Buffer.from(audio ?? '', 'base64').length, 0)
}

const samplesOf = async (text: string): Promise<number> => {
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream(text, { seed: 1 })) samples += chunk.samples.length
  return samples
}

test('contexts speak beside each other, each to its own final message', async () => {
  const client = await new Client().send(
    { text: ' ', context_id: 'a', voice_settings: {} },
    { text: 'Hello there. ', context_id: 'a', flush: true },
    { text: ' ', context_id: 'b', voice_settings: { stability: 0.5 } },
    { text: 'And a second ', context_id: 'b' },
    { text: 'one. ', context_id: 'b' },
    { text: '', context_id: 'a', flush: true },
    { context_id: 'a', close_context: true },
    { context_id: 'b', close_context: true },
  )
  await until(() => client.isFinal('a') && client.isFinal('b'))
  expect(client.bytes('a')).toBe(2 * (await samplesOf('Hello there.')))
  expect(client.bytes('b')).toBe(2 * (await samplesOf('And a second one.')))
  expect(client.answers.every(({ contextId, context_id }) => contextId === context_id)).toBe(true)
  expect(client.closed).toBeUndefined()
  // The name is free again.
  await client.send({ text: 'Once more.', context_id: 'a' }, { context_id: 'a', close_context: true })
  await until(() => client.of('a').filter(({ isFinal }) => isFinal).length === 2)
  await client.send({ text: 'The last. ', context_id: 'c' }, { close_socket: true })
  await until(() => client.closed !== undefined)
  expect(client.closed).toBe(1000)
  expect(client.isFinal('c')).toBe(true)
})

test('alignments follow each other without a break: words part at spaces, times add up to the audio', async () => {
  const client = await new Client().send(
    { text: 'One is here. Two follows. ', context_id: 'a' },
    { context_id: 'a', close_context: true },
  )
  await until(() => client.isFinal('a'))
  const alignments = client.of('a').flatMap(({ normalizedAlignment }) => normalizedAlignment ?? [])
  expect(alignments.map(({ chars }) => chars.join('')).join('')).toBe('One is here. Two follows. ')
  let clock = 0
  for (const { charStartTimesMs: starts, charDurationsMs: durations } of alignments) {
    expect(starts[0]).toBeGreaterThanOrEqual(0)
    clock += starts.at(-1)! + durations.at(-1)!
  }
  expect(clock / 1000).toBeCloseTo(client.bytes('a') / 2 / 24000, 1)
})

test('keep-alives open nothing, an empty context is final at once, a wrong message ends its context alone', async () => {
  const client = await new Client().send(
    { text: '' },
    { text: '', context_id: 'a' },
    { context_id: 'a', close_context: true },
    { text: 'Goes on. ', context_id: 'b' },
    { text: 'x'.repeat(5000), context_id: 'c' },
    { context_id: 'b', close_context: true },
  )
  await until(() => client.isFinal('a') && client.isFinal('b'))
  expect(client.bytes('a')).toBe(0)
  expect(client.bytes('b')).toBeGreaterThan(0)
  expect(client.answers).toContainEqual(expect.objectContaining({ error: 'request_invalid' }))
  for (let i = 0; i < 9; i++) await client.send({ text: ' ', context_id: `many-${i}` })
  await until(() => client.of('many-8').length > 0)
  expect(client.of('many-8')).toMatchObject([{ error: 'request_invalid', contextId: 'many-8' }])
  client.socket.close()
})

test('the key may come in the first message, and a wrong one closes', async () => {
  const good = await new Client(undefined, {}).send({ text: 'Hi. ', context_id: 'a', xi_api_key: 'xi-key' })
  await good.send({ context_id: 'a', close_context: true })
  await until(() => good.isFinal('a'))
  good.socket.close()
  const bad = await new Client(undefined, {}).send({ text: 'Hi. ', 'xi-api-key': 'wrong' })
  await until(() => bad.closed !== undefined)
  expect(bad.closed).toBe(1008)
  expect(bad.answers).toMatchObject([{ error: 'invalid_api_key' }])
})
