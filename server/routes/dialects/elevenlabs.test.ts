/** ElevenLabs' own client, pointed at this server with nothing but another base URL. */
import { ElevenLabsClient, ElevenLabsError } from '@elevenlabs/elevenlabs-js'
import { MPEGDecoder } from 'mpg123-decoder'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readWav } from '../../../src/audio/wav.ts'
import type { SentenceTime } from '../../../src/synthesis/index.ts'
import { type TestServer, testServer } from '../../../test/support/test-server.ts'
import { characterTimes } from './elevenlabs.ts'

let server: TestServer
let client: ElevenLabsClient
beforeAll(async () => {
  server = await testServer({ config: { apiKeys: ['xi-key'] } })
  client = new ElevenLabsClient({ baseUrl: server.url, apiKey: 'xi-key', maxRetries: 0 })
})
afterAll(() => server.stop())

const RACHEL = '21m00Tcm4TlvDq8ikWAM'
const TEXT = 'The first one is here. The second follows it.'

async function bytesOf(stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream as AsyncIterable<Uint8Array>) pieces.push(piece)
  return Buffer.concat(pieces)
}

const samplesOf = async (text: string, speed = 1): Promise<number> => {
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream(text, { seed: 1, speed })) samples += chunk.samples.length
  return samples
}

test('convert gives mp3 at 44.1 kHz unless another format is asked for', async () => {
  const mp3 = await bytesOf(
    await client.textToSpeech.convert(RACHEL, { text: TEXT, modelId: 'eleven_multilingual_v2' }),
  )
  const decoder = new MPEGDecoder()
  await decoder.ready
  const { sampleRate, samplesDecoded } = decoder.decode(mp3)
  decoder.free()
  expect(sampleRate).toBe(44100)
  expect(samplesDecoded / 44100).toBeCloseTo((await samplesOf(TEXT)) / 24000, 1)
  const wav = await bytesOf(await client.textToSpeech.convert(RACHEL, { text: TEXT, outputFormat: 'wav_16000' }))
  expect(readWav(wav)).toMatchObject({ sampleRate: 16000 })
})

test('stream gives the same bytes for a seed, at the speed of the voice settings', async () => {
  const options = { text: TEXT, outputFormat: 'pcm_24000', seed: 7, optimizeStreamingLatency: 3 } as const
  const slow = { ...options, voiceSettings: { speed: 0.5, stability: 0.3 } }
  const bytes = await bytesOf(await client.textToSpeech.stream(RACHEL, options))
  expect(bytes.length).toBe(2 * (await samplesOf(TEXT)))
  expect((await bytesOf(await client.textToSpeech.stream(RACHEL, options))).equals(bytes)).toBe(true)
  expect((await bytesOf(await client.textToSpeech.stream(RACHEL, slow))).length).toBe(2 * (await samplesOf(TEXT, 0.5)))
  expect(
    (await bytesOf(await client.textToSpeech.stream(RACHEL, { ...options, outputFormat: 'ulaw_8000' }))).length,
  ).toBe(Math.ceil(bytes.length / 6))
})

test('with timestamps comes one object that aligns every character', async () => {
  const answer = await client.textToSpeech.convertWithTimestamps(RACHEL, {
    text: TEXT,
    outputFormat: 'pcm_16000',
    seed: 7,
  })
  const plain = await bytesOf(
    await client.textToSpeech.convert(RACHEL, { text: TEXT, outputFormat: 'pcm_16000', seed: 7 }),
  )
  expect(Buffer.from(answer.audioBase64, 'base64').equals(plain)).toBe(true)
  const { characters, characterStartTimesSeconds: starts, characterEndTimesSeconds: ends } = answer.alignment!
  expect(characters.join('')).toBe(TEXT)
  expect(starts).toEqual([...starts].sort((a, b) => a - b))
  expect(ends.at(-1)).toBeCloseTo(plain.length / 2 / 16000, 1)
})

test('stream with timestamps comes in pieces whose characters make the text', async () => {
  const pieces = []
  for await (const piece of await client.textToSpeech.streamWithTimestamps(RACHEL, {
    text: TEXT,
    outputFormat: 'pcm_24000',
  }))
    pieces.push(piece)
  expect(pieces.length).toBeGreaterThan(2)
  expect(pieces.flatMap(({ alignment }) => alignment?.characters ?? []).join('')).toBe(TEXT)
  const starts = pieces.flatMap(({ alignment }) => alignment?.characterStartTimesSeconds ?? [])
  expect(starts).toEqual([...starts].sort((a, b) => a - b))
  const bytes = pieces.reduce((sum, { audioBase64 }) => sum + Buffer.from(audioBase64, 'base64').length, 0)
  expect(bytes).toBe(2 * (await samplesOf(TEXT)))
})

test('voices and models are listed in their form, and in OpenAI’s for others', async () => {
  expect((await client.voices.getAll()).voices).toMatchObject([{ voiceId: 'stand-in', name: 'stand-in' }])
  expect(await client.voices.search()).toMatchObject({ hasMore: false, voices: [{ voiceId: 'stand-in' }] })
  expect(await client.voices.get('stand-in')).toMatchObject({ voiceId: 'stand-in', description: 'Noise.' })
  expect(await client.models.list()).toMatchObject([{ modelId: 'sparsewave', canDoTextToSpeech: true }])
  const plain = await fetch(`${server.url}/v1/models`, { headers: { Authorization: 'Bearer xi-key' } })
  expect(await plain.json()).toMatchObject({ object: 'list' })
})

test.each([
  [{ text: '  ' }, RACHEL, 'input_empty', 400],
  [{ text: 'a'.repeat(5000) }, RACHEL, 'input_too_long', 400],
  [{ text: 'Hi.' }, 'nobody', 'voice_unknown', 400],
])('a wrong request is refused in their form: %#', async (request, voice, code, status) => {
  await expect(client.textToSpeech.convert(voice, request)).rejects.toMatchObject({
    statusCode: status,
    body: { detail: { status: code, message: expect.stringMatching(/\.$/) } },
  })
})

test('an output format that there is not is refused with some that there are', async () => {
  const response = await fetch(`${server.url}/v1/text-to-speech/${RACHEL}?output_format=mp3_11025_32`, {
    method: 'POST',
    headers: { 'xi-api-key': 'xi-key' },
    body: JSON.stringify({ text: 'Hi.' }),
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    detail: { param: 'output_format', message: expect.stringContaining('mp3_44100_128') },
  })
})

test('a wrong key is refused in their form', async () => {
  const stranger = new ElevenLabsClient({ baseUrl: server.url, apiKey: 'wrong', maxRetries: 0 })
  const error = await stranger.textToSpeech.convert(RACHEL, { text: 'Hi.' }).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(ElevenLabsError)
  expect(error).toMatchObject({ statusCode: 401, body: { detail: { status: 'invalid_api_key' } } })
})

test("a word's time is shared out evenly among its characters", () => {
  const sentence: SentenceTime = {
    index: 0,
    text: 'Hi you',
    start: 0,
    end: 6,
    from: 0,
    to: 1,
    words: [
      { text: 'Hi', start: 0, end: 2, from: 0.1, to: 0.3, phonemes: [] },
      { text: 'you', start: 3, end: 6, from: 0.4, to: 0.7, phonemes: [] },
    ],
  }
  const { starts, ends } = characterTimes(sentence)
  expect(starts).toEqual([100, 200, 300, 400, 500, 600])
  expect(ends).toEqual([200, 300, 400, 500, 600, 1000])
})
