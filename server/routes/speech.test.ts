import { connect } from 'node:net'
import request from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPcm16Bytes } from '../../src/audio/pcm.ts'
import { readWav } from '../../src/audio/wav.ts'
import { encodeChunks } from '../../src/synthesis/format.ts'
import { standIn } from '../../test/support/stand-in.ts'
import { type TestServer, testServer, until } from '../../test/support/test-server.ts'
import { VOICE_ALIASES } from '../voices.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.stop())

const TEXT = 'The first one is here. The second follows it.'
const LONG = 'This sentence is one of many that make a long text. '.repeat(70)

async function speech(body: object, at: TestServer = server): Promise<{ response: Response; bytes: Uint8Array }> {
  const response = await fetch(`${at.url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) }
}

async function encoded(text: string, format: 'wav' | 'pcm', seed: number, measure: boolean): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of encodeChunks(server.standIn.synthesizer.stream(text, { seed, measure }), format))
    pieces.push(piece)
  return Buffer.concat(pieces)
}

test('pcm and wav are the bytes the synthesizer makes for the same seed', async () => {
  const pcm = await speech({ model: 'tts-1', input: TEXT, voice: 'alloy', response_format: 'pcm', seed: 7 })
  expect(pcm.response.status).toBe(200)
  expect(pcm.response.headers.get('content-type')).toContain('audio/pcm')
  expect(Buffer.from(pcm.bytes).equals(await encoded(TEXT, 'pcm', 7, false))).toBe(true)
  const wav = await speech({ model: 'tts-1', input: TEXT, response_format: 'wav', seed: 7 })
  expect(wav.response.headers.get('content-type')).toBe('audio/wav')
  expect(Buffer.from(wav.bytes).equals(await encoded(TEXT, 'wav', 7, true))).toBe(true)
})

test('a short text gives a WAV that names its length and holds the samples', async () => {
  const { bytes } = await speech({ model: 'sparsewave', input: TEXT, seed: 1, response_format: 'wav' })
  const { bytes: pcm } = await speech({ model: 'sparsewave', input: TEXT, seed: 1, response_format: 'pcm' })
  const view = new DataView(bytes.buffer)
  expect(view.getUint32(40, true)).toBe(bytes.length - 44)
  const { sampleRate, samples } = readWav(bytes)
  expect(sampleRate).toBe(24000)
  expect(Buffer.from(toPcm16Bytes(samples)).length).toBe(pcm.length)
  expect(Buffer.from(bytes.subarray(44)).equals(Buffer.from(pcm))).toBe(true)
})

test('another seed gives other bytes, and the seed drawn is told', async () => {
  const { response, bytes } = await speech({ input: TEXT, response_format: 'pcm' })
  const again = await speech({ input: TEXT, response_format: 'pcm', seed: Number(response.headers.get('x-seed')) })
  expect(Buffer.from(again.bytes).equals(Buffer.from(bytes))).toBe(true)
  const other = await speech({ input: TEXT, response_format: 'pcm', seed: 99 })
  expect(Buffer.from(other.bytes).equals(Buffer.from(bytes))).toBe(false)
})

test('the vocoder can be chosen', async () => {
  const own = await speech({ input: TEXT, response_format: 'pcm', seed: 1 })
  const chosen = await speech({ input: TEXT, response_format: 'pcm', seed: 1, vocoder: 'source-filter' })
  expect(chosen.response.status).toBe(200)
  expect(Buffer.from(chosen.bytes).equals(Buffer.from(own.bytes))).toBe(false)
})

test.each(VOICE_ALIASES)('OpenAI voice name %s means the default voice', async (voice) => {
  const { response } = await speech({ model: 'tts-1-hd', input: 'Hi.', voice })
  expect(response.status).toBe(200)
})

test.each([
  [{}, 400, 'input', 'request_invalid'],
  [{ input: '   ' }, 400, 'input', 'input_empty'],
  [{ input: ' \n ' }, 400, 'input', 'input_empty'],
  [{ input: 'a'.repeat(4097) }, 400, 'input', 'input_too_long'],
  [{ input: 'Hi.', voice: 'stand-on' }, 400, 'voice', 'voice_unknown'],
  [{ input: 'Hi.', speed: 5 }, 400, 'speed', 'request_invalid'],
  [{ input: 'Hi.', seed: -1 }, 400, 'seed', 'request_invalid'],
  [{ input: 'Hi.', vocoder: 'griffin-lim' }, 400, 'vocoder', 'request_invalid'],
  [{ input: 'Hi.', model: 'whisper-1' }, 404, 'model', 'model_not_found'],
  [{ input: 'Hi.', response_format: 'vorbis' }, 400, 'response_format', 'request_invalid'],
  [{ input: 'Hi.', stream_format: 'midi' }, 400, 'stream_format', 'request_invalid'],
])("%j is refused with OpenAI's error object", async (body, status, param, code) => {
  const response = await request(server.server).post('/v1/audio/speech').send(body)
  expect(response.status).toBe(status)
  expect(response.body).toEqual({ error: { message: expect.any(String), type: 'invalid_request_error', param, code } })
})

test('an unsupported format is answered with the supported ones, an unknown voice with the nearest', async () => {
  const format = await request(server.server).post('/v1/audio/speech').send({ input: 'Hi.', response_format: 'vorbis' })
  expect(format.body.error.message).toContain('mp3, opus, aac, flac, wav, pcm')
  const voice = await request(server.server).post('/v1/audio/speech').send({ input: 'Hi.', voice: 'stand-on' })
  expect(voice.body.error.message).toContain('"stand-in"')
})

test('a body that is not JSON, or too large, is refused with the error object', async () => {
  const broken = await request(server.server)
    .post('/v1/audio/speech')
    .set('Content-Type', 'application/json')
    .send('{"input":')
  expect(broken.status).toBe(400)
  expect(broken.body.error.code).toBe('request_invalid')
  const large = await request(server.server)
    .post('/v1/audio/speech')
    .send({ input: 'a'.repeat(100_000) })
  expect(large.status).toBe(400)
  expect(large.body.error.code).toBe('input_too_long')
})

test('the first bytes come before the rest is made', async () => {
  const response = await fetch(`${server.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ input: LONG, response_format: 'wav', seed: 1 }),
  })
  expect(response.headers.get('transfer-encoding')).toBe('chunked')
  const reader = response.body!.getReader()
  expect((await reader.read()).value!.length).toBeGreaterThan(0)
  expect(server.pool.activeStreams).toBe(1)
  await reader.cancel()
  await until(() => server.pool.activeStreams === 0)
})

test('a client that reads nothing stops the making, and its leaving frees the stream', async () => {
  const endless = standIn()
  const at = await testServer({ standIn: endless })
  const socket = connect(at.port, '127.0.0.1')
  // Nothing is read: the socket's buffers fill and the credit runs out before the text does.
  socket.pause()
  const body = JSON.stringify({ input: LONG, response_format: 'pcm', speed: 0.25 })
  socket.write(`POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  await until(() => endless.open() === 1)
  const made = async () => Number(/^tts_audio_seconds_total (\S+)/m.exec(await at.metrics.registry.metrics())![1])
  let before = -1
  let steady = 0
  while (steady < 50) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = await made()
    steady = now === before ? steady + 1 : 0
    before = now
  }
  expect(at.pool.activeStreams).toBe(1)
  socket.destroy()
  await until(() => at.pool.activeStreams === 0 && endless.open() === 0)
  await at.stop()
})

test('an answer that the client has stopped taking is broken off', async () => {
  const at = await testServer({ config: { stallSeconds: 0.3 } })
  const socket = connect(at.port, '127.0.0.1')
  socket.pause()
  const body = JSON.stringify({ input: LONG, response_format: 'pcm', speed: 0.25 })
  socket.write(`POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  await until(() => at.pool.activeStreams === 1)
  await until(() => at.pool.activeStreams === 0)
  expect(await at.metrics.registry.metrics()).toContain('format="pcm",outcome="cancelled"} 1')
  socket.destroy()
  await at.stop()
})

test('when all streams are taken and the queue is full, 429 says when to come back', async () => {
  const at = await testServer({ config: { streamsPerWorker: 1, queue: 0 } })
  const first = await fetch(`${at.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ input: LONG, speed: 0.25 }),
  })
  const { response, bytes } = await speech({ input: 'Hi.' }, at)
  expect(response.status).toBe(429)
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(JSON.parse(Buffer.from(bytes).toString()).error).toMatchObject({
    type: 'rate_limit_error',
    code: 'server_busy',
  })
  await first.body!.cancel()
  await until(() => at.pool.activeStreams === 0)
  expect((await speech({ input: 'Hi.' }, at)).response.status).toBe(200)
  await at.stop()
})

test('a worker that dies ends its streams, and a new one takes the next request', async () => {
  const at = await testServer()
  const running = await fetch(`${at.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ input: LONG, speed: 0.25 }),
  })
  at.workers[0]!.crash()
  await expect(running.arrayBuffer()).rejects.toThrow()
  expect(at.workers.length).toBe(2)
  expect((await speech({ input: 'Hi.' }, at)).response.status).toBe(200)
  await at.stop()
})

test('stopping lets a running request finish and refuses new ones', async () => {
  const at = await testServer()
  const running = await fetch(`${at.url}/v1/audio/speech`, {
    method: 'POST',
    body: JSON.stringify({ input: TEXT, response_format: 'pcm', seed: 7 }),
  })
  const stopped = at.stop()
  expect(() =>
    at.pool.open(
      { voice: 'stand-in', seed: 1, speed: 1, output: { format: 'pcm' }, input: { kind: 'live', early: false } },
      { audio() {}, done() {}, error() {} },
    ),
  ).toThrow(expect.objectContaining({ code: 'SERVER_STOPPING' }))
  const bytes = Buffer.from(await running.arrayBuffer())
  await stopped
  expect(bytes.equals(await encoded(TEXT, 'pcm', 7, false))).toBe(true)
})

test('a server whose readiness is asked for is not ready before it refuses anything', async () => {
  const at = await testServer({ config: { leaveSeconds: 0.5 } })
  expect((await fetch(`${at.url}/health/ready`)).status).toBe(200)
  const stopped = at.stop()
  const ready = await fetch(`${at.url}/health/ready`)
  expect([ready.status, ready.headers.get('connection')]).toEqual([503, 'close'])
  const { response, bytes } = await speech({ input: TEXT, response_format: 'pcm', seed: 7 }, at)
  expect([response.status, response.headers.get('connection')]).toEqual([200, 'close'])
  expect(Buffer.from(bytes).equals(await encoded(TEXT, 'pcm', 7, false))).toBe(true)
  await stopped
  await expect(fetch(`${at.url}/health/ready`)).rejects.toThrow()
})

test('models, voices, health, metrics, page and request ids are served', async () => {
  const get = (path: string) => request(server.server).get(path)
  expect((await get('/v1/models')).body.data.map((m: { id: string }) => m.id)).toContain('tts-1')
  expect((await get('/v1/audio/voices')).body).toMatchObject({ default: 'stand-in', voices: [{ name: 'stand-in' }] })
  expect((await get('/health/live')).status).toBe(200)
  expect((await get('/health/ready')).body).toMatchObject({ kernel: 'stand-in' })
  const page = await get('/')
  expect(page.text).toMatch(/<title>.*sparsewave<\/title>/)
  expect(page.headers['content-security-policy']).toContain("default-src 'none'")
  expect((await get('/nothing')).body.error.code).toBe('not_found')
  expect((await get('/health/live').set('X-Request-Id', 'abc-1')).headers['x-request-id']).toBe('abc-1')
  expect((await get('/health/live').set('X-Request-Id', 'no good\u00e9')).headers['x-request-id']).toMatch(
    /^[0-9a-f-]{36}$/,
  )
})

test('metrics count requests by outcome and time them', async () => {
  const at = await testServer()
  await speech({ model: 'tts-1', input: TEXT, response_format: 'pcm' }, at)
  await speech({ model: 'tts-1', input: '', response_format: 'pcm' }, at)
  const { text } = await request(at.server).get('/metrics')
  const line = (outcome: string) =>
    `tts_requests_total{route="/v1/audio/speech",model="tts-1",format="pcm",outcome="${outcome}"} 1`
  expect(text).toContain(line('ok'))
  expect(text).toContain(line('client_error'))
  for (const metric of [
    'tts_request_duration_seconds',
    'tts_queue_wait_seconds',
    'tts_time_to_first_audio_seconds',
    'tts_real_time_factor',
  ])
    expect(text).toMatch(new RegExp(`^${metric}_count.* 1$`, 'm'))
  for (const stage of ['text', 'acoustic', 'conditioning', 'vocoder'])
    expect(text).toContain(`tts_stage_duration_seconds_count{stage="${stage}"} 2`)
  expect(text).toContain(`tts_input_characters_total ${TEXT.length}`)
  expect(text).toContain('tts_kernel_info{isa="stand-in",precision="int16",sparsity="0.800"} 1')
  await at.stop()
})
