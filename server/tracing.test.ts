/** Spans as an SDK gets them, here kept in memory; trace ids in the log, exemplars at the metrics. */
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import request from 'supertest'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { SparsewaveError } from '../src/errors.ts'
import type { HttpExtension } from '../src/extension.ts'
import { standIn } from '../test/support/stand-in.ts'
import { testServer, until } from '../test/support/test-server.ts'
import { exposition } from './exposition.ts'
import { createLogger } from './log.ts'
import { createMetrics } from './metrics.ts'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
beforeEach(() => exporter.reset())
afterAll(() => provider.shutdown())

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const TRACEPARENT = `00-${TRACE}-${PARENT}-01`
const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'

const ms = ([seconds, nanoseconds]: [number, number]): number => seconds * 1000 + nanoseconds / 1e6
const named = (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name)
const only = (name: string): ReadableSpan => {
  expect(named(name)).toHaveLength(1)
  return named(name)[0]!
}

function logged() {
  const text: string[] = []
  const logger = createLogger('info', { write: (line: string) => void text.push(line) })
  return { logger, lines: () => text.map((line) => JSON.parse(line)) }
}

test('a request is a tree of spans: speech, queue, text, acoustic model, batches, each within the one above', async () => {
  const { logger, lines } = logged()
  const at = await testServer({ logger })
  await request(at.server)
    .post('/v1/audio/speech')
    .set('traceparent', TRACEPARENT)
    .send({ input: 'One of them. Two of them.', response_format: 'pcm' })
  await until(() => lines().length === 1)
  const server = only('POST /v1/audio/speech')
  expect(server.parentSpanContext).toMatchObject({ spanId: PARENT, isRemote: true })
  expect(server.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/v1/audio/speech',
    'http.response.status_code': 200,
  })
  const speech = only('speech')
  expect(speech.parentSpanContext?.spanId).toBe(server.spanContext().spanId)
  expect(speech.attributes).toMatchObject({
    'tts.voice': 'stand-in',
    'tts.format': 'pcm',
    'tts.outcome': 'ok',
    'tts.characters': 25,
    'tts.first_audio_ms': expect.any(Number),
  })
  expect(speech.events.map(({ name }) => name)).toEqual(['first audio'])
  expect(named('queue')).toHaveLength(1)
  expect(named('text')).toHaveLength(2)
  expect(named('acoustic')).toHaveLength(2)
  const batches = named('batch')
  expect(batches.length).toBeGreaterThan(4)
  for (const { attributes } of batches) expect(attributes).toEqual({ 'tts.batch.streams': 1 })
  for (const span of ['queue', 'text', 'acoustic', 'batch'].flatMap(named)) {
    expect(span.parentSpanContext?.spanId).toBe(speech.spanContext().spanId)
    expect(ms(span.startTime)).toBeGreaterThanOrEqual(ms(speech.startTime))
    expect(ms(span.endTime)).toBeLessThanOrEqual(ms(speech.endTime))
    expect(ms(span.endTime)).toBeGreaterThanOrEqual(ms(span.startTime))
  }
  // The first sentence's work is in order.
  const [text, acoustic, batch] = ['text', 'acoustic', 'batch'].map((name) => named(name)[0]!)
  expect(ms(text!.endTime)).toBeLessThanOrEqual(ms(acoustic!.startTime))
  expect(ms(acoustic!.endTime)).toBeLessThanOrEqual(ms(batch!.startTime))
  for (const span of exporter.getFinishedSpans()) expect(span.spanContext().traceId).toBe(TRACE)
  expect(lines()[0]).toMatchObject({ trace: TRACE, outcome: 'ok' })
  await at.stop()
})

test('a speech of a WebSocket belongs to the trace of its handshake', async () => {
  const { logger, lines } = logged()
  const at = await testServer({ logger })
  const socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`, { headers: { traceparent: TRACEPARENT } })
  await new Promise((resolve) => socket.on('open', resolve))
  const handshake = only('GET /v1/audio/stream')
  expect(handshake.attributes).toMatchObject({ 'http.response.status_code': 101 })
  socket.send(JSON.stringify({ type: 'text', text: 'Some words.' }))
  socket.send(JSON.stringify({ type: 'close' }))
  await until(() => lines().length === 1)
  const speech = only('speech')
  expect(speech.parentSpanContext?.spanId).toBe(handshake.spanContext().spanId)
  expect(named('batch').length).toBeGreaterThan(0)
  expect(lines()[0]).toMatchObject({ trace: TRACE, path: '/v1/audio/stream' })
  await at.stop()
})

test('a handshake that is refused is a span with its status', async () => {
  const { logger, lines } = logged()
  const at = await testServer({ logger, config: { apiKeys: ['secret'] } })
  const socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`, { headers: { traceparent: TRACEPARENT } })
  await new Promise((resolve) => socket.on('error', resolve))
  expect(only('GET').attributes).toMatchObject({ 'http.response.status_code': 401 })
  expect(lines()[0]).toMatchObject({ trace: TRACE, status: 401 })
  await at.stop()
})

test('a failure marks its spans, and a request without a caller’s trace begins one', async () => {
  const { logger, lines } = logged()
  const phonemize = (): never => {
    throw new SparsewaveError('SYNTHESIS_FAILED', 'Made up.')
  }
  const at = await testServer({ logger, standIn: standIn({ parts: { phonemize } }) })
  await request(at.server).post('/v1/audio/speech').send({ input: 'Fails.', response_format: 'pcm' })
  await until(() => lines().length === 1)
  const server = only('POST /v1/audio/speech')
  expect(server.parentSpanContext).toBeUndefined()
  expect([server, only('speech')].map(({ status }) => status.code)).toEqual([2, 2])
  expect(lines()[0].trace).toBe(server.spanContext().traceId)
  await at.stop()
})

test('a stream whose worker died has waited twice', async () => {
  const at = await testServer()
  const answer = request(at.server).post('/v1/audio/speech').send({ input: 'One of them.', response_format: 'pcm' })
  const done = answer.then(({ status }) => status)
  await until(() => at.pool.activeStreams === 1)
  at.workers[0]!.crash()
  expect(await done).toBe(200)
  await until(() => named('speech').length === 1)
  expect(named('queue')).toHaveLength(2)
  expect(only('speech').events.map(({ name }) => name)).toEqual(['worker lost', 'first audio'])
  await at.stop()
})

test('probes and scrapes make no spans, a trace that is not sampled none either', async () => {
  const at = await testServer()
  for (const path of ['/health/ready', '/health/live', '/metrics']) await request(at.server).get(path)
  await request(at.server)
    .post('/v1/audio/speech')
    .set('traceparent', TRACEPARENT.replace(/01$/, '00'))
    .send({ input: 'One.', response_format: 'pcm' })
  expect(exporter.getFinishedSpans()).toEqual([])
  expect((await request(at.server).get('/metrics').set('Accept', OPEN_METRICS)).text).not.toContain('trace_id')
  await at.stop()
})

test('latencies carry the trace as exemplar where the scraper reads OpenMetrics, and change nothing where not', async () => {
  const at = await testServer()
  await request(at.server)
    .post('/v1/audio/speech')
    .set('traceparent', TRACEPARENT)
    .send({ input: 'One.', response_format: 'pcm' })
  const scrape = (accept: string) => request(at.server).get('/metrics').set('Accept', accept)
  for (let i = 0; i < 2; i++) {
    const open = await scrape(OPEN_METRICS)
    expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    expect(open.text.endsWith('\n# EOF\n')).toBe(true)
    expect(open.text).not.toMatch(/\n\n/)
    const exemplars = open.text.match(/^\w+_bucket\{.*\} \d+ # \{trace_id="\w{32}"\} [\d.e-]+ [\d.]+$/gm) ?? []
    expect(new Set(exemplars.map((line) => line.replace(/_bucket.*/, '')))).toEqual(
      new Set([
        'tts_request_duration_seconds',
        'tts_queue_wait_seconds',
        'tts_time_to_first_audio_seconds',
        'tts_stage_duration_seconds',
      ]),
    )
    for (const line of exemplars) expect(line).toContain(TRACE)
    const plain = await scrape('text/plain')
    expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(plain.text).not.toContain('trace_id')
    // The same series by the same names.
    const series = (text: string) => new Set(text.match(/^(?:tts|ws|process)_\w+(?:\{.*?\})?(?= )/gm))
    expect(series(open.text)).toEqual(series(plain.text))
    expect(plain.text).toContain('# TYPE tts_requests_total counter')
    expect(open.text).toContain('# TYPE tts_requests counter')
  }
  await at.stop()
})

test('an extension’s metrics go along in either format', async () => {
  const text = '# HELP train_jobs_total Jobs.\n# TYPE train_jobs_total counter\ntrain_jobs_total{a="b"} 1\n\n'
  const metrics: HttpExtension['metrics'] = async () => text
  const idle = { activeStreams: 0, queued: 0, busy: 0, cost: undefined, capacity: undefined }
  const scraped = exposition(createMetrics(() => idle).registry, metrics)
  expect((await scraped()).body.endsWith(text)).toBe(true)
  expect((await scraped(OPEN_METRICS)).body).toMatch(
    /\n# HELP train_jobs Jobs\.\n# TYPE train_jobs counter\ntrain_jobs_total\{a="b"\} 1\n# EOF\n$/,
  )
})
