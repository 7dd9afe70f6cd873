import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import ajvFormats from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type TestServer, testServer } from '../test/support/test-server.ts'
import { PROTOCOLS } from './asyncapi.ts'
import type { AsyncApi } from './docs-page.ts'
import { DIALECTS } from './websocket/dialects/index.ts'

let server: TestServer
let document: AsyncApi
beforeAll(async () => {
  server = await testServer()
  document = (await (await fetch(`${server.url}/asyncapi.json`)).json()) as AsyncApi
})
afterAll(() => server.stop())

const ajv = (): Ajv => {
  const made = new Ajv({ strict: false, formats: { base64: true } })
  // Their types describe the CommonJS module.
  ;(ajvFormats as unknown as (ajv: Ajv) => void)(made)
  return made
}

test('the document is valid AsyncAPI 3.0', () => {
  const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json')
  const schema = JSON.parse(readFileSync(file, 'utf8'))
  // Parts name each other by addresses of their own.
  const validate = ajv().compile(schema)
  expect(validate(document), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true)
  expect(validate({ ...document, channels: 7 })).toBe(false)
})

test('every dialect has its protocol, and every reference leads somewhere', () => {
  expect(Object.keys(PROTOCOLS).sort()).toEqual(DIALECTS.map(({ route }) => route).sort())
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!)
  expect(references.length).toBeGreaterThan(20)
  for (const path of references) {
    const target = path.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document)
    expect(target, path).toBeDefined()
  }
})

/** Sends messages to a protocol's address and returns what comes back until the connection closes. */
async function talk(address: string, messages: readonly object[]): Promise<unknown[]> {
  const path = address.replace('{voice}', 'alloy').replace('{voice_id}', 'alloy')
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`)
  const answers: unknown[] = []
  socket.on('message', (data, isBinary) => answers.push(isBinary ? data : JSON.parse(data.toString())))
  socket.on('open', () => {
    for (const message of messages) socket.send(JSON.stringify(message))
  })
  await new Promise((resolve) => socket.on('close', resolve))
  return answers
}

/** A talk in which each message that clients may send is sent. The last one ends it. */
const TALKS: Readonly<Record<string, readonly object[]>> = {
  '/v1/audio/stream': [
    { type: 'start', seed: 7, early: true },
    { type: 'text', text: 'Old words. ' },
    { type: 'clear' },
    { type: 'text', text: 'Hello out there. ' },
    { type: 'flush' },
    { type: 'sing' },
    { type: 'text', text: 'Good night.' },
    { type: 'close' },
  ],
  '/v1/speak': [
    { type: 'Speak', text: 'Old words. ' },
    { type: 'Clear' },
    { type: 'Speak', text: 'Hello out there. ' },
    { type: 'Flush' },
    { type: 'Sing' },
    { type: 'Speak', text: 'Good night.' },
    { type: 'Close' },
  ],
  '/v2/speak': [
    { type: 'Interrupt' },
    { type: 'Configure', speed: 9 },
    { type: 'Configure', speed: 1.2 },
    { type: 'Speak', text: 'Hello out there. ' },
    { type: 'Flush' },
    { type: 'Sing' },
    { type: 'Speak', text: 'Good night.' },
    { type: 'Close' },
  ],
  '/v1/text-to-speech/multi-stream-input': [
    { text: ' ', context_id: 'a', voice_settings: { speed: 1 } },
    { text: 'Hello out there. ', context_id: 'a', flush: true },
    { context_id: 'a', close_context: true },
    { text: 'Good night. ', context_id: 'b' },
    { close_socket: true },
  ],
  '/v1/text-to-speech/stream-input': [
    { text: ' ', voice_settings: { speed: 1 } },
    { text: 'Hello out there. ', flush: true },
    { text: '' },
  ],
}

test.each(Object.entries(PROTOCOLS))(
  '%s: what is sent and what comes back have the shapes it tells',
  async (route, protocol) => {
    const channel = Object.values(document.channels).find(({ address }) => address === protocol.address)!
    const shapes = (action: string) =>
      Object.entries(channel.messages).filter(([key, { contentType }]) => key.startsWith(`${action}.`) && !contentType)
    const check = ajv()
    const talk_ = TALKS[route]!
    const answers = await talk(protocol.address, talk_)
    const used = new Set<string>()
    for (const answer of answers) {
      if (answer instanceof Buffer) {
        expect(Object.keys(channel.messages)).toContain('send.audio')
        continue
      }
      const fitting = shapes('send').filter(([, { payload }]) => check.validate(payload, answer))
      expect(
        fitting.map(([key]) => key),
        JSON.stringify(answer),
      ).toHaveLength(1)
      used.add(fitting[0]![0])
    }
    // All but those of a stream that fails, or is interrupted once it is heard, have been seen.
    const unseen = shapes('send').flatMap(([key]) => (used.has(key) ? [] : [key]))
    expect(unseen.filter((key) => !/(error|SpeechInterrupted)$/i.test(key))).toEqual([])
    const known = talk_.filter((message) => !/sing/i.test((message as { type?: string }).type ?? ''))
    for (const message of known)
      expect(
        shapes('receive').some(([, { payload }]) => check.validate(payload, message)),
        JSON.stringify(message),
      ).toBe(true)
    for (const [, { payload, examples }] of shapes('receive'))
      for (const example of examples ?? []) expect(check.validate(payload, example.payload)).toBe(true)
  },
)
