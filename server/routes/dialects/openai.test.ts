import { createHash, createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { standIn } from '../../../test/support/stand-in.ts'
import { type TestServer, testServer } from '../../../test/support/test-server.ts'
import { createLogger } from '../../log.ts'
import { resolveVoice } from '../../voices.ts'

let server: TestServer
let keyed: TestServer
const lines: Record<string, unknown>[] = []
beforeAll(async () => {
  server = await testServer()
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const speaker = standIn()
  keyed = await testServer({
    standIn: speaker,
    logger: createLogger('info', destination),
    config: { apiKeys: ['sk-a', 'sk-b'], requestsPerMinute: 3, charactersPerMinute: 100 },
  })
})
afterAll(async () => {
  await server.stop()
  await keyed.stop()
})

const post = (body: object, path = '/v1/audio/speech', at = server, headers: Record<string, string> = {}) =>
  fetch(`${at.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers })

interface Answer {
  error: { code: string; message: string; param: string | null }
  models: { id: string; name: string }[]
  voices: { id: string; name: string; aliases: string[] }[]
}
const json = async (response: Response): Promise<Answer> => (await response.json()) as Answer

test('null for an optional field is its default', async () => {
  const body = { input: 'Hi.', voice: null, speed: null, response_format: null, instructions: null, seed: null }
  const response = await post(body)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('audio/mpeg')
  expect((await json(await post({ input: null }))).error).toMatchObject({
    param: 'input',
    message: expect.stringContaining('is missing'),
  })
})

test.each(['tts-1-1106', 'tts-1-hd-1106', 'gpt-4o-mini-tts-2025-12-15', 'kokoro'])(
  'model %s is known',
  async (model) => {
    expect((await post({ input: 'Hi.', model })).status).toBe(200)
  },
)

test.each(['tts-1-11', 'tts-1-latest', 'tts-2'])('model %s is not', async (model) => {
  expect((await post({ input: 'Hi.', model })).status).toBe(404)
})

test('paths may have two slashes', async () => {
  expect((await post({ input: 'Hi.' }, '//v1//audio/speech')).status).toBe(200)
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}//v1/audio//stream`)
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
  socket.close()
})

test('lists have what Open WebUI reads: ids and names of models and voices', async () => {
  const models = await json(await fetch(`${server.url}/v1/audio/models`))
  expect(models.models).toContainEqual({ id: 'tts-1', name: 'tts-1' })
  const { voices } = await json(await fetch(`${server.url}/v1/audio/voices`))
  expect(voices).toMatchObject([{ id: 'stand-in', name: 'stand-in' }])
})

test('a media element gets audio by GET, and HEAD says what it would be without speaking', async () => {
  const url = `${server.url}/v1/audio/speech?input=Hello+there.&response_format=wav&seed=3&speed=2&sample_rate=16000`
  const head = await fetch(url, { method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(head.headers.get('content-type')).toBe('audio/wav')
  const spoken = server.standIn.predicted.length
  const bytes = Buffer.from(await (await fetch(url)).arrayBuffer())
  expect(server.standIn.predicted.length).toBe(spoken + 1)
  expect(bytes.readUInt32LE(24)).toBe(16000)
  const body = { input: 'Hello there.', response_format: 'wav', seed: 3, speed: 2, sample_rate: 16000 }
  expect(Buffer.from(await (await post(body)).arrayBuffer()).equals(bytes)).toBe(true)
  for (const path of ['/v1/models', '/v1/audio/voices', '/health/live'])
    expect((await fetch(server.url + path, { method: 'HEAD' })).status).toBe(200)
  expect((await fetch(`${server.url}/v1/audio/speech?input=Hi.&speed=9`)).status).toBe(400)
  const wrong = await fetch(`${server.url}/v1/audio/speech`, { method: 'DELETE' })
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, GET, HEAD'])
})

test('the key, or a signature that expires, may stand in the address', async () => {
  const speech = (query: string) => fetch(`${keyed.url}/v1/audio/speech?${query}`)
  const sign = (query: string, key = 'sk-b') =>
    `${query}&signature=${createHmac('sha256', createHash('sha256').update(key).digest('hex')).update(query).digest('hex')}`
  const soon = Math.floor(Date.now() / 1000) + 60
  const good = sign(`input=Hi.&response_format=pcm&signer=key-2&expires=${soon}`)
  const response = await speech(good)
  expect(response.status).toBe(200)
  expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
  expect((await speech('input=Hi.&key=sk-b')).status).toBe(200)
  for (const bad of [
    'input=Hi.',
    'input=Hi.&key=sk-c',
    good.replace('Hi.', 'Ho.'),
    good.replace('key-2', 'key-1'),
    `${good}&voice=stand-in`,
    sign('input=Hi.&signer=key-2&expires=1000'),
    sign('input=Hi.&signer=key-2'),
    sign(`input=Hi.&signer=key-9&expires=${soon}`),
  ])
    expect([bad, (await speech(bad)).status]).toEqual([bad, 401])
  // Only here: keys of other paths stay out of addresses.
  expect((await fetch(`${keyed.url}/v1/models?key=sk-b`)).status).toBe(401)
})

test('a text that is too long uses up nothing and is not to be sent again', async () => {
  const headers = { Authorization: 'Bearer sk-a' }
  for (const [input, limit] of [
    ['a'.repeat(4097), '4096'],
    ['a'.repeat(101), '100'],
    ['a'.repeat(80_000), 'too large'],
  ] as const) {
    const response = await post({ input }, undefined, keyed, headers)
    expect(response.status).toBe(400)
    expect(response.headers.get('retry-after')).toBeNull()
    const { error } = await json(response)
    expect(error.code).toBe('input_too_long')
    expect(error.message).toContain(limit)
  }
  // A text that does not fit into what is left of the minute leaves it to others.
  expect((await post({ input: 'a'.repeat(60) }, undefined, keyed, headers)).status).toBe(200)
  const refused = await post({ input: 'a'.repeat(60) }, undefined, keyed, headers)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await post({ input: 'a'.repeat(40) }, undefined, keyed, headers)).status).toBe(200)
})

test('whoever is turned away is counted and logged with the reason', async () => {
  const count = async (reason: string) =>
    Number(
      new RegExp(`^tts_refused_total\\{reason="${reason}"\\} (\\d+)`, 'm').exec(
        await keyed.metrics.registry.metrics(),
      )?.[1] ?? 0,
    )
  const before = { key: await count('key'), rate: await count('rate_limit_exceeded') }
  await post({ input: 'Hi.' }, undefined, keyed)
  for (let i = 0; i < 4; i++)
    await (await post({ input: 'Hi.' }, undefined, keyed, { Authorization: 'Bearer sk-b' })).text()
  const handshake = (headers: Record<string, string>) =>
    new Promise((resolve) =>
      new WebSocket(`${keyed.url.replace('http', 'ws')}/v1/speak`, { headers }).on('error', resolve),
    )
  await handshake({ Authorization: 'Bearer nobody' })
  await handshake({ Authorization: 'Bearer sk-b' })
  expect(await count('key')).toBe(before.key + 2)
  expect(await count('rate_limit_exceeded')).toBeGreaterThan(before.rate + 1)
  expect(lines).toContainEqual(expect.objectContaining({ path: '/v1/audio/speech', status: 401, refused: 'key' }))
  expect(lines).toContainEqual(expect.objectContaining({ path: '/v1/speak', status: 401, refused: 'key' }))
  expect(lines).toContainEqual(
    expect.objectContaining({ path: '/v1/audio/speech', status: 429, refused: 'rate_limit_exceeded', caller: 'key-2' }),
  )
  expect(lines).toContainEqual(expect.objectContaining({ path: '/v1/speak', refused: 'rate_limit_exceeded' }))
})

test('a handshake that is no WebSocket is answered, counted and logged', async () => {
  const socket = connect(server.port, '127.0.0.1')
  const head = 'GET /v1/speak HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  socket.write(`${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n`)
  let answer = ''
  for await (const bytes of socket) answer += bytes
  expect(answer).toMatch(/^HTTP\/1.1 400 /)
  expect(answer).toContain('The handshake is wrong: Missing or invalid Sec-WebSocket-Key header.')
  expect(await server.metrics.registry.metrics()).toContain('tts_refused_total{reason="request_invalid"} 1')
})

const HOUSE = ['heart', 'bella', 'kore', 'sarah', 'michael', 'fenrir', 'puck', 'emma', 'isabella', 'george', 'fable']
const FEMALE = new Set(['heart', 'bella', 'kore', 'sarah', 'emma', 'isabella'])
const voicesOf = (names: readonly string[]) => ({
  voices: names.map((name) => ({ name, language: 'en-US' })),
  defaultVoice: names[0]!,
})

test("names of other services' voices mean distinct voices of their sex and accent", () => {
  const house = voicesOf(HOUSE)
  const meant = (name: string) => resolveVoice(name, house)
  expect(['alloy', 'nova', 'shimmer', 'echo', 'onyx', 'fable'].map(meant)).toEqual([
    'heart',
    'bella',
    'sarah',
    'michael',
    'fenrir',
    'fable',
  ])
  expect(['aura-2-thalia-en', 'aura-asteria-en', 'flux-alexis-en'].every((name) => FEMALE.has(meant(name)))).toBe(true)
  expect(meant('aura-2-thalia-en')).not.toBe(meant('aura-asteria-en'))
  expect(meant('aura-2-draco-en')).toBe('fable')
  expect(['EXAVITQu4vr4xnSDxMaL', 'JBFqnCBsd6RMkjVDRZzb', 'Xb7hH8MSUJpSbSDYk0k2'].map(meant)).toEqual([
    'sarah',
    'george',
    'emma',
  ])
  expect(['af_sarah', 'bm_george(2)+bm_fable(1)', 'am_adam', 'en_GB-alan-medium'].map(meant)).toEqual([
    'sarah',
    'george',
    'michael',
    'emma',
  ])
  // Somebody's own voice, or one of a house that has no such voice: the default.
  expect(meant('ZZZZZZZZZZZZZZZZZZZZ')).toBe('heart')
  expect(resolveVoice('onyx', voicesOf(['heart']))).toBe('heart')
  expect(resolveVoice('onyx', voicesOf(['heart', 'george']))).toBe('george')
  expect(() => meant('nobody')).toThrow('There is no voice "nobody".')
})

test('an operator says which voice a name means', async () => {
  const at = await testServer({
    catalogue: voicesOf(['heart', 'george']),
    config: { aliases: { onyx: 'heart', narrator: 'george' } },
  })
  expect((await post({ input: 'Hi.', voice: 'narrator' }, undefined, at)).status).toBe(200)
  const list = await json(await fetch(`${at.url}/v1/audio/voices`))
  const aliases = Object.fromEntries(list.voices.map((voice) => [voice.id, voice.aliases]))
  expect(aliases.george).toContain('narrator')
  expect(aliases.heart).toContain('onyx')
  await at.stop()
  const none = { catalogue: voicesOf(['heart']), config: { aliases: { onyx: 'hart' } } }
  await expect(testServer(none)).rejects.toThrow('The alias onyx means the voice hart')
})
