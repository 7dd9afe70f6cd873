/**
 * The programs in examples/, run as a user would: from a folder of its own, with the package by its name. The two that take
 * long are in test/slow/.
 */
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readWav } from '../src/audio/wav.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { Outside } from './support/outside.ts'

const EXAMPLES = join(PACKAGE_ROOT, 'examples')
const outside = new Outside()
cpSync(EXAMPLES, outside.folder, { recursive: true })
afterAll(() => outside.remove())

const has = (command: string): boolean =>
  process.env.PATH!.split(delimiter).some((folder) => existsSync(join(folder, command)))

const programs = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter(
  (file) => /\.(?:mjs|js|py|sh)$/.test(file) && !/(?:^|\/)(?:node_modules|public|dist)\//.test(file),
)

test.each(programs)('%s begins with what it does, how to run it and what it needs', (file) => {
  const lines = readFileSync(join(EXAMPLES, file), 'utf8')
    .replace(/^#!.*\n/, '')
    .split('\n')
  expect(lines[0]).toMatch(/^(?:\/\/|#) [A-Z].*\.$/)
  expect(lines[1]).toMatch(/^(?:\/\/|#) Run: {3}\S/)
  expect(lines[2]).toMatch(/^(?:\/\/|#) Needs: \S/)
})

test('the index lists every example', () => {
  const index = readFileSync(join(EXAMPLES, 'README.md'), 'utf8')
  for (const file of programs.filter((name) => !name.endsWith('copy-assets.mjs'))) expect(index).toContain(`(${file})`)
})

/** Runs an example that ends by itself, and expects that it ended well. */
async function run(file: string, args: string[], env?: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await outside.run(process.execPath, [file, ...args], env)
  expect(code, stderr).toBe(0)
  return stdout
}

const seconds = (file: string): number => {
  const { samples, sampleRate } = readWav(readFileSync(outside.path(file)))
  return samples.length / sampleRate
}

test.each([
  ['wav', 'RIFF'],
  ['flac', 'fLaC'],
  ['opus', 'OggS'],
])('to-file.mjs writes %s', async (format, magic) => {
  await run('to-file.mjs', ['Two boats came home.', `hello.${format}`])
  expect(
    readFileSync(outside.path(`hello.${format}`))
      .subarray(0, 4)
      .toString(),
  ).toBe(magic)
})

test('to-speaker.mjs pipes PCM into the player', async () => {
  writeFileSync(outside.path('player.sh'), '#!/bin/sh\nexec cat > "$1"\n')
  chmodSync(outside.path('player.sh'), 0o755)
  await run('to-speaker.mjs', ['Two boats came home.'], { PLAYER: './player.sh heard.pcm' })
  expect(readFileSync(outside.path('heard.pcm')).length).toBeGreaterThan(24_000)
})

test('language-model.mjs speaks an answer that arrives in tokens', async () => {
  const asked: string[] = []
  const model = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    asked.push(`${request.method} ${request.url} ${JSON.parse(body).messages[0].content}`)
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    for (const content of ['Air scat', 'ters blue light. ', 'So it comes', ' from everywhere.'])
      response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`)
    response.end('data: [DONE]\n\n')
  })
  model.listen(0)
  await once(model, 'listening')
  const url = `http://localhost:${(model.address() as AddressInfo).port}`
  await run('language-model.mjs', ['Why is the sky blue?', 'answer.wav'], { OPENAI_BASE_URL: url })
  model.close()
  expect(asked).toEqual(['POST /chat/completions Why is the sky blue?'])
  expect(readFileSync(outside.path('answer.wav')).length).toBeGreaterThan(2 * 24_000 * 2)
})

test('telephone.mjs writes frames of 20 ms', async () => {
  const lines = (await run('telephone.mjs', ['Please hold the line.'])).trim().split('\n')
  expect(lines.length).toBeGreaterThan(30)
  for (const line of lines) {
    const { event, media } = JSON.parse(line)
    expect(event).toBe('media')
    expect(Buffer.from(media.payload, 'base64').length).toBe(160)
  }
})

test('express-app.mjs speaks beside its own routes, and ends on SIGTERM', async () => {
  const app = outside.start(process.execPath, ['express-app.mjs'], { PORT: '0' })
  const ended = once(app, 'close')
  const [url] = await outside.said(app, /http:\/\/localhost:\d+\//)
  expect(await (await fetch(url)).text()).toBe('An app that can speak.')
  const answer = await fetch(`${url}speech/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ input: 'Hello.', response_format: 'wav' }),
  })
  expect(answer.status).toBe(200)
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(10_000)
  app.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})

test('tracing.mjs sends what a server did to a collector, the last spans as it ends', async () => {
  interface Sent {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] }
    scopeSpans: { scope: { name: string }; spans: { name: string; traceId: string }[] }[]
  }
  const sent: Sent[] = []
  const collector = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    if (request.url === '/v1/traces') sent.push(...JSON.parse(body).resourceSpans)
    response.setHeader('Content-Type', 'application/json').end('{}')
  })
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const command = join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
  const server = outside.start(
    process.execPath,
    ['--import', './tracing.mjs', command, 'serve', '--port', '0', '--workers', '1'],
    { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` },
  )
  const ended = once(server, 'close')
  const [, url] = await outside.said(server, /(http:\/\/localhost:\d+)/)
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const answer = await fetch(`${url}/v1/audio/speech`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    body: JSON.stringify({ input: 'Two boats came home.', response_format: 'pcm' }),
  })
  await answer.arrayBuffer()
  server.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  collector.close()
  const spans = sent.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
  expect(new Set(spans.map(({ name }) => name))).toEqual(
    new Set(['POST /v1/audio/speech', 'speech', 'queue', 'text', 'acoustic', 'batch']),
  )
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
  const service = sent[0]!.resource.attributes.find(({ key }) => key === 'service.name')
  expect(service?.value.stringValue).toBe('sparsewave')
})

describe('against a server', () => {
  let url: string
  let wyoming: string
  beforeAll(async () => {
    const command = join(PACKAGE_ROOT, 'bin/sparsewave.mjs')
    const options = ['serve', '--port', '0', '--wyoming-port', '0', '--workers', '1', '--voice', 'tiny']
    const server = outside.start(process.execPath, [command, ...options])
    const said = await outside.said(server, /(http:\/\/localhost:\d+)[\s\S]*Wyoming on port (\d+)/)
    url = said[1]!
    wyoming = `localhost:${said[2]}`
  })

  test.skipIf(!has('python3'))('client.py', async () => {
    const { code, stdout, stderr } = await outside.run('python3', ['client.py', 'Two boats.', 'python.wav', url])
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^first bytes after \d+ ms, all after [\d.]+ s\n$/)
    expect(seconds('python.wav')).toBeGreaterThan(0.4)
  })

  test.skipIf(!has('curl'))('curl.sh', async () => {
    const { code, stderr } = await outside.run('sh', ['curl.sh', 'Two boats.', 'curl.wav', url])
    expect(code, stderr).toBe(0)
    expect(seconds('curl.wav')).toBeGreaterThan(0.4)
  })

  test('home-assistant.mjs', async () => {
    expect(await run('home-assistant.mjs', ['Two boats.', 'door.pcm', wyoming])).toBe('24000 Hz, 16 bit, 1 channel\n')
    expect(readFileSync(outside.path('door.pcm')).length).toBeGreaterThan(20_000)
  })
})
