/** ElevenLabs' stream-input as their documentation tells it; their npm client does not offer it. */
import { MPEGDecoder } from 'mpg123-decoder'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { SentenceTime } from '../../../src/synthesis/index.ts'
import { JsonSocket } from '../../../test/support/json-socket.ts'
import { type TestServer, testServer, until } from '../../../test/support/test-server.ts'
import { alignmentOf } from './elevenlabs.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['xi-key'] } })
})
afterAll(() => server.stop())

interface Answer {
  audio: string | null
  isFinal?: boolean
  alignment?: { chars: string[]; charStartTimesMs: number[]; charsDurationsMs: number[] } | null
  error?: string
}

class Client extends JsonSocket<Answer> {
  constructor(query = '', headers: Record<string, string> = { 'xi-api-key': 'xi-key' }) {
    super(`ws://127.0.0.1:${server.port}/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream-input${query}`, headers)
  }

  audio = (): Buffer => Buffer.concat(this.answers.map(({ audio }) => Buffer.from(audio ?? '', 'base64')))
}

const OPEN = {
  text: ' ',
  voice_settings: { stability: 0.5, speed: 1 },
  generation_config: { chunk_length_schedule: [120] },
}

test('pieces of text give audio with alignment, and a final message', async () => {
  const client = await new Client('?model_id=eleven_flash_v2_5&output_format=pcm_24000').send(
    OPEN,
    { text: 'Hello ' },
    { text: 'there. ', try_trigger_generation: true },
    { text: 'And now the rest ' },
    { text: '' },
  )
  await until(() => client.closed !== undefined)
  expect(client.closed).toBe(1000)
  expect(client.answers.at(-1)).toMatchObject({ audio: null, isFinal: true })
  const aligned = client.answers.flatMap(({ alignment }) => alignment ?? [])
  expect(aligned.map(({ chars }) => chars.join(''))).toEqual(['Hello there.', 'And now the rest'])
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream('Hello there. And now the rest', { seed: 1 }))
    samples += chunk.samples.length
  expect(client.audio().length).toBe(2 * samples)
})

test('the default is mp3 at 44.1 kHz, as asked of ElevenLabs', async () => {
  const client = await new Client().send(OPEN, { text: 'One two three four five.' }, { text: '' })
  await until(() => client.closed !== undefined)
  const decoder = new MPEGDecoder()
  await decoder.ready
  const { sampleRate, samplesDecoded } = decoder.decode(client.audio())
  decoder.free()
  expect(sampleRate).toBe(44100)
  expect(samplesDecoded).toBeGreaterThan(44100)
})

test('flush speaks what is there', async () => {
  const client = await new Client('?output_format=pcm_16000').send(OPEN, { text: 'Half a sentence ', flush: true })
  await until(() => client.audio().length > 0)
  await client.send({ text: '' })
  await until(() => client.closed !== undefined)
})

test('the key may come in the first message', async () => {
  const good = await new Client('?output_format=pcm_24000', {}).send(
    { ...OPEN, xi_api_key: 'xi-key' },
    { text: 'Hi.' },
    { text: '' },
  )
  await until(() => good.closed !== undefined)
  expect(good.audio().length).toBeGreaterThan(0)
  const bad = await new Client('', {}).send({ ...OPEN, xi_api_key: 'wrong' }, { text: 'Hi.' })
  await until(() => bad.closed !== undefined)
  expect(bad.closed).toBe(1008)
  expect(bad.answers).toMatchObject([{ error: 'invalid_api_key' }])
})

test('an unknown output format or voice is refused before the upgrade', async () => {
  for (const url of [
    '/v1/text-to-speech/alloy/stream-input?output_format=ogg_1',
    '/v1/text-to-speech/nobody/stream-input',
  ]) {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${url}`, { headers: { 'xi-api-key': 'xi-key' } })
    const message = await new Promise<string>((resolve) => socket.on('error', (error) => resolve(error.message)))
    expect(message).toContain('400')
  }
})

test('characters are aligned within their words, white space between them', () => {
  const sentence: SentenceTime = {
    index: 1,
    text: 'Hi you',
    start: 10,
    end: 16,
    from: 5,
    to: 6,
    words: [
      { text: 'Hi', start: 10, end: 12, from: 5.1, to: 5.3, phonemes: [] },
      { text: 'you', start: 13, end: 16, from: 5.4, to: 5.7, phonemes: [] },
    ],
  }
  const { chars, charStartTimesMs, charsDurationsMs } = alignmentOf(sentence)
  expect(chars.join('')).toBe('Hi you')
  expect(charStartTimesMs).toEqual([100, 200, 300, 400, 500, 600])
  expect(charsDurationsMs).toEqual([100, 100, 100, 100, 100, 400])
})
