/** A little of `npm run bench:abuse`, against a server with the tests' stand-in voice. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { disconnectMany } from '../bench/abuse/disconnects.ts'
import { fuzz } from '../bench/abuse/fuzz.ts'
import { metric } from '../bench/abuse/target.ts'
import { type TestServer, testServer, until } from './support/test-server.ts'

let server: TestServer
const target = () => ({ port: server.port, wyomingPort: server.wyomingPort! })
beforeAll(async () => {
  server = await testServer({ config: { wyomingPort: 0, streamsPerWorker: 64 } })
})
afterAll(() => server.stop())

test('clients that vanish leave no stream and no socket behind', async () => {
  await disconnectMany(target(), 40, 1)
  await until(() => server.pool.activeStreams + server.pool.queued === 0 && server.standIn.open() === 0)
  await expect.poll(() => metric(target(), 'ws_connections')).toBe(0)
}, 30_000)

test('malformed JSON, UTF-8, SSML, messages, frames and events are refused; nothing fails inside', async () => {
  const { sent, answers, faults } = await fuzz(target(), 240, 1)
  expect(faults).toEqual([])
  expect(sent).toBeGreaterThan(200)
  expect(answers['HTTP 400']).toBeGreaterThan(5)
  expect(answers['message refused']).toBeGreaterThan(5)
  expect(answers['Wyoming error']).toBeGreaterThan(5)
  expect(await metric(target(), 'tts_workers_lost_total')).toBe(0)
  expect(await metric(target(), 'tts_requests_total', 'server_error')).toBe(0)
}, 30_000)
