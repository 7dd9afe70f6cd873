import request from 'supertest'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { testServer, until } from '../test/support/test-server.ts'
import { createLogger } from './log.ts'

function collector() {
  const text: string[] = []
  const logger = createLogger('debug', { write: (line: string) => void text.push(line) })
  const lines = () => text.map((line) => JSON.parse(line))
  return { logger, lines, all: () => text.join('') }
}

test('a request is one line that says how it went, without its text and key', async () => {
  const { logger, lines, all } = collector()
  const at = await testServer({ config: { apiKeys: ['secret-key'] }, logger })
  await request(at.server)
    .post('/v1/audio/speech?input=secretquery')
    .set('Authorization', 'Bearer secret-key')
    .set('X-Request-Id', 'req-1')
    .send({ input: 'Secret words.', response_format: 'pcm', voice: 'alloy', seed: 4 })
  await request(at.server)
    .post('/v1/audio/speech')
    .set('Authorization', 'Bearer wrong-key')
    .send({ input: 'Secret words.' })
  await until(() => lines().length === 2)
  expect(lines()[0]).toMatchObject({
    id: 'req-1',
    method: 'POST',
    path: '/v1/audio/speech',
    status: 200,
    caller: 'key-1',
    voice: 'stand-in',
    format: 'pcm',
    characters: 13,
    outcome: 'ok',
    seed: 4,
    complete: true,
    ms: expect.any(Number),
    first_ms: expect.any(Number),
    audio_s: expect.any(Number),
  })
  expect(lines()[1]).toMatchObject({ status: 401 })
  expect(all()).not.toMatch(/secret|wrong-key|Secret/)
  await at.stop()
})

test('a WebSocket stream is one line; the text is logged only when that is asked for', async () => {
  for (const logText of [false, true]) {
    const { logger, lines, all } = collector()
    const at = await testServer({ config: { logText }, logger })
    const socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`)
    await new Promise((resolve) => socket.on('open', resolve))
    socket.send(JSON.stringify({ type: 'text', text: 'Secret words.' }))
    socket.send(JSON.stringify({ type: 'close' }))
    await until(() => lines().length === 1)
    expect(lines()[0]).toMatchObject({ path: '/v1/audio/stream', outcome: 'ok', characters: 13, format: 'pcm' })
    expect(all().includes('Secret words.')).toBe(logText)
    await at.stop()
  }
})

test('the trace of a traceparent header is reported, anything else is not', async () => {
  const { logger, lines } = collector()
  const at = await testServer({ logger })
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const given = [`00-${trace}-00f067aa0ba902b7-01`, '', 'x', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${trace}`]
  for (const traceparent of given) await request(at.server).get('/v1/models').set('traceparent', traceparent)
  await until(() => lines().length === given.length)
  expect(lines().map((line) => line.trace)).toEqual([trace, undefined, undefined, undefined, undefined])
  await at.stop()
})
