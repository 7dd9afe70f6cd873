import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type TestServer, testServer } from '../test/support/test-server.ts'
import { ANSWERS } from './openapi.ts'

interface Operation {
  parameters?: { name: string; in: string; required: boolean; example?: string }[]
  responses: Record<string, { content: Record<string, { schema?: { $ref?: string } }> }>
}
interface Document {
  openapi: string
  paths: Record<string, { get?: Operation; post?: Operation }>
  components: { schemas: Record<string, { properties?: object; required?: string[] }> }
}

let server: TestServer
let document: Document
beforeAll(async () => {
  server = await testServer()
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document
})
afterAll(() => server.stop())

const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) })

test('the document is valid OpenAPI 3.1, every reference leads somewhere', async () => {
  const validator = new Validator()
  expect(await validator.validate({ ...document })).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
  const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!)
  expect(names.length).toBeGreaterThan(5)
  for (const name of names) expect(document.components.schemas).toHaveProperty(name)
  expect(await validator.validate({ ...document, info: {} })).toMatchObject({ valid: false })
})

test('it tells of every route the server has, and of no other', async () => {
  const layers = (server.server.listeners('request')[0] as { router?: { stack: { route?: { path: string } }[] } })
    .router
  const routes = layers!.stack.flatMap(({ route }) => (route ? [route.path.replace(/:(\w+)/g, '{$1}')] : []))
  expect(routes.length).toBeGreaterThan(7)
  expect(Object.keys(document.paths).sort()).toEqual([...new Set(routes)].sort())
})

test('answers have the status, media type and shape it tells', async () => {
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (!get) continue
    const examples = new Map(get.parameters?.map(({ name, example }) => [name, example ?? '']))
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => examples.get(name)!)
    const query = get.parameters?.filter((parameter) => parameter.in === 'query' && parameter.example) ?? []
    const search = new URLSearchParams(query.map(({ name }): [string, string] => [name, examples.get(name)!]))
    const response = await fetch(`${server.url}${filled}?${search}`)
    expect(response.status, path).toBe(200)
    const [[mediaType, { schema }]] = Object.entries(get.responses['200']!.content) as [[string, { schema: object }]]
    expect(response.headers.get('content-type')).toContain(mediaType)
    const name = (schema as { $ref?: string } | undefined)?.$ref?.split('/').at(-1)
    if (!name) continue
    const answer = await response.json()
    // What the schema does not know it would leave out.
    expect(ANSWERS[name as keyof typeof ANSWERS].parse(answer), path).toEqual(answer)
  }
  const { content } = document.paths['/v1/audio/speech']!.post!.responses['200']!
  for (const response_format of ['flac', 'wav', 'pcm']) {
    const type = (await post('/v1/audio/speech', { input: 'Hi.', response_format })).headers.get('content-type')!
    expect(Object.keys(content)).toContain(type)
  }
})

test('lines of timestamps and errors have the shape it tells', async () => {
  const lines = (await (await post('/v1/audio/speech/timestamps', { input: 'One. Two.' })).text()).trimEnd().split('\n')
  expect(lines.length).toBeGreaterThan(3)
  for (const line of lines) ANSWERS.TimestampLine.parse(JSON.parse(line))
  expect(ANSWERS.TimestampLine.safeParse({ type: 'sentence', index: 0 }).success).toBe(false)
  const refused = await post('/v1/audio/speech', {})
  expect(Object.keys(document.paths['/v1/audio/speech']!.post!.responses)).toContain(String(refused.status))
  ANSWERS.Error.parse(await refused.json())
})

test.each([
  [{ input: 'Hi.' }, true],
  [{ input: 'Hi.', voice: { id: 'alloy' }, speed: 4, seed: 4294967295, response_format: 'flac' }, true],
  [{}, false],
  [{ input: 'Hi.', speed: 4.1 }, false],
  [{ input: 'Hi.', seed: 4294967296 }, false],
  [{ input: 'Hi.', voice: 7 }, false],
  [{ input: 'Hi.', response_format: 'mp2' }, false],
  [{ input: 'i'.repeat(4097) }, false],
])('what it allows is taken, what it forbids is refused: %#', async (body, allowed) => {
  const schema = z.fromJSONSchema(document.components.schemas.SpeechRequest as never)
  expect(schema.safeParse(body).success).toBe(allowed)
  expect((await post('/v1/audio/speech', body)).status).toBe(allowed ? 200 : 400)
})

test('the page shows every path and loads nothing from elsewhere', async () => {
  const page = await (await fetch(`${server.url}/docs`)).text()
  for (const path of Object.keys(document.paths)) expect(page).toContain(`<code>${path}</code>`)
  const links = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!)
  expect(links.length).toBeGreaterThan(1)
  for (const url of links) {
    const { origin, href } = new URL(url, `${server.url}/docs`)
    expect(origin).toBe(server.url)
    expect((await fetch(href)).status).toBe(200)
  }
})
