import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestServer, testServer } from '../test/support/test-server.ts'

const catalogue = { voices: [{ name: 'tiny', language: 'en-US' }], defaultVoice: 'tiny' }
const FILES = '/v1/audio/voices/tiny'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ catalogue })
})
afterAll(() => server.stop())

test('the files of an offered voice are given as they are, for ever under their checksum', async () => {
  const manifest = (await (await fetch(`${server.url}${FILES}/voice.json`)).json()) as {
    files: Record<string, { sha256: string }>
  }
  for (const [file, { sha256 }] of Object.entries(manifest.files)) {
    const answer = await fetch(`${server.url}${FILES}/${file}?sha256=${sha256}`)
    expect(answer.headers.get('cache-control')).toContain('immutable')
    const hash = createHash('sha256').update(new Uint8Array(await answer.arrayBuffer()))
    expect(hash.digest('hex')).toBe(sha256)
    const other = await fetch(`${server.url}${FILES}/${file}?sha256=0`)
    expect(other.headers.get('cache-control')).toBe('no-cache')
  }
})

test('nothing else is: no other file, no other voice, nothing above', async () => {
  for (const path of [
    `${FILES}/MODEL_CARD.md`,
    `${FILES}/..%2fheart%2fvoice.json`,
    `${FILES}/__proto__`,
    '/v1/audio/voices/heart/voice.json',
    '/v1/audio/voices/..%2f..%2fpackage.json/x',
    `${FILES}/`,
  ])
    expect((await fetch(server.url + path)).status, path).toBe(404)
})

test('none of them without a key where one is asked for, nor where voices are kept', async () => {
  const keyed = await testServer({ catalogue, config: { apiKeys: ['sk-secret'] } })
  const keeping = await testServer({ catalogue, config: { givesVoices: false } })
  expect((await fetch(`${keyed.url}${FILES}/voice.json`)).status).toBe(401)
  const headers = { Authorization: 'Bearer sk-secret' }
  expect((await fetch(`${keyed.url}${FILES}/voice.json`, { headers })).status).toBe(200)
  expect((await fetch(`${keeping.url}${FILES}/voice.json`)).status).toBe(404)
  expect(await (await fetch(`${keeping.url}/v1/audio/voices`)).json()).toMatchObject({ browser: false })
  await keyed.stop()
  await keeping.stop()
})
