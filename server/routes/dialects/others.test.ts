/** Kokoro-FastAPI's, Coqui's and Piper's forms, as their servers' sources have them. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readWav } from '../../../src/audio/wav.ts'
import { type TestServer, testServer } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())

const TEXT = 'Two dogs ran. One slept.'
const send = (path: string, body?: string | object, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, {
    ...(body !== undefined && { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers,
  })

async function secondsOf(response: Response): Promise<number> {
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('audio/wav')
  const { samples, sampleRate } = readWav(new Uint8Array(await response.arrayBuffer()))
  return samples.length / sampleRate
}

const expected = async (speed = 1): Promise<number> => {
  let samples = 0
  for await (const chunk of server.standIn.synthesizer.stream(TEXT, { seed: 1, speed })) samples += chunk.samples.length
  return samples / 24000
}

interface Captioned {
  audio: string
  audio_format: string
  timestamps: { word: string; start_time: number; end_time: number }[]
}

test('captioned speech has the words with their times, in lines or as a whole', async () => {
  const body = { model: 'kokoro', input: TEXT, voice: 'af_heart', response_format: 'pcm', lang_code: null }
  const lines = (await (await send('/dev/captioned_speech', body)).text()).trimEnd().split('\n')
  expect(lines.length).toBeGreaterThan(2)
  const parts = lines.map((line) => JSON.parse(line) as Captioned)
  const whole = (await (await send('/dev/captioned_speech', { ...body, stream: false })).json()) as Captioned
  for (const words of [parts.flatMap(({ timestamps }) => timestamps), whole.timestamps]) {
    expect(words.map(({ word }) => word)).toEqual(['Two', 'dogs', 'ran', 'One', 'slept'])
    for (const { start_time, end_time } of words) expect(end_time).toBeGreaterThan(start_time)
  }
  const bytes = parts.reduce((sum, { audio }) => sum + Buffer.from(audio, 'base64').length, 0)
  expect(bytes).toBe(Buffer.from(whole.audio, 'base64').length)
  expect(bytes / 48000).toBeCloseTo(await expected(), 3)
  expect(whole.audio_format).toContain('audio/pcm')
})

test('phonemize gives phonemes, and refuses in their form', async () => {
  const answer = await send('/dev/phonemize', { text: 'Hello there.', language: 'a' })
  expect(await answer.json()).toEqual({ phonemes: expect.stringMatching(/^həlˈO ðˈɛɹ/), tokens: [] })
  const refused = await send('/dev/phonemize', { text: 'Hola.', language: 'e' })
  expect(refused.status).toBe(400)
  expect(await refused.json()).toMatchObject({ detail: { error: 'request_invalid', type: 'invalid_request_error' } })
})

test('/api/tts takes the text from the query, a form or a header', async () => {
  const form = new URLSearchParams({ text: TEXT, speaker_id: 'p225', language_id: 'en', style_wav: '' }).toString()
  const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
  for (const response of [
    await send(`/api/tts?${form}`),
    await send('/api/tts', form, type),
    await send('/api/tts', '', { text: TEXT }),
  ])
    expect(await secondsOf(response)).toBeCloseTo(await expected(), 3)
  const refused = await send('/api/tts')
  expect([refused.status, await refused.json()]).toEqual([
    400,
    { error: 'The text is empty. Give at least one word to speak.' },
  ])
})

test("Piper's servers take the text as the body, or as JSON with a length", async () => {
  expect(await secondsOf(await send('/', TEXT))).toBeCloseTo(await expected(), 3)
  const body = { text: TEXT, voice: 'en_US-lessac-medium', length_scale: 2, noise_scale: 0.667, speaker_id: null }
  expect(await secondsOf(await send('/synthesize', body))).toBeCloseTo(await expected(0.5), 3)
  expect(await (await send('/voices')).json()).toMatchObject({ 'stand-in': { num_speakers: 1 } })
  expect(await (await send('/')).text()).toContain('<title>')
  expect((await send('/synthesize', '{')).status).toBe(400)
})
