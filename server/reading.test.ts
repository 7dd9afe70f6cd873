/** How a text is read, over HTTP, and what of it is not: named to the client on every route. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { z } from 'zod'
import { type TestServer, testServer, until } from '../test/support/test-server.ts'
import { ANSWERS } from './openapi.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())

const post = (path: string, body: object): Promise<Response> =>
  fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) })

test('/v1/audio/phonemes answers how a text is read', async () => {
  const response = await post('/v1/audio/phonemes', {
    input: 'Ask Ms. Nguyen for 5 kg. 你好!',
    lexicon: { Nguyen: 'wˈɪn' },
  })
  expect(response.status).toBe(200)
  const reading = ANSWERS.Reading.parse(await response.json())
  expect(reading.language).toBe('en-US')
  expect(reading.sentences[0]).toMatchObject({ said: 'Ask miz Nguyen for five kilograms.', start: 0, end: 24 })
  expect(reading.sentences[0]!.words[2]).toEqual({
    text: 'Nguyen',
    start: 8,
    end: 14,
    phonemes: 'wˈɪn',
    source: 'given',
  })
  expect(reading.unreadable).toEqual([{ start: 25, end: 27, script: 'Han' }])
})

test('a language may be named, and an unknown one is refused by name', async () => {
  const read = async (language: string) => {
    const response = await post('/v1/audio/phonemes', { input: 'bath', language })
    return { status: response.status, body: (await response.json()) as z.output<typeof ANSWERS.Reading> }
  }
  const [american, british] = [await read('en-US'), await read('en-GB')]
  expect(british.body.language).toBe('en-GB')
  expect(british.body.sentences[0]!.phonemes).not.toBe(american.body.sentences[0]!.phonemes)
  expect(await read('xx')).toMatchObject({ status: 400, body: { error: { param: 'language' } } })
})

test('scripts that are not read are named in a header', async () => {
  const body = { input: 'Say 你好 and مرحبا twice.', response_format: 'pcm', seed: 1 }
  const response = await post('/v1/audio/speech', body)
  expect(response.status).toBe(200)
  expect(response.headers.get('X-Unread-Scripts')).toBe('Han, Arabic')
  await response.arrayBuffer()
  const read = await post('/v1/audio/speech', { ...body, input: 'Say Привет, café and Ω.' })
  expect(read.headers.get('X-Unread-Scripts')).toBeNull()
  await read.arrayBuffer()
  const lines = (await (await post('/v1/audio/speech/timestamps', { ...body, audio: false })).text()).trim().split('\n')
  expect(ANSWERS.TimestampLine.parse(JSON.parse(lines[0]!))).toEqual({
    type: 'warning',
    code: 'text_not_read',
    message: 'Han, Arabic script is not read: the voice speaks American English.',
  })
})

test.each(['🎉🎉', '?!...', '<speak>—</speak>'])('%j is silence', async (input) => {
  const response = await post('/v1/audio/speech', { input, response_format: 'pcm' })
  expect(response.status).toBe(200)
  const bytes = new Uint8Array(await response.arrayBuffer())
  expect(bytes.length).toBeGreaterThan(0)
  expect(bytes.every((byte) => byte === 0)).toBe(true)
})

test('white space alone is still refused', async () => {
  expect((await post('/v1/audio/speech', { input: ' \n ' })).status).toBe(400)
})

test.each([
  [
    '/v1/audio/stream',
    [{ type: 'text', text: 'Say 你好. ' }, { type: 'text', text: '再见. ' }, { type: 'close' }],
    'warning',
  ],
  [
    '/v1/speak',
    [{ type: 'Speak', text: 'Say 你好. ' }, { type: 'Speak', text: '再见. ' }, { type: 'Close' }],
    'Warning',
  ],
])('on %s a script that is not read is one warning', async (path, messages, type) => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`)
  const events: { type: string; code?: string }[] = []
  let closed = false
  socket.on('message', (data, isBinary) => void (isBinary || events.push(JSON.parse(String(data)))))
  socket.on('close', () => {
    closed = true
  })
  await until(() => socket.readyState === WebSocket.OPEN)
  for (const message of messages) socket.send(JSON.stringify(message))
  await until(() => closed)
  const warnings = events.filter((event) => event.type === type)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]!.code!.toLowerCase()).toBe('text_not_read')
})
