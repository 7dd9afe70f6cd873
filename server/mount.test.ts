/** The speech API inside a stranger's Express app, over real sockets. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createSpeechRouter, type SpeechRouter, startSpeechServer } from './index.ts'

let speech: SpeechRouter
let server: Server
let origin: string
beforeAll(async () => {
  speech = await createSpeechRouter({ voice: 'tiny', workers: 1, apiKeys: ['sk-test'], logLevel: 'silent' })
  const app = express()
  app.use(express.json())
  app.use('/speech', speech.handler)
  app.use(speech.handler)
  app.use('/speech/own', (_req, res) => void res.send('its own route'))
  app.get('/', (_req, res) => void res.send('its own page'))
  server = createServer(app)
  const own = new WebSocketServer({ noServer: true })
  speech.attachWebSocket(server, { path: '/speech/' })
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/echo') own.handleUpgrade(request, socket, head, (ws) => ws.send('its own socket'))
  })
  server.listen(0)
  await once(server, 'listening')
  origin = `http://localhost:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await speech?.close()
  server?.close()
})

const speak = (path: string, key = 'sk-test') =>
  fetch(`${origin}${path}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify({ input: 'Two dogs.', response_format: 'pcm', seed: 5 }),
  })

test.each(['/speech', ''])('speaks below "%s", though the app has parsed the body already', async (path) => {
  const response = await speak(path)
  expect(response.status).toBe(200)
  expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(10_000)
})

test('its options hold: a wrong key is refused', async () => {
  expect((await speak('/speech', 'sk-wrong')).status).toBe(401)
})

test("the app's own routes and pages are left alone", async () => {
  expect(await (await fetch(`${origin}/speech/own`)).text()).toBe('its own route')
  const page = await fetch(origin)
  expect(await page.text()).toBe('its own page')
  expect(page.headers.get('content-security-policy')).toBeNull()
  expect((await fetch(`${origin}/speech/health/ready`)).status).toBe(200)
})

test('speaks over a WebSocket below its path, beside a socket of the app', async () => {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/speech/v1/audio/stream`, {
    headers: { Authorization: 'Bearer sk-test' },
  })
  let bytes = 0
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'start' }))
      socket.send(JSON.stringify({ type: 'text', text: 'Two dogs.' }))
      socket.send(JSON.stringify({ type: 'flush' }))
    })
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) bytes += data.length
      else {
        const { type, message } = JSON.parse(String(data))
        if (type === 'error') reject(new Error(message))
        if (type === 'flushed') resolve()
      }
    })
  })
  socket.close()
  expect(bytes).toBeGreaterThan(10_000)
  const echo = new WebSocket(`${origin.replace('http', 'ws')}/echo`)
  expect(String((await once(echo, 'message'))[0])).toBe('its own socket')
  echo.close()
})

test('alone on a server it refuses upgrades to other paths', async () => {
  const alone = createServer()
  speech.attachWebSocket(alone)
  alone.listen(0)
  await once(alone, 'listening')
  const socket = new WebSocket(`ws://localhost:${(alone.address() as AddressInfo).port}/nothing`)
  const [error] = await once(socket, 'error')
  expect(String(error)).toContain('404')
  alone.close()
})

test('a server of its own starts and stops', async () => {
  const own = await startSpeechServer({ port: 0, host: '127.0.0.1', voice: 'tiny', workers: 1, logLevel: 'silent' })
  expect(own.defaultVoice).toBe('tiny')
  expect(own.voices).toContain('tiny')
  expect(await (await fetch(`${own.url}/health/ready`)).json()).toMatchObject({ status: 'ok' })
  await own.stop()
  await expect(fetch(`${own.url}/health/ready`)).rejects.toThrow()
})

test.each([
  [{ workers: 0 }, 'workers:'],
  [{ worker: 2 } as object, "Did you mean 'workers'?"],
  [{ voice: 'tinny' }, "Did you mean 'tiny'?"],
])('%j is refused', async (options, message) => {
  await expect(createSpeechRouter(options)).rejects.toThrow(message)
})
