/**
 * What one client may try against the others, each kind of it small enough for a test. `npm run bench:abuse` does the same
 * at size and measures what a bystander notices.
 */
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { readConfig } from '../server/config.ts'
import { createLogger } from '../server/log.ts'
import { startServer } from '../server/start.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { MAX_SYMBOLS } from '../src/synthesis/parts.ts'
import { phonemize } from '../src/text/index.ts'
import { manifestText, readVoice } from '../src/voices/index.ts'
import { predictLetters, standIn } from './support/stand-in.ts'
import { type TestServer, testServer, until } from './support/test-server.ts'

let server: TestServer | undefined
const sockets: (Socket | WebSocket)[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) 'terminate' in socket ? socket.terminate() : socket.destroy()
  await server?.stop()
  server = undefined
})

const start = async (...options: Parameters<typeof testServer>): Promise<TestServer> => {
  server = await testServer(...options)
  return server
}

/** A stand-in that reads English, and what its acoustic model was called with. */
function english() {
  const calls: string[] = []
  const speaker = standIn({
    parts: {
      phonemize,
      predict(phonemes, options) {
        calls.push(phonemes)
        return predictLetters(phonemes, options)
      },
    },
  })
  return { speaker, calls }
}

const post = (at: TestServer, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${at.url}/v1/audio/speech`, { method: 'POST', body: JSON.stringify(body), headers })

const metric = async (at: TestServer, line: string): Promise<number> => {
  const text = await at.metrics.registry.metrics()
  return Number(
    text
      .split('\n')
      .find((l) => l.startsWith(`${line} `))
      ?.split(' ')[1] ?? 0,
  )
}

/** A socket that only collects. */
function raw(
  port: number,
  bytes = '',
): { socket: Socket; text: () => string; closed: () => boolean; ended: () => boolean } {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(socket)
  let text = ''
  let closed = false
  let ended = false
  socket.on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('end', () => {
    ended = true
  })
  if (bytes) socket.write(bytes)
  return { socket, text: () => text, closed: () => closed, ended: () => ended || closed }
}

interface Ws {
  socket: WebSocket
  messages: Record<string, unknown>[]
  code: () => number | undefined
}
function ws(at: TestServer, path: string, headers: Record<string, string> = {}): Ws {
  const socket = new WebSocket(`ws://127.0.0.1:${at.port}${path}`, { headers, perMessageDeflate: false })
  sockets.push(socket)
  const messages: Record<string, unknown>[] = []
  let code: number | undefined
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) messages.push(JSON.parse(data.toString()))
  })
  socket.on('error', () => {})
  socket.on('close', (c) => {
    code = c
  })
  return { socket, messages, code: () => code }
}
const isOpen = ({ socket }: Ws): boolean => socket.readyState === WebSocket.OPEN
const ELEVEN = '/v1/text-to-speech/alloy/stream-input'

test.each([
  ['a lexicon', { input: 'a '.repeat(125), lexicon: { a: 'ˈɑb'.repeat(42) } }],
  ['signs', { input: '≠'.repeat(250) }],
  ['digits', { input: '7'.repeat(250) }],
  ['SSML', { input: `<speak><phoneme alphabet="x-sparsewave" ph="${'bˈɑ'.repeat(1200)}">x</phoneme></speak>` }],
])('few characters that stand for thousands of phonemes are many short calls: %s', async (_, body) => {
  const { speaker, calls } = english()
  const at = await start({ standIn: speaker })
  const response = await post(at, { response_format: 'pcm', speed: 4, ...body })
  expect(response.status).toBe(200)
  await response.arrayBuffer()
  expect(calls.join('').length).toBeGreaterThan(1000)
  for (const phonemes of calls) expect(phonemes.length).toBeLessThanOrEqual(MAX_SYMBOLS)
})

test('every word keeps its place when its sentence is cut', async () => {
  const { speaker } = english()
  const at = await start({ standIn: speaker })
  const input = 'ab '.repeat(80).trim()
  const response = await fetch(`${at.url}/v1/audio/speech/timestamps`, {
    method: 'POST',
    body: JSON.stringify({ input, lexicon: { ab: 'ˈɑb'.repeat(20) }, audio: false }),
  })
  const lines = (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const sentences = lines.filter(({ type }) => type === 'sentence')
  expect(sentences.length).toBeGreaterThan(10)
  for (const { text, start, end } of sentences) expect(input.slice(start, end)).toBe(text)
  const words = sentences.flatMap(({ words }) => words)
  expect(words.map(({ start, end }) => input.slice(start, end))).toEqual(input.split(' '))
  expect(words.map(({ start }) => start)).toEqual(input.split(' ').map((_, i) => 3 * i))
  for (let i = 1; i < words.length; i++) expect(words[i].from).toBeGreaterThanOrEqual(words[i - 1].to)
})

test('a hyphen in a word of a lexicon is a hyphen', async () => {
  const { speaker, calls } = english()
  const at = await start({ standIn: speaker })
  expect((await post(at, { input: 'A twenty-one gun.', lexicon: { 'twenty-one': 'bˈɑ' } })).status).toBe(200)
  expect(calls.join()).toContain('bˈɑ')
})

test('a flood of tiny messages ends its connection after a few answers, and another client is served', async () => {
  const at = await start()
  const flood = ws(at, '/v1/audio/stream')
  await until(() => isOpen(flood))
  for (let i = 0; i < 14_000; i++) flood.socket.send('{"a":1}')
  const other = await post(at, { input: 'Hello there.', response_format: 'pcm' })
  expect((await other.arrayBuffer()).byteLength).toBeGreaterThan(1000)
  await until(() => flood.code() !== undefined)
  expect(flood.messages.length).toBeLessThanOrEqual(16)
  expect(await metric(at, 'tts_refused_total{reason="faults"}')).toBe(1)
})

test('without a key one fault ends a connection', async () => {
  const at = await start({ config: { apiKeys: ['secret'] } })
  const flood = ws(at, ELEVEN)
  await until(() => isOpen(flood))
  for (let i = 0; i < 2000; i++) flood.socket.send('{"text":" "}')
  await until(() => flood.code() !== undefined)
  expect(flood.messages).toHaveLength(1)
})

test('connections before a key are few and short, and take no slot from those with one', async () => {
  const at = await start({ config: { apiKeys: ['secret'], wsConnections: 2, keySeconds: 0.5 } })
  const waiting = Array.from({ length: 8 }, () => ws(at, ELEVEN))
  await until(() => waiting.every(isOpen))
  const ninth = ws(at, ELEVEN)
  await until(() => ninth.code() !== undefined)
  const paying = ws(at, '/v1/audio/stream', { authorization: 'Bearer secret' })
  await until(() => isOpen(paying))
  // A key that comes in time moves its connection to the slots of those with one; the others end.
  waiting[0]!.socket.send(JSON.stringify({ text: ' ', xi_api_key: 'secret' }))
  await until(() => waiting.slice(1).every(({ code }) => code() === 1008))
  expect(isOpen(waiting[0]!)).toBe(true)
  expect(isOpen(paying)).toBe(true)
  const third = ws(at, '/v1/audio/stream', { authorization: 'Bearer secret' })
  await until(() => third.code() !== undefined)
  expect(await metric(at, 'tts_refused_total{reason="server_busy"}')).toBe(2)
})

test('each start counts as a request, as do voice files', async () => {
  const at = await start({ config: { requestsPerMinute: 6 } })
  const client = ws(at, '/v1/audio/stream')
  await until(() => isOpen(client))
  for (let i = 0; i < 12; i++) client.socket.send('{"type":"start"}')
  await until(() => client.messages.length === 12)
  // The handshake was the first of the six, and the first start is the handshake's.
  expect(client.messages.filter(({ type }) => type === 'started')).toHaveLength(6)
  expect(client.messages.filter(({ code }) => code === 'rate_limit_exceeded')).toHaveLength(6)
  const file = await fetch(`${at.url}/v1/audio/voices/stand-in/voice.json`)
  expect(file.status).toBe(429)
})

test('refused upgrades are answered, counted and let go of', async () => {
  const at = await start()
  const upgrade = (path: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
  const nowhere = Array.from({ length: 50 }, () => raw(at.port, upgrade('/nowhere')))
  const malformed = ['//', '/v1/text-to-speech/%ff/stream-input', '/v1/speak?sample_rate=x'].map((path) =>
    raw(at.port, upgrade(path)),
  )
  await until(() => [...nowhere, ...malformed].every(({ closed, text }) => closed() || text() !== ''))
  // The client says nothing and closes nothing: the server does.
  const count = () => new Promise<number>((resolve) => at.server.getConnections((_, n) => resolve(n)))
  await vi.waitUntil(async () => (await count()) === 0, { timeout: 10_000 })
  for (const { text } of nowhere) expect(text()).toContain('HTTP/1.1 404')
  for (const { text } of malformed) expect(text()).toContain('HTTP/1.1 400')
  expect(await metric(at, 'tts_refused_total{reason="not_found"}')).toBe(50)
})

test('requests pipelined on a connection that is reset leave with it', async () => {
  const at = await start({ config: { streamsPerWorker: 4, queue: 64 } })
  const body = JSON.stringify({ input: 'A sentence that goes on. '.repeat(100), speed: 0.25, response_format: 'pcm' })
  const request = `POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const { socket } = raw(at.port, request.repeat(12))
  await until(() => at.pool.activeStreams > 0)
  // One at a time: the others have not begun.
  expect(at.pool.activeStreams + at.pool.queued).toBe(1)
  socket.resetAndDestroy()
  await until(() => at.pool.activeStreams + at.pool.queued === 0)
  expect((await post(at, { input: 'Hi.' })).status).toBe(200)
})

test('an event of Wyoming that trickles in has a deadline, whatever comes of it', async () => {
  const at = await start({ config: { wyomingPort: 0, keySeconds: 0.2 } })
  const slow = raw(at.wyomingPort!, '{')
  let sent = 0
  const trickle = setInterval(() => {
    if (!slow.socket.destroyed) slow.socket.write('"')
    sent++
  }, 20)
  await until(() => slow.closed())
  clearInterval(trickle)
  expect(sent).toBeGreaterThan(2)
  expect(sent).toBeLessThan(200)
})

test('events of Wyoming with faults end their connection', async () => {
  const at = await start({ config: { wyomingPort: 0 } })
  const client = raw(at.wyomingPort!, '{"type":"synthesize","data":{"text":7}}\n'.repeat(500))
  await until(() => client.ended())
  expect(client.text().match(/"type":"error"/g)!.length).toBeLessThanOrEqual(16)
})

test('one address cannot take all slots of Wyoming', async () => {
  const at = await start({ config: { wyomingPort: 0, wsConnections: 8 } })
  const clients = Array.from({ length: 8 }, () => raw(at.wyomingPort!))
  await until(() => clients.filter(({ ended }) => ended()).length === 4)
})

test('a request that waits too long for a stream is told when to come back', async () => {
  const at = await start({ config: { streamsPerWorker: 1, queueSeconds: 0.1, stallSeconds: 60 } })
  const first = await post(at, { input: 'A sentence that goes on. '.repeat(100), speed: 0.25 })
  const second = await post(at, { input: 'Hi.' })
  expect(second.status).toBe(503)
  expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(((await second.json()) as { error: { code: string } }).error.code).toBe('queue_timeout')
  await first.body!.cancel()
})

test('a request on a worker that dies before the first audio is served by the next', async () => {
  let calls = 0
  const at = await start({
    standIn: standIn({
      parts: {
        predict: (phonemes, options) => (calls++ === 0 ? new Promise(() => {}) : predictLetters(phonemes, options)),
      },
    }),
  })
  const answer = post(at, { input: 'Hello.', response_format: 'pcm' })
  await until(() => calls === 1)
  at.workers[0]!.crash()
  const response = await answer
  expect(response.status).toBe(200)
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(1000)
})

test('long names are neither compared nor echoed', async () => {
  const at = await start()
  const name = 'x'.repeat(60_000)
  for (const body of [{ voice: name }, { model: name }, { response_format: name }]) {
    const response = await post(at, { input: 'Hi.', ...body })
    expect(response.status).toBe(400)
    expect((await response.text()).length).toBeLessThan(700)
  }
  const path = await fetch(`${at.url}/${'y'.repeat(8000)}`)
  expect((await path.text()).length).toBeLessThan(700)
})

test('nothing outside a voice is served, and no error names the disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'voices-'))
  const tiny = readVoice('tiny')
  const copy = mkdtempSync(join(folder, 'x'))
  const name = copy.split('/').at(-1)!.toLowerCase()
  const dir = join(folder, name)
  rmSync(copy, { recursive: true })
  vi.stubEnv('SPARSEWAVE_MODELS', folder)
  try {
    const { mkdirSync } = await import('node:fs')
    mkdirSync(dir)
    const files = { ...tiny.manifest.files, 'secret.txt': { sha256: '0'.repeat(64), bytes: 6 } }
    writeFileSync(join(dir, 'voice.json'), manifestText({ ...tiny.manifest, name, files }))
    copyFileSync(tiny.path('conditioning.onnx'), join(dir, 'conditioning.onnx'))
    writeFileSync(join(folder, 'outside.txt'), 'secret')
    symlinkSync(join(folder, 'outside.txt'), join(dir, 'secret.txt'))
    const at = await start({ catalogue: { voices: [{ name, language: 'en-US' }], defaultVoice: name } })
    const get = async (file: string) => {
      const response = await fetch(`${at.url}/v1/audio/voices/${name}/${file}`)
      return { status: response.status, text: await response.text() }
    }
    expect((await get('conditioning.onnx')).status).toBe(200)
    for (const file of ['secret.txt', 'acoustic.onnx', 'MODEL_CARD.md', '..%2foutside.txt']) {
      const { status, text } = await get(file)
      expect(status, file).toBe(404)
      expect(text).not.toContain(tmpdir())
    }
    writeFileSync(join(dir, 'voice.json'), '{')
    const damaged = await get('conditioning.onnx')
    expect(damaged.status).toBe(500)
    expect(damaged.text).not.toContain(folder)
    expect(PACKAGE_ROOT).not.toBe('')
    expect(damaged.text).not.toContain(PACKAGE_ROOT)
  } finally {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  }
})

test('a bug on the way to speech is logged without what was to be spoken', async () => {
  const lines: string[] = []
  const logger = createLogger('debug', { write: (line: string) => void lines.push(line) })
  const at = await start({
    logger,
    standIn: standIn({
      parts: {
        phonemize(text) {
          throw new TypeError(`cannot read ${text}`)
        },
      },
    }),
  })
  const response = await post(at, { input: 'Secret words.' })
  expect(response.status).toBe(500)
  expect(await response.text()).not.toContain('Secret')
  await until(() => lines.length >= 2)
  expect(lines.join('')).toContain('"type":"TypeError"')
  expect(lines.join('')).not.toContain('Secret')
})

test('a key file that cannot be used ends the start before anything runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'))
  const file = join(folder, 'keys')
  writeFileSync(file, 'this is no key\n')
  const spawn = vi.fn()
  const config = { ...readConfig({ PORT: '0', HOST: '127.0.0.1' }), keysFile: file }
  const starting = startServer({ config, catalogue: { voices: [], defaultVoice: 'x' }, spawn })
  await expect(starting).rejects.toMatchObject({ code: 'USAGE' })
  expect(spawn).not.toHaveBeenCalled()
  rmSync(folder, { recursive: true })
})

test('a refused key costs its connection and is counted', async () => {
  const at = await start({ config: { apiKeys: ['secret'] } })
  const body = 'x'.repeat(50_000)
  const client = raw(
    at.port,
    `POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer no\r\nContent-Length: 5000000\r\n\r\n${body}`,
  )
  await until(() => client.closed() || client.text().includes('invalid_api_key'))
  expect(client.text()).toContain('HTTP/1.1 401')
  expect(client.text()).toContain('Connection: close')
  expect(await metric(at, 'tts_refused_total{reason="key"}')).toBe(1)
})

test('a storm of flushes and clears is read no faster than a worker is to begin anew', async () => {
  const at = await start()
  const client = ws(at, '/v1/audio/stream')
  await until(() => isOpen(client))
  for (let i = 0; i < 2000; i++) client.socket.send(i % 2 ? '{"type":"flush"}' : '{"type":"clear"}')
  await until(() => client.messages.some(({ type }) => type === 'cleared'))
  const answer = await post(at, { input: 'Hello there.', response_format: 'pcm' })
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(1000)
  // A burst of a hundred, and twenty a second: the rest waits where it is.
  expect(client.messages.length).toBeLessThan(1000)
})
