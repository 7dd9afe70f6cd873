import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import request from 'supertest'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type TestServer, testServer } from '../../test/support/test-server.ts'
import { presentedKey } from './gate.ts'
import { createKey, parseKeys, revokeKey } from './key-file.ts'
import { KeyStore } from './key-store.ts'
import { isAllowedOrigin } from './origins.ts'

const folder = mkdtempSync(join(tmpdir(), 'keys-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const newFile = (): string => join(folder, `${++files}.txt`)

const speak = (at: TestServer, key?: string, input = 'Hi.') => {
  const asking = request(at.server).post('/v1/audio/speech')
  if (key !== undefined) asking.set('Authorization', `Bearer ${key}`)
  return asking.send({ input, response_format: 'pcm' })
}

test('a key file holds no key, and only its owner may read it', () => {
  const file = newFile()
  const key = createKey(file, 'shop', { requests: 5 })
  const text = readFileSync(file, 'utf8')
  expect(key).toMatch(/^sk-sw-[\w-]{43}$/)
  expect(text).not.toContain(key)
  expect(text).toMatch(/^shop sha256:[0-9a-f]{64} requests=5\n$/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(() => createKey(file, 'shop')).toThrow('already')
  expect(() => createKey(file, 'no good name')).toThrow(expect.objectContaining({ code: 'USAGE' }))
  expect(() => parseKeys('shop sha256:12', 'f')).toThrow('Line 1 of f')
})

test('keys come and go without a restart', () => {
  const file = newFile()
  let now = 0
  const warnings: string[] = []
  const store = new KeyStore({ file, now: () => now, warn: (line) => warnings.push(line) })
  const later = () => {
    now += 2000
  }
  const one = createKey(file, 'one')
  expect(store.find(one)).toBeUndefined()
  later()
  expect(store.find(one)?.name).toBe('one')
  const two = createKey(file, 'two')
  revokeKey(file, 'one')
  later()
  expect(store.find(one)).toBeUndefined()
  expect(store.find(two)?.name).toBe('two')
  writeFileSync(file, 'a slip of the pen')
  later()
  expect(store.find(two)?.name).toBe('two')
  expect(warnings).toHaveLength(1)
  chmodSync(file, 0o600)
})

test('several keys are let in, others get the error object of OpenAI', async () => {
  const file = newFile()
  const fromFile = createKey(file, 'shop')
  const at = await testServer({ config: { keysFile: file, apiKeys: ['plain-1', 'plain-2'] } })
  for (const key of [fromFile, 'plain-1', 'plain-2']) expect((await speak(at, key)).status).toBe(200)
  for (const key of [undefined, 'plain-3', '']) {
    const { status, body, headers } = await speak(at, key)
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toBe('Bearer')
    expect(body.error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_api_key', param: null })
  }
  expect((await request(at.server).get('/v1/models')).status).toBe(401)
  for (const open of ['/', '/health/live', '/health/ready', '/metrics'])
    expect((await request(at.server).get(open)).status).toBe(200)
  await at.stop()
})

test('each key has its own limit, told in headers, then 429', async () => {
  const file = newFile()
  const small = createKey(file, 'small', { requests: 2 })
  const large = createKey(file, 'large', { requests: 100, characters: 10 })
  const at = await testServer({ config: { keysFile: file } })
  const first = await speak(at, small)
  expect(first.headers).toMatchObject({ 'x-ratelimit-limit-requests': '2', 'x-ratelimit-remaining-requests': '1' })
  await speak(at, small)
  const refused = await speak(at, small)
  expect(refused.status).toBe(429)
  expect(refused.body.error).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await speak(at, large)).status).toBe(200)
  expect((await speak(at, large, 'More than ten characters.')).body.error.message).toContain('10 characters')
  await at.stop()
})

test('without keys the limits go by address', async () => {
  const at = await testServer({ config: { requestsPerMinute: 1 } })
  expect((await speak(at)).status).toBe(200)
  expect((await speak(at)).status).toBe(429)
  const socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`)
  const message = await new Promise<string>((resolve) => {
    socket.on('error', (error) => resolve(error.message))
    socket.on('open', () => resolve('open'))
  })
  expect(message).toContain('429')
  await at.stop()
})

test('a key is found wherever the clients put it', () => {
  expect(presentedKey({ authorization: 'Bearer a' })).toBe('a')
  expect(presentedKey({ authorization: 'Token a' })).toBe('a')
  expect(presentedKey({ 'xi-api-key': 'a' })).toBe('a')
  expect(presentedKey({ 'sec-websocket-protocol': 'token, a' })).toBe('a')
  expect(presentedKey({ authorization: 'Basic a' })).toBeUndefined()
})

test('pages of other origins stay out unless they are named', async () => {
  expect(isAllowedOrigin(undefined, 'here:1', [])).toBe(true)
  expect(isAllowedOrigin('http://here:1', 'here:1', [])).toBe(true)
  expect(isAllowedOrigin('http://there', 'here:1', [])).toBe(false)
  expect(isAllowedOrigin('null', 'here:1', [])).toBe(false)
  expect(isAllowedOrigin('http://there', 'here:1', ['http://there'])).toBe(true)
  const closed = await testServer()
  const asked = (at: TestServer) =>
    request(at.server)
      .options('/v1/audio/speech')
      .set('Origin', 'http://there')
      .set('Access-Control-Request-Method', 'POST')
  expect((await asked(closed)).headers['access-control-allow-origin']).toBeUndefined()
  const socket = new WebSocket(`ws://127.0.0.1:${closed.port}/v1/audio/stream`, { origin: 'http://there' })
  const message = await new Promise<string>((resolve) => socket.on('error', (error) => resolve(error.message)))
  expect(message).toContain('403')
  await closed.stop()
  const open = await testServer({ config: { corsOrigins: ['http://there'], apiKeys: ['k'] } })
  const allowed = await asked(open)
  expect(allowed.status).toBe(204)
  expect(allowed.headers['access-control-allow-origin']).toBe('http://there')
  await open.stop()
})
