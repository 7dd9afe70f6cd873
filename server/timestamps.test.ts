import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { SentenceTime } from '../src/synthesis/index.ts'
import { type TestServer, testServer } from '../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())

const TEXT = 'The first one is here. The second follows it.'
const LONG = 'This sentence is one of many that make a long text. '.repeat(70)

type Line =
  | ({ type: 'sentence' } & SentenceTime)
  | { type: 'audio'; audio: string }
  | { type: 'done'; seconds: number; seed: number }
  | { type: 'error'; error: { code: string } }

const post = (path: string, body: object): Promise<Response> =>
  fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) })

async function lines(body: object): Promise<Line[]> {
  const response = await post('/v1/audio/speech/timestamps', body)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toContain('application/x-ndjson')
  return (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}
const sentencesOf = (all: Line[]) => all.filter((line) => line.type === 'sentence')

test('sentences, words and phonemes have their characters and their seconds, in order', async () => {
  const all = await lines({ input: TEXT, seed: 1 })
  const sentences = sentencesOf(all)
  expect(sentences.map(({ start, end }) => TEXT.slice(start, end))).toEqual(sentences.map(({ text }) => text))
  expect(sentences).toHaveLength(2)
  let now = 0
  for (const sentence of sentences) {
    for (const word of sentence.words) {
      expect(TEXT.slice(word.start, word.end)).toBe(word.text)
      expect(word.phonemes.map(({ phoneme }) => phoneme).join('')).toBe(word.text)
      expect(word.phonemes[0]!.from).toBe(word.from)
      expect(word.phonemes.at(-1)!.to).toBe(word.to)
      for (const { from, to } of word.phonemes) {
        expect(from).toBeGreaterThanOrEqual(now)
        expect(to - from).toBeCloseTo(0.05, 6)
        now = to
      }
    }
    expect(sentence.to).toBeGreaterThanOrEqual(now)
  }
  expect(all.at(-1)).toEqual({ type: 'done', seconds: sentences.at(-1)!.to, seed: 1 })
})

test('the audio is that of the plain route, each sentence told before its own', async () => {
  const all = await lines({ input: TEXT, seed: 5 })
  const audio = Buffer.concat(all.flatMap((line) => (line.type === 'audio' ? [Buffer.from(line.audio, 'base64')] : [])))
  const plain = await post('/v1/audio/speech', { input: TEXT, seed: 5, response_format: 'pcm' })
  expect(audio.equals(Buffer.from(await plain.arrayBuffer()))).toBe(true)
  let bytes = 0
  for (const line of all) {
    if (line.type === 'audio') bytes += Buffer.from(line.audio, 'base64').length
    else if (line.type === 'sentence') expect(bytes / 48000).toBeLessThanOrEqual(line.from + 1e-9)
  }
})

test('the audio can be left out, and the times stay the same', async () => {
  const times = await lines({ input: TEXT, seed: 5, audio: false })
  expect(times.map(({ type }) => type)).toEqual(['sentence', 'sentence', 'done'])
  expect(sentencesOf(times)).toEqual(sentencesOf(await lines({ input: TEXT, seed: 5 })))
})

test('other formats come as their own bytes', async () => {
  const all = await lines({ input: 'One.', seed: 5, response_format: 'flac' })
  const audio = all.find((line) => line.type === 'audio')!
  expect(Buffer.from(audio.audio, 'base64').subarray(0, 4).toString()).toBe('fLaC')
})

test.each([
  [{ input: 'Hi.', audio: 'yes' }, 'audio', 'request_invalid'],
  [{ input: '' }, 'input', 'input_empty'],
])("%j is refused with OpenAI's error object", async (body, param, code) => {
  const response = await post('/v1/audio/speech/timestamps', body)
  expect(response.status).toBe(400)
  expect(((await response.json()) as { error: object }).error).toMatchObject({ param, code })
})

test('a failure after the first line is told in the last one', async () => {
  const at = await testServer()
  const response = await fetch(`${at.url}/v1/audio/speech/timestamps`, {
    method: 'POST',
    body: JSON.stringify({ input: LONG, speed: 0.25 }),
  })
  at.workers[0]!.crash()
  const all: Line[] = (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(all[0]).toMatchObject({ type: 'sentence', index: 0 })
  expect(all.at(-1)).toMatchObject({ type: 'error', error: { type: 'server_error', code: 'synthesis_failed' } })
  await at.stop()
})

test("our WebSocket's sentence events carry the same times", async () => {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/audio/stream`)
  const events: Line[] = []
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('message', (data, isBinary) => {
    if (!isBinary) events.push(JSON.parse(data.toString()))
  })
  await new Promise((resolve) => socket.on('open', resolve))
  for (const message of [{ type: 'start', seed: 5 }, { type: 'text', text: TEXT }, { type: 'close' }])
    socket.send(JSON.stringify(message))
  await closed
  expect(sentencesOf(events)).toEqual(sentencesOf(await lines({ input: TEXT, seed: 5, audio: false })))
})
