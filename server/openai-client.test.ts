/** OpenAI's own client, pointed at this server with nothing but another base URL. */
import OpenAI, { BadRequestError, NotFoundError, RateLimitError } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aac } from '../src/audio/encoders/aac.ts'
import { readWav } from '../src/audio/wav.ts'
import { FORMATS, type Format } from '../src/synthesis/index.ts'
import { type TestServer, testServer, until } from '../test/support/test-server.ts'
import { readOpus } from '../training/data/opus.ts'

let server: TestServer
let client: OpenAI
const clientOf = (at: TestServer): OpenAI => new OpenAI({ baseURL: `${at.url}/v1`, apiKey: 'any', maxRetries: 0 })
beforeAll(async () => {
  server = await testServer()
  client = clientOf(server)
})
afterAll(() => server.stop())

const speech = { model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Hello there. How are you?' } as const

const MAGIC: Record<Format, (bytes: Buffer) => boolean> = {
  mp3: (bytes) => bytes[0] === 0xff && (bytes[1]! & 0xe6) === 0xe2,
  opus: (bytes) => bytes.toString('latin1', 0, 4) === 'OggS',
  aac: (bytes) => bytes[0] === 0xff && (bytes[1]! & 0xf6) === 0xf0,
  flac: (bytes) => bytes.toString('latin1', 0, 4) === 'fLaC',
  wav: (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF',
  pcm: (bytes) => bytes.length % 2 === 0,
}

test.each(FORMATS)('%s is what it says', async (response_format) => {
  if (response_format === 'aac' && aac.missing!()) return
  const bytes = Buffer.from(await (await client.audio.speech.create({ ...speech, response_format })).arrayBuffer())
  expect(bytes.length).toBeGreaterThan(1000)
  expect(MAGIC[response_format](bytes)).toBe(true)
})

test('mp3 is the default, as at OpenAI', async () => {
  const answer = await client.audio.speech.create(speech)
  expect(answer.headers.get('content-type')).toBe('audio/mpeg')
  expect(MAGIC.mp3(Buffer.from(await answer.arrayBuffer()))).toBe(true)
})

test('formats hold the same audio', async () => {
  const get = async (response_format: Format) =>
    Buffer.from(await (await client.audio.speech.create({ ...speech, response_format, ...{ seed: 3 } })).arrayBuffer())
  const wav = readWav(await get('wav')).samples
  expect((await readOpus(await get('opus'))).length).toBe(wav.length)
  expect((await get('pcm')).length).toBe(2 * wav.length)
})

test('server-sent events carry the bytes of the plain answer, then the usage', async () => {
  const request = { ...speech, response_format: 'mp3', ...{ seed: 3 } } as const
  const plain = Buffer.from(await (await client.audio.speech.create(request)).arrayBuffer())
  const answer = await client.audio.speech.create({ ...request, stream_format: 'sse' })
  expect(answer.headers.get('content-type')).toContain('text/event-stream')
  const events = (await answer.text())
    .split('\n\n')
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace(/^data: /, '')))
  const deltas = events.filter(({ type }) => type === 'speech.audio.delta')
  expect(deltas.length).toBeGreaterThan(1)
  expect(Buffer.concat(deltas.map(({ audio }) => Buffer.from(audio, 'base64'))).equals(plain)).toBe(true)
  const { type, usage } = events.at(-1)
  expect(type).toBe('speech.audio.done')
  expect(usage.input_tokens).toBe(speech.input.length)
  expect(usage.total_tokens).toBe(usage.input_tokens + usage.output_tokens)
})

test("the client's own errors are thrown", async () => {
  await expect(client.audio.speech.create({ ...speech, input: '' })).rejects.toThrow(BadRequestError)
  await expect(client.audio.speech.create({ ...speech, speed: 9 })).rejects.toMatchObject({ param: 'speed' })
  await expect(client.audio.speech.create({ ...speech, voice: 'nobody' })).rejects.toThrow(BadRequestError)
  await expect(client.audio.speech.create({ ...speech, model: 'whisper-1' })).rejects.toThrow(NotFoundError)
  await expect(client.audio.speech.create({ ...speech, model: 'whisper-1' })).rejects.toMatchObject({
    code: 'model_not_found',
    type: 'invalid_request_error',
  })
})

test('a full server is a RateLimitError', async () => {
  const at = await testServer({ config: { streamsPerWorker: 1, queue: 0 } })
  const long = 'This is one of many sentences that make a long text. '.repeat(60)
  const first = await clientOf(at).audio.speech.create({ ...speech, input: long, speed: 0.25, response_format: 'pcm' })
  await expect(clientOf(at).audio.speech.create(speech)).rejects.toThrow(RateLimitError)
  await first.body!.cancel()
  await until(() => at.pool.activeStreams === 0)
  await at.stop()
})

test('models are listed and found', async () => {
  const ids: string[] = []
  for await (const { id } of client.models.list()) ids.push(id)
  expect(ids).toContain('gpt-4o-mini-tts')
  expect((await client.models.retrieve('tts-1')).id).toBe('tts-1')
  await expect(client.models.retrieve('gpt-9')).rejects.toThrow(NotFoundError)
})
