/** A server that stops while a client is writing, in every dialect: what comes until the turn's end is spoken. */
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { testServer, until } from '../../test/support/test-server.ts'

test.each([
  [
    '/v1/audio/stream',
    [{ type: 'text', text: 'One of them. And ' }],
    [{ type: 'text', text: 'two.' }, { type: 'flush' }],
  ],
  ['/v1/speak', [{ type: 'Speak', text: 'One of them. And ' }], [{ type: 'Speak', text: 'two.' }, { type: 'Flush' }]],
  ['/v2/speak', [{ type: 'Speak', text: 'One of them. And ' }], [{ type: 'Speak', text: 'two.' }, { type: 'Flush' }]],
  ['/v1/text-to-speech/alloy/stream-input', [{ text: 'One of them. And ' }], [{ text: 'two. ' }, { text: '' }]],
  [
    '/v1/text-to-speech/alloy/multi-stream-input',
    [{ text: 'One of them. And ', context_id: 'a' }],
    [
      { text: 'two. ', context_id: 'a' },
      { text: '', context_id: 'a', flush: true },
    ],
  ],
])('%s', async (path, before, after) => {
  const at = await testServer()
  const socket = new WebSocket(`ws://127.0.0.1:${at.port}${path}`)
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('open', resolve))
  for (const message of before) socket.send(JSON.stringify(message))
  await until(() => at.standIn.predicted.length > 0)
  const stopped = at.stop()
  for (const message of after) socket.send(JSON.stringify(message))
  expect([1000, 1001]).toContain(await closed)
  expect(at.standIn.predicted.join(' ')).toContain('two')
  await stopped
})

test('a client that stops writing without a word is not waited for', async () => {
  const at = await testServer()
  const socket = new WebSocket(`ws://127.0.0.1:${at.port}/v1/audio/stream`)
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.on('open', resolve))
  socket.send(JSON.stringify({ type: 'text', text: 'One of them. And two' }))
  await until(() => at.standIn.predicted.length > 0)
  await at.stop()
  expect(await closed).toBe(1000)
  expect(at.standIn.predicted.join(' ')).toContain('And two')
})
