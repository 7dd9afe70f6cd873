import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestServer, testServer } from '../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())

const speech = async (body: object): Promise<{ status: number; bytes: Buffer }> => {
  const response = await fetch(`${server.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ response_format: 'pcm', seed: 1, ...body }),
  })
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) }
}

test('SSML is spoken when the text begins with <speak>, or when the request says so', async () => {
  const plain = await speech({ input: 'One two.' })
  expect((await speech({ input: '<speak>One two.</speak>' })).bytes.equals(plain.bytes)).toBe(true)
  expect((await speech({ input: '<!-- note --><speak>One two.</speak>', input_type: 'ssml' })).bytes).toEqual(
    plain.bytes,
  )
  const broken = await speech({ input: '<speak>One<break time="1s"/> two.</speak>' })
  expect(broken.bytes.length).toBeGreaterThan(plain.bytes.length + 30000)
})

test('a text that only looks like SSML is read as text when the request says so', async () => {
  const { status, bytes } = await speech({ input: '<speak> is a tag', input_type: 'text' })
  expect(status).toBe(200)
  expect(bytes.equals((await speech({ input: 'speak is a tag' })).bytes)).toBe(true)
})

test.each([
  ['<speak>\n  <b>One</b></speak>', 'request_invalid', 'line 2, column 3'],
  ['<speak>One', 'request_invalid', 'line 1'],
  ['<!DOCTYPE speak><speak>One</speak>', 'request_invalid', 'DOCTYPE'],
  ['<speak> <break time="1s"/> </speak>', 'input_empty', 'nothing'],
])('%s is refused with 400 and its place', async (input, code, message) => {
  const { status, bytes } = await speech({ input, input_type: 'ssml' })
  expect(status).toBe(400)
  const { error } = JSON.parse(bytes.toString())
  expect(error).toMatchObject({ code, param: 'input', type: 'invalid_request_error' })
  expect(error.message).toContain(message)
})

test('words of SSML have the characters of the document', async () => {
  const input = '<speak>One <emphasis>two</emphasis> &amp; three.</speak>'
  const response = await fetch(`${server.url}/v1/audio/speech/timestamps`, {
    method: 'POST',
    body: JSON.stringify({ input, audio: false }),
  })
  const sentence = JSON.parse((await response.text()).split('\n')[0]!)
  expect(sentence.words.map(({ start, end }: { start: number; end: number }) => input.slice(start, end))).toEqual([
    'One',
    'two',
    'three',
  ])
})
