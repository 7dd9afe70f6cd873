import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { phonemize } from '../src/text/index.ts'
import { predictLetters, standIn } from '../test/support/stand-in.ts'
import { type TestServer, testServer } from '../test/support/test-server.ts'

const asked: { phonemes: string; rate: number; pitch: number }[] = []
const speaker = standIn({
  parts: {
    phonemize,
    predict(phonemes, options) {
      asked.push({ phonemes, ...options })
      return predictLetters(phonemes, options)
    },
  },
})
let server: TestServer
beforeAll(async () => {
  server = await testServer({ standIn: speaker })
})
afterAll(() => server.stop())

const speech = async (body: object): Promise<Response> => {
  const response = await fetch(`${server.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ response_format: 'pcm', seed: 1, ...body }),
  })
  await response.clone().arrayBuffer()
  return response
}

test("a request's lexicon goes before the dictionary, for that request alone", async () => {
  await speech({ input: 'Say tomato.', lexicon: { tomato: 'təmˈɑtO' } })
  expect(asked.at(-1)!.phonemes).toBe('sˈA təmˈɑtO.')
  await speech({ input: 'Say tomato.' })
  expect(asked.at(-1)!.phonemes).toBe(phonemize('Say tomato.').phonemes)
})

test('the pitch reaches the acoustic model', async () => {
  await speech({ input: 'Higher.', pitch: 1.5, speed: 2 })
  expect(asked.at(-1)).toMatchObject({ pitch: 1.5, rate: 2 })
})

test.each([
  [{ lexicon: { tomato: 'tomato9' } }, 'lexicon.tomato', '"o" is not a phoneme'],
  [{ lexicon: { tomato: '' } }, 'lexicon.tomato', 'no sound'],
  [{ lexicon: { tomato: 'təˈmɑtO' } }, 'lexicon.tomato', 'before a vowel'],
  [{ lexicon: { '': 'tˈɑ' } }, 'lexicon.', ''],
  [{ lexicon: ['tˈɑ'] }, 'lexicon', ''],
  [{ lexicon: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`w${i}`, 'tˈɑ'])) }, 'lexicon', '256'],
  [{ pitch: 3 }, 'pitch', ''],
])('%j is refused, and the field is named', async (body, param, message) => {
  const response = await speech({ input: 'Hi.', ...body })
  expect(response.status).toBe(400)
  const { error } = (await response.json()) as { error: { param: string; message: string } }
  expect(error.param).toBe(param)
  expect(error.message).toContain(message)
})

test("our WebSocket's start takes a lexicon and a pitch", async () => {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/audio/stream`)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('open', resolve))
  for (const message of [
    { type: 'start', lexicon: { tomato: '/təˈmɑːtoʊ/' }, pitch: 0.8 },
    { type: 'text', text: 'My tomato.' },
    { type: 'close' },
  ])
    socket.send(JSON.stringify(message))
  await closed
  expect(asked.at(-1)).toMatchObject({ phonemes: 'mˌI təmˈɑtO.', pitch: 0.8 })
})
