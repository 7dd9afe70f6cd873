import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { testServer } from '../test/support/test-server.ts'
import { readConfig } from './config.ts'
import { readTls, selfSignedPair } from './tls.ts'

const folder = mkdtempSync(join(tmpdir(), 'tls-'))
afterAll(() => rmSync(folder, { recursive: true }))
const files = (name: string, selfSigned = false) => ({
  cert: join(folder, `${name}-cert.pem`),
  key: join(folder, `${name}-key.pem`),
  selfSigned,
})

test('a made certificate is trusted by clients that are given it, for https and wss, and is kept', async () => {
  const tls = files('made', true)
  const at = await testServer({ config: { tls } })
  expect(statSync(tls.key).mode & 0o777).toBe(0o600)
  const ca = readFileSync(tls.cert, 'utf8')
  const status = await new Promise((resolve, reject) =>
    get({ host: 'localhost', port: at.port, path: '/v1/models', ca }, (res) => resolve(res.statusCode)).on(
      'error',
      reject,
    ),
  )
  expect(status).toBe(200)
  const socket = new WebSocket(`wss://127.0.0.1:${at.port}/v1/audio/stream`, { ca })
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
  socket.close()
  const stranger = new WebSocket(`wss://127.0.0.1:${at.port}/v1/audio/stream`)
  expect(await new Promise((resolve) => stranger.on('error', ({ message }) => resolve(message)))).toMatch(/self-signed/)
  await at.stop()
  expect(readTls(tls).cert).toBe(ca)
})

test('files that are missing, no PEM, or of different pairs are refused', () => {
  expect(() => readTls(files('none'))).toThrow('cannot be read')
  const broken = files('broken')
  writeFileSync(broken.cert, 'no PEM')
  writeFileSync(broken.key, 'no PEM')
  expect(() => readTls(broken)).toThrow('are not a certificate and its key')
  const mixed = files('mixed')
  writeFileSync(mixed.cert, selfSignedPair(['a'], []).cert)
  writeFileSync(mixed.key, selfSignedPair(['a'], []).key)
  expect(() => readTls(mixed)).toThrow('is not that of')
  expect(() => readTls({ ...files('x/y'), selfSigned: true })).toThrow('cannot be written')
})

test('both files are named, or none', () => {
  expect(readConfig({}).tls).toBeUndefined()
  expect(readConfig({ SPARSEWAVE_TLS_SELF_SIGNED: '1' }).tls?.cert).toBe('sparsewave-cert.pem')
  expect(() => readConfig({ SPARSEWAVE_TLS_CERT: 'a' })).toThrow('only one of them is named')
})
