/** Deepgram's own client over HTTP, pointed at this server. */
import { DeepgramClient, DeepgramError } from '@deepgram/sdk'
import { MPEGDecoder } from 'mpg123-decoder'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readWav } from '../../../src/audio/wav.ts'
import { type TestServer, testServer } from '../../../test/support/test-server.ts'

let server: TestServer
let client: DeepgramClient
const clientOf = (apiKey: string): DeepgramClient =>
  new DeepgramClient({
    apiKey,
    maxRetries: 0,
    environment: { base: server.url, production: server.url, agent: server.url, agentRest: server.url },
  })
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['dg-key'] } })
  client = clientOf('dg-key')
})
afterAll(() => server.stop())

const TEXT = 'Hello from the other side.'
type Request = Parameters<DeepgramClient['speak']['v1']['audio']['generate']>[0]

async function generate(request: Omit<Request, 'text'>, v2 = false): Promise<Buffer> {
  const body = { model: 'aura-2-thalia-en', text: TEXT, ...request }
  const answer = v2
    ? await client.speak.v2.audio.generate({ ...body, model: 'flux-alexis-en' } as never)
    : await client.speak.v1.audio.generate(body as Request)
  return Buffer.from(await answer.arrayBuffer())
}

const seconds = async (): Promise<number> => {
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream(TEXT, { seed: 1 })) samples += chunk.samples.length
  return samples / 24000
}

test('mp3 at 22.05 kHz and 48 kbit/s unless something else is asked for', async () => {
  const bytes = await generate({})
  const decoder = new MPEGDecoder()
  await decoder.ready
  const { sampleRate, samplesDecoded } = decoder.decode(bytes)
  decoder.free()
  expect(sampleRate).toBe(22050)
  expect(samplesDecoded / 22050).toBeCloseTo(await seconds(), 0)
  expect((8 * bytes.length) / (samplesDecoded / 22050)).toBeCloseTo(48_000, -4)
})

test.each([
  ['linear16', 24000],
  ['linear16', 8000],
  ['mulaw', 8000],
  ['alaw', 16000],
] as const)('%s at %i Hz comes as WAV that names its length, or bare', async (encoding, sample_rate) => {
  const wav = await generate({ encoding, sample_rate })
  expect(wav.toString('latin1', 0, 4)).toBe('RIFF')
  expect(wav.readUInt32LE(4)).toBe(wav.length - 8)
  const { sampleRate, samples } = readWav(wav)
  expect(sampleRate).toBe(sample_rate)
  expect(samples.length / sample_rate).toBeCloseTo(await seconds(), 2)
  expect(Math.max(...samples.map(Math.abs))).toBeGreaterThan(0.05)
  const bare = await generate({ encoding, sample_rate, container: 'none' })
  expect(bare.length).toBe(samples.length * (encoding === 'linear16' ? 2 : 1))
})

test.each([
  [{ encoding: 'opus', bit_rate: 24000 }, 'OggS'],
  [{ encoding: 'opus', container: 'ogg' }, 'OggS'],
  [{ encoding: 'flac', sample_rate: 16000 }, 'fLaC'],
] as const)('%j is what it says', async (request, magic) => {
  expect((await generate(request)).toString('latin1', 0, 4)).toBe(magic)
})

test('v2 gives the same, from its own path', async () => {
  expect(readWav(await generate({ encoding: 'linear16', sample_rate: 48000 }, true)).sampleRate).toBe(48000)
})

test('the answer names the model and the characters, and plain text is taken too', async () => {
  const response = await fetch(`${server.url}/v1/speak?model=aura-asteria-en&encoding=linear16&container=none`, {
    method: 'POST',
    headers: { Authorization: 'Token dg-key', 'Content-Type': 'text/plain' },
    body: TEXT,
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('dg-model-name')).toBe('aura-asteria-en')
  expect(response.headers.get('dg-char-count')).toBe(String(TEXT.length))
  expect(response.headers.get('dg-request-id')).toBe(response.headers.get('x-request-id'))
})

test.each([
  [{ encoding: 'mulaw', sample_rate: 24000 }, '8000, 16000 Hz'],
  [{ encoding: 'mp3', container: 'wav' }, 'mp3 can be had in the container none.'],
  [{ model: 'nobody' }, 'There is no voice "nobody".'],
  [{ callback: 'http://there' }, 'not to a callback'],
  [{ text: '' }, 'The text is empty.'],
  [{ text: 'a'.repeat(5000) }, 'At most 4096 characters'],
])('a wrong request is refused in their form: %#', async (request, message) => {
  const error = await generate(request as Request).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(DeepgramError)
  expect(error).toMatchObject({ statusCode: 400 })
  expect((error as DeepgramError).body).toMatchObject({
    err_code: expect.any(String),
    err_msg: expect.stringContaining(message),
    request_id: expect.any(String),
  })
})

test('a wrong key is refused in their form', async () => {
  const error = await clientOf('wrong')
    .speak.v1.audio.generate({ text: TEXT })
    .catch((error: unknown) => error)
  expect(error).toBeInstanceOf(DeepgramError)
  expect(error).toMatchObject({ statusCode: 401, body: { err_code: 'INVALID_API_KEY' } })
})
