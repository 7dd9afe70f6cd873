/** Training over HTTP as clients meet it: the server's doors, files, uploads, jobs, and what strangers must not get. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Validator } from '@seriousme/openapi-schema-validator'
import OpenAI, { toFile } from 'openai'
import { extract } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKey } from '../server/access/key-file.ts'
import { readConfig } from '../server/config.ts'
import { type RunningExtension, startExtension } from '../server/extension.ts'
import { createLogger } from '../server/log.ts'
import { readWav } from '../src/audio/wav.ts'
import { addonFile } from '../src/native-addon.ts'
import { openJobQueue } from '../training/queue/job-queue.ts'
import { TRAINING_ROOT } from '../training/root.ts'
import { createTrainingService, readSettings, type Settings, type TrainingService } from '../training/service/index.ts'
import { TRAINING_ANSWERS } from '../training/service/openapi.ts'
import { writeMadeUpCorpus } from '../training/tasks/sparse-wavernn/testing.ts'
import { type Entry, tarOf, zipOf } from './support/archives.ts'
import { RedisServer, redisServer } from './support/redis.ts'
import { testServer } from './support/test-server.ts'

const hasTrainer = existsSync(addonFile('train', TRAINING_ROOT))
const dir = mkdtempSync(join(tmpdir(), 'training-service-'))
const keysFile = join(dir, 'keys.txt')
const KEY = createKey(keysFile, 'studio', { scopes: ['train'] })
const OTHER = createKey(keysFile, 'other', { scopes: ['speak', 'train'] })
const SPEAKER = createKey(keysFile, 'speaker')

interface Started {
  url: string
  service: TrainingService
  running: RunningExtension
  folder: string
}
const started: Started[] = []
let folders = 0
async function start(settings: Partial<Settings> = {}, name = `service-${++folders}`, url = ''): Promise<Started> {
  const folder = join(dir, name)
  const all = { ...readSettings({}), folder, queue: join(folder, 'jobs.sqlite'), runners: 0, ...settings }
  const service = await createTrainingService({
    settings: all,
    queue: await openJobQueue(all.queue, url),
    log: () => {},
  })
  const config = { ...readConfig({ PORT: '0', HOST: '127.0.0.1' }), keysFile }
  const running = await startExtension(service, config, createLogger('silent'))
  const one = { url: `http://127.0.0.1:${running.port}`, service, running, folder }
  started.push(one)
  return one
}

let main: Started
const corpus: Entry[] = []
beforeAll(async () => {
  const folder = join(dir, 'corpus')
  writeMadeUpCorpus(folder, 24, 0.3)
  for (const file of ['metadata.csv', ...readdirSync(join(folder, 'wavs')).map((wav) => `wavs/${wav}`)])
    corpus.push({ name: file, bytes: readFileSync(join(folder, file)) })
  main = await start({ runners: 1 })
})
afterAll(async () => {
  for (const { running } of started) await running.stop()
  rmSync(dir, { recursive: true, force: true })
})

interface Reply {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field
  body: any
  headers: Headers
}
async function ask(
  method: string,
  path: string,
  {
    key = KEY,
    body,
    form,
    headers,
    at = main,
  }: { key?: string; body?: unknown; form?: FormData; headers?: Record<string, string>; at?: Started } = {},
): Promise<Reply> {
  const response = await fetch(`${at.url}${path}`, {
    method,
    headers: { ...(key && { Authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(form && { body: form }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers }
}

const formOf = (bytes: Uint8Array, name = 'corpus.tar', purpose = 'fine-tune'): FormData => {
  const form = new FormData()
  form.set('purpose', purpose)
  form.set('file', new Blob([bytes as Uint8Array<ArrayBuffer>]), name)
  return form
}
const sendFile = async (
  bytes: Uint8Array,
  options: { key?: string; at?: Started; headers?: Record<string, string> } = {},
) => ask('POST', '/v1/files', { ...options, form: formOf(bytes) })

let recordings: string
const TINY = {
  engine: 'native',
  threads: 1,
  net: {
    hidden: 32,
    headHidden: 16,
    conditioning: 16,
    density: { reset: 0.5, update: 0.5, candidate: 0.5, input: 0.5, head: 0.5 },
  },
  training: { updates: 20, lanes: 16, steps: 30 },
  validation: { every: 10 },
}
const tinyJob = (more: object = {}) => ({ kind: 'vocoder', training_file: recordings, job: TINY, ...more })

// Doors ---------------------------------------------------------------------------------------------------------------

test('the page needs no key, its data does', async () => {
  const page = await ask('GET', '/training/', { key: '' })
  expect(page).toMatchObject({ status: 200, body: expect.stringContaining('app.js') })
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
  for (const file of ['app.js', 'api.js', 'chart.js', 'mask.js', 'training.css'])
    expect((await ask('GET', `/training/${file}`, { key: '' })).status).toBe(200)
  expect((await ask('GET', '/theme.css', { key: '' })).status).toBe(200)
  expect((await ask('GET', '/training/..%2fservice.ts', { key: '' })).status).not.toBe(200)
  const metrics = await ask('GET', '/metrics', { key: '' })
  expect(metrics.body).toMatch(/^train_jobs\{state="queued"\} 0$/m)
  expect(metrics.body).toMatch(/^train_disk_free_bytes \d/m)
})

test('only keys with the scope train are let in', async () => {
  const { url } = main
  for (const path of ['/v1/files', '/v1/training/jobs', '/v1/uploads/upload-000000000000000000000000']) {
    expect((await ask('GET', path, { key: '' })).status).toBe(401)
    expect((await ask('GET', path, { key: 'sk-wrong' })).status).toBe(401)
    const refused = await ask('GET', path, { key: SPEAKER })
    expect(refused.status).toBe(403)
    expect(refused.body.error).toMatchObject({ code: 'permission_denied', type: 'invalid_request_error' })
  }
  expect((await ask('GET', '/v1/files')).status).toBe(200)
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  expect((await ask('GET', '/v1/training/nothing')).status).toBe(404)
  expect((await ask('PUT', '/v1/files')).status).toBe(405)
})

test('beside speech, each key does what its scopes say; without a key file training does not start', async () => {
  const { service } = await start()
  const speech = await testServer({ config: { keysFile }, extension: service })
  const at = { url: speech.url } as Started
  const speak = (key: string) =>
    ask('POST', '/v1/audio/speech', { key, at, body: { input: 'Hi.', response_format: 'pcm' } })
  expect((await speak(SPEAKER)).status).toBe(200)
  expect((await speak(OTHER)).status).toBe(200)
  expect((await speak(KEY)).status).toBe(403)
  expect((await ask('GET', '/v1/files', { at })).body).toMatchObject({ object: 'list', data: [] })
  expect((await ask('GET', '/v1/files', { at, key: SPEAKER })).status).toBe(403)
  const document = (await ask('GET', '/openapi.json', { at })).body
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/v1/audio/speech', '/v1/training/jobs']))
  await speech.stop()
  await expect(testServer({ extension: service })).rejects.toMatchObject({ code: 'USAGE' })
})

test('the OpenAPI document is valid and has every route, and no other of training', async () => {
  const document = (await ask('GET', '/openapi.json')).body
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true })
  const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!)
  for (const name of names) expect(document.components.schemas).toHaveProperty(name)
  for (const [path, operations] of Object.entries<object>(document.paths)) {
    const real = path.replace(
      /\{(\w+)\}/g,
      (_, name) => ({ checkpoint: 'step-1' })[name as string] ?? `${name}-000000000000000000000000`,
    )
    for (const method of ['get', 'post', 'delete']) {
      const reply = await ask(method.toUpperCase(), real)
      const isThere = method in operations
      expect(reply.status === 405, `${method} ${path}`).toBe(!isThere)
      // What comes without a body, or for ids that are not there, is worded and documented.
      if (isThere) {
        const { responses } = (operations as Record<string, { responses: object }>)[method]!
        expect(Object.keys(responses), `${method} ${path}`).toContain(String(reply.status))
        expect(reply.status).toBeLessThan(500)
      }
    }
  }
  expect(await (await fetch(`${main.url}/docs`)).text()).toContain('<code>/v1/training/jobs</code>')
})

// Files ---------------------------------------------------------------------------------------------------------------

test('recordings come as tar, tar.gz or zip, also one folder down', async () => {
  const below = corpus.map((entry) => ({ ...entry, name: `my-voice/${entry.name}` }))
  const extra = [
    { name: 'LICENSE', bytes: 'free' },
    { name: '__MACOSX/wavs/._u00.wav', bytes: 'x' },
  ]
  for (const bytes of [await tarOf(corpus), gzipSync(await tarOf(below)), zipOf([...corpus, ...extra])]) {
    const { status, body } = await sendFile(bytes)
    expect(status, JSON.stringify(body)).toBe(200)
    TRAINING_ANSWERS.TrainingFile.strict().parse(body)
    expect(body).toMatchObject({ object: 'file', utterances: 24, bytes: bytes.length, status: 'processed' })
    recordings = body.id
  }
  const listed = await ask('GET', '/v1/files?limit=2')
  TRAINING_ANSWERS.TrainingFiles.strict().parse(listed.body)
  expect(listed.body).toMatchObject({ has_more: true })
  expect(listed.body.data).toHaveLength(2)
  const rest = await ask('GET', `/v1/files?after=${listed.body.last_id}`)
  expect(rest.body.data).toHaveLength(1)
  expect((await ask('GET', '/v1/files?limit=0')).body.error.param).toBe('limit')
})

const evil: [string, () => Promise<Buffer> | Buffer, RegExp][] = [
  ['a tar that leads out', () => tarOf([...corpus, { name: '../../escaped.wav', bytes: 'x' }]), /leads out/],
  [
    'a tar that leads out later',
    () => tarOf([...corpus, { name: 'wavs/../../../escaped.wav', bytes: 'x' }]),
    /leads out/,
  ],
  [
    'a tar with an absolute path',
    () => tarOf([...corpus, { name: `${join(dir, 'escaped.wav')}`, bytes: 'x' }]),
    /absolute path/,
  ],
  [
    'a tar with a symbolic link',
    () => tarOf([...corpus, { name: 'wavs/l.wav', type: 'symlink', linkname: '/etc/passwd' }]),
    /is a link/,
  ],
  [
    'a tar with a hard link',
    () => tarOf([...corpus, { name: 'wavs/l.wav', type: 'link', linkname: '/etc/passwd' }]),
    /is a link/,
  ],
  [
    'a tar that writes through a linked folder',
    () => tarOf([{ name: 'wavs', type: 'symlink', linkname: dir }, ...corpus]),
    /is a link/,
  ],
  ['a tar with a pipe', () => tarOf([...corpus, { name: 'p.wav', type: 'fifo' }]), /not a plain file/],
  ['a tar with a file twice', () => tarOf([...corpus, corpus[3]!]), /two entries/],
  [
    'a tar with a file as a folder',
    () => tarOf([...corpus, { name: `${corpus[3]!.name}/x.wav`, bytes: 'x' }]),
    /two entries/,
  ],
  ['a tar with a control character', () => tarOf([...corpus, { name: 'a\nb.wav', bytes: 'x' }]), /character/],
  ['a zip that leads out', () => zipOf([...corpus, { name: '../../escaped.wav', bytes: 'x' }]), /leads out/],
  ['a zip with an absolute path', () => zipOf([...corpus, { name: '/tmp/escaped.wav', bytes: 'x' }]), /absolute path/],
  ['a zip with a backslash', () => zipOf([...corpus, { name: '..\\escaped.wav', bytes: 'x' }]), /character/],
  [
    'a zip with a symbolic link',
    () => zipOf([...corpus, { name: 'wavs/l.wav', bytes: '/etc/passwd', mode: 0o120777 }]),
    /is a link/,
  ],
  ['a cut tar.gz', async () => gzipSync(await tarOf(corpus)).subarray(0, 20_000), /damaged/],
  ['a cut zip', () => zipOf(corpus).subarray(0, 20_000), /damaged/],
  ['no archive', () => Buffer.from('hello'), /neither tar/],
  ['an empty file', () => Buffer.alloc(0), /neither tar|damaged/],
  [
    'audio outside the corpus',
    () => tarOf([{ name: 'corpus.jsonl', bytes: '{"id":"a","audio":"../../../../../../etc/passwd","text":"x"}\n' }]),
    /outside the corpus/,
  ],
  [
    'audio at an absolute path',
    () => tarOf([{ name: 'corpus.jsonl', bytes: '{"id":"a","audio":"/etc/passwd","text":"x"}\n' }]),
    /outside the corpus/,
  ],
  [
    'an id that is a path',
    () =>
      tarOf([
        { name: 'corpus.jsonl', bytes: '{"id":"../a","audio":"a.wav","text":"x"}\n' },
        { name: 'a.wav', bytes: '' },
      ]),
    /letters, digits/,
  ],
  ['a missing recording', () => tarOf([{ name: 'metadata.csv', bytes: 'a|b|c\n' }]), /does not exist/],
  ['no corpus', () => tarOf([{ name: 'a.wav', bytes: 'x' }]), /neither corpus.jsonl/],
]
test.each(evil)('%s is refused and leaves nothing', async (_, make, message) => {
  const before = readdirSync(join(main.folder, 'files'))
  const { status, body } = await sendFile(await make())
  expect(status).toBe(400)
  expect(body.error.message).toMatch(message)
  // Where the server keeps things is not a stranger's business.
  expect(JSON.stringify(body)).not.toContain(main.folder)
  expect(readdirSync(join(main.folder, 'files'))).toEqual(before)
  expect(existsSync(join(dir, 'escaped.wav'))).toBe(false)
  expect(readdirSync(main.folder).sort()).toEqual(expect.not.arrayContaining(['escaped.wav']))
})

test('archives that unpack to more than the limit, or are too large, are refused', async () => {
  const small = await start({ fileBytes: 2 ** 20 })
  const bomb = gzipSync(await tarOf([...corpus.slice(0, 1), { name: 'zeros.wav', bytes: Buffer.alloc(8 * 2 ** 20) }]))
  expect(bomb.length).toBeLessThan(100_000)
  expect(await sendFile(bomb, { at: small })).toMatchObject({
    status: 413,
    body: { error: { code: 'file_too_large' } },
  })
  const large = await sendFile(Buffer.alloc(3 * 2 ** 20), { at: small })
  expect(large).toMatchObject({ status: 413, body: { error: { code: 'file_too_large', param: 'file' } } })
  expect(readdirSync(join(small.folder, 'files'))).toEqual([])
})

test('a form without what it needs is refused by name', async () => {
  const archive = await tarOf(corpus)
  expect((await ask('POST', '/v1/files', { form: formOf(archive, 'a.tar', 'assistants') })).body.error.param).toBe(
    'purpose',
  )
  const none = new FormData()
  none.set('purpose', 'fine-tune')
  expect((await ask('POST', '/v1/files', { form: none })).body.error.param).toBe('file')
  expect((await ask('POST', '/v1/files', { body: '{}' })).body.error.message).toContain('multipart/form-data')
  const odd = { 'Content-Type': 'multipart/form-data' }
  expect((await ask('POST', '/v1/files', { body: 'x', headers: odd })).status).toBe(400)
})

test("a key sees its own objects, and no other key's", async () => {
  for (const [method, path] of [
    ['GET', `/v1/files/${recordings}`],
    ['DELETE', `/v1/files/${recordings}`],
  ] as const)
    expect((await ask(method, path, { key: OTHER })).status).toBe(404)
  expect((await ask('GET', '/v1/files', { key: OTHER })).body.data).toEqual([])
  expect((await ask('POST', '/v1/training/jobs', { key: OTHER, body: tinyJob() })).status).toBe(404)
  for (const id of ['%2e%2e%2fjobs', 'file-', `${recordings}%00`, 'job-000000000000000000000000'])
    expect([400, 404]).toContain((await ask('GET', `/v1/files/${id}`)).status)
})

test('the quota of a key ends its uploads, not those of others', async () => {
  const archive = await tarOf(corpus)
  const tight = await start({ quotaBytes: Math.round(archive.length * 1.5) })
  expect((await sendFile(archive, { at: tight })).status).toBe(200)
  const second = await sendFile(archive, { at: tight })
  expect(second).toMatchObject({ status: 507, body: { error: { code: 'quota_exceeded' } } })
  expect((await sendFile(archive, { at: tight, key: OTHER })).status).toBe(200)
  const upload = await ask('POST', '/v1/uploads', {
    at: tight,
    body: { filename: 'a.tar', purpose: 'fine-tune', bytes: archive.length },
  })
  expect(upload.status).toBe(507)
  // What was deleted counts no longer.
  const [{ id }] = (await ask('GET', '/v1/files', { at: tight })).body.data
  await ask('DELETE', `/v1/files/${id}`, { at: tight })
  await tight.service.sweep()
  expect((await sendFile(archive, { at: tight })).status).toBe(200)
})

// Uploads -------------------------------------------------------------------------------------------------------------

const client = () => new OpenAI({ apiKey: KEY, baseURL: `${main.url}/v1`, maxRetries: 0 })

test("OpenAI's client sends files and uploads in parts", async () => {
  const archive = gzipSync(await tarOf(corpus))
  const openai = client()
  const whole = await openai.files.create({ file: await toFile(archive, 'corpus.tar.gz'), purpose: 'fine-tune' })
  expect(whole).toMatchObject({ object: 'file', filename: 'corpus.tar.gz', status: 'processed' })
  const upload = await openai.uploads.create({
    filename: 'corpus.tar.gz',
    purpose: 'fine-tune',
    bytes: archive.length,
    mime_type: 'application/gzip',
  })
  const cut = Math.floor(archive.length / 2)
  const second = await openai.uploads.parts.create(upload.id, { data: await toFile(archive.subarray(cut), 'b') })
  const first = await openai.uploads.parts.create(upload.id, { data: await toFile(archive.subarray(0, cut), 'a') })
  // A client that starts again sees what is there. The same part again is the same part.
  const again = await openai.uploads.parts.create(upload.id, { data: await toFile(archive.subarray(0, cut), 'a') })
  expect(again.id).toBe(first.id)
  const seen = await ask('GET', `/v1/uploads/${upload.id}`)
  TRAINING_ANSWERS.TrainingUpload.strict().parse(seen.body)
  expect(new Set(seen.body.parts.map(({ id }: { id: string }) => id))).toEqual(new Set([first.id, second.id]))
  const wrong = await ask('POST', `/v1/uploads/${upload.id}/complete`, { body: { part_ids: [first.id] } })
  expect(wrong.body.error).toMatchObject({ code: 'request_invalid', param: 'part_ids' })
  const swapped = await ask('POST', `/v1/uploads/${upload.id}/complete`, { body: { part_ids: [second.id, first.id] } })
  expect(swapped.status).toBe(400)
  const md5 = await ask('POST', `/v1/uploads/${upload.id}/complete`, {
    body: { part_ids: [first.id, second.id], md5: '0'.repeat(32) },
  })
  expect(md5.body.error.param).toBe('md5')
  const done = await openai.uploads.complete(upload.id, { part_ids: [first.id, second.id] })
  expect(done).toMatchObject({ status: 'completed', file: { object: 'file', bytes: archive.length } })
  const repeated = await openai.uploads.complete(upload.id, { part_ids: [first.id, second.id] })
  expect(repeated.file?.id).toBe(done.file?.id)
  expect((await ask('POST', `/v1/uploads/${upload.id}/cancel`)).status).toBe(409)
})

test('an upload that is given up takes no more, and nothing of it stays', async () => {
  const { body } = await ask('POST', '/v1/uploads', { body: { filename: 'a.tar', purpose: 'training', bytes: 100 } })
  const part = () => {
    const form = new FormData()
    form.set('data', new Blob(['x'.repeat(50)]))
    return ask('POST', `/v1/uploads/${body.id}/parts`, { form })
  }
  expect((await part()).status).toBe(200)
  expect((await ask('POST', `/v1/uploads/${body.id}/cancel`)).body).toMatchObject({ status: 'cancelled', parts: [] })
  expect((await part()).status).toBe(409)
  expect(readdirSync(join(main.folder, 'uploads', body.id))).toEqual(['meta.json'])
})

// Jobs ----------------------------------------------------------------------------------------------------------------

test.each([
  [{}, 'kind'],
  [{ kind: 'vocodr', training_file: 'x' }, 'kind'],
  [{ kind: 'vocoder' }, 'training_file'],
  [{ kind: 'study', training_file: 'x', job: { study: 'mnist' } }, 'training_file'],
  [{ kind: 'vocoder', training_file: 'x', more: 1 }, 'more'],
  [{ kind: 'study', job: { study: 'mnist', out: '/etc' } }, 'out'],
  [{ kind: 'vocoder', training_file: 'x', metadata: { a: 1 } }, 'metadata.a'],
])('a wrong request is refused with its field: %j', async (body, param) => {
  const reply = await ask('POST', '/v1/training/jobs', { body })
  expect(reply.status).toBe(400)
  expect(reply.body.error.param).toBe(param)
})

test.each([
  [{ corpus: '/etc' }, /`corpus` is set by the server/],
  [{ run: '../../x' }, /`run` is set by the server/],
  [{ cache: '/tmp' }, /`cache` is set by the server/],
  [{ from: '/etc/passwd' }, /neither a job nor a voice/],
  [{ from: '../heart' }, /neither a job nor a voice/],
  [{ from: 'job-000000000000000000000000' }, /no job .* with a checkpoint/],
  [{ acoustic: '/etc/passwd' }, /neither a job nor a voice/],
  [{ more: ['/etc'] }, /no file \/etc/],
  [{ more: ['file-000000000000000000000000'] }, /no file file-0/],
  [{ threads: 256 }, /at most \d+, the cores/],
  [{ traning: {} }, /unknown key `traning`. Did you mean `training`/],
  [{ training: { lanes: 7 } }, /training.lanes/],
])("a job file is checked as in the CLI, and its paths are the service's: %j", async (job, message) => {
  const before = readdirSync(join(main.folder, 'jobs'))
  const reply = await ask('POST', '/v1/training/jobs', { body: { kind: 'vocoder', training_file: recordings, job } })
  expect([400, 404]).toContain(reply.status)
  expect(reply.body.error.message).toMatch(message)
  expect(readdirSync(join(main.folder, 'jobs'))).toEqual(before)
})

/** Reads a stream of events to its end. */
async function follow(
  id: string,
  headers: Record<string, string> = {},
  at = main,
  // biome-ignore lint/suspicious/noExplicitAny: as above
): Promise<{ id?: string; event: string; data: any }[]> {
  const response = await fetch(`${at.url}/v1/training/jobs/${id}/events?stream=true`, {
    headers: { Authorization: `Bearer ${KEY}`, ...headers },
  })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  const blocks = (await response.text()).split('\n\n').filter((block) => block.includes('data: '))
  return blocks.map((block) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
    return { ...(field('id') && { id: field('id')! }), event: field('event')!, data: JSON.parse(field('data')!) }
  })
}

test.skipIf(!hasTrainer)(
  'a vocoder is trained: events as they come, checkpoints, the result as a package (skipped without a C++ compiler)',
  async () => {
    const headers = { 'Idempotency-Key': 'one' }
    const [first, again] = await Promise.all(
      [1, 2].map(() => ask('POST', '/v1/training/jobs', { body: tinyJob({ metadata: { for: 'a test' } }), headers })),
    )
    const made = [first!, again!].find(({ status }) => status === 200)!
    TRAINING_ANSWERS.TrainingJob.strict().parse(made.body)
    const repeated = await ask('POST', '/v1/training/jobs', { body: tinyJob({ metadata: { for: 'a test' } }), headers })
    expect(repeated.body.id).toBe(made.body.id)
    expect((await ask('POST', '/v1/training/jobs', { body: tinyJob(), headers })).status).toBe(422)
    const { id } = made.body
    expect((await ask('GET', '/v1/training/jobs')).body.data.map((job: { id: string }) => job.id)).toEqual([id])

    const events = await follow(id)
    const last = events.at(-1)!
    expect(last).toMatchObject({ event: 'job', data: { status: 'succeeded', progress: 1, trained_steps: 20 } })
    expect(last.data).toMatchObject({
      kind: 'vocoder',
      metadata: { for: 'a test' },
      training_file: recordings,
      error: null,
    })
    TRAINING_ANSWERS.TrainingJob.strict().parse(last.data)
    const logged = events.filter(({ event }) => event === 'event')
    expect(logged.map(({ data }) => data.data?.event ?? data.message)).toEqual([
      'The job was created.',
      'validation',
      'validation',
    ])
    // Whoever comes back with the last id gets the rest alone.
    const rest = await follow(id, { 'Last-Event-ID': logged[1]!.id! })
    expect(rest.filter(({ event }) => event === 'event').map(({ data }) => data)).toEqual([logged[2]!.data])
    const list = await ask('GET', `/v1/training/jobs/${id}/events?limit=2`)
    TRAINING_ANSWERS.TrainingEvents.strict().parse(list.body)
    expect(list.body.data.map((event: { id: string }) => event.id)).toEqual([logged[2]!.id, logged[1]!.id])

    const checkpoints = await ask('GET', `/v1/training/jobs/${id}/checkpoints`)
    TRAINING_ANSWERS.TrainingCheckpoints.strict().parse(checkpoints.body)
    const [newest] = checkpoints.body.data
    expect(newest).toMatchObject({ id: 'step-20', step_number: 20 })
    const get = (path: string) =>
      fetch(`${main.url}/v1/training/jobs/${id}/${path}`, { headers: { Authorization: `Bearer ${KEY}` } })
    const content = await get('checkpoints/step-20/content')
    expect((await content.arrayBuffer()).byteLength).toBe(newest.bytes)
    expect((await get('checkpoints/step-21/content')).status).toBe(404)

    const validations = await ask('GET', `/v1/training/jobs/${id}/validations`)
    TRAINING_ANSWERS.TrainingValidations.strict().parse(validations.body)
    expect(validations.body.data.map((one: { id: string }) => one.id)).toEqual(['step-20', 'step-10'])
    const [{ masks, samples }] = validations.body.data
    expect(samples).toHaveLength(2)
    const pictures = await ask('GET', masks)
    TRAINING_ANSWERS.TrainingMasks.strict().parse(pictures.body)
    const [matrix] = pictures.body.matrices
    expect(matrix.kept).toHaveLength((matrix.strips * matrix.columns) / 2)
    for (const path of [samples[0].sample, samples[0].recording]) {
      const wav = await fetch(`${main.url}${path}`, { headers: { Authorization: `Bearer ${KEY}` } })
      expect(wav.headers.get('content-type')).toBe('audio/wav')
      expect(readWav(new Uint8Array(await wav.arrayBuffer())).samples.length).toBeGreaterThan(5000)
    }
    for (const wrong of [
      'validations/step-11/masks',
      'validations/recordings/masks',
      'recordings/..%2f20%2fu03',
      'recordings/none',
    ])
      expect((await get(wrong)).status).toBe(404)

    const names: string[] = []
    const unpacked = extract()
    unpacked.on('entry', (header, stream, next) => {
      names.push(header.name)
      stream.on('end', next).resume()
    })
    const result = Buffer.from(await (await get('result')).arrayBuffer())
    unpacked.end(result)
    await new Promise<void>((resolve) => unpacked.on('finish', () => resolve()))
    expect(names).toEqual(
      ['job.json', 'vocoder.safetensors', 'conditioning.onnx', 'log.jsonl'].map((name) => `${id}/${name}`),
    )
    expect(Buffer.from(await (await get('result')).arrayBuffer()).equals(result)).toBe(true)

    // Another job starts from its checkpoint, of which it has a copy.
    const next = await ask('POST', '/v1/training/jobs', { body: tinyJob({ job: { ...TINY, from: id } }) })
    const folder = join(main.folder, 'jobs', next.body.id)
    expect(readFileSync(join(folder, 'from', `${id}.safetensors`)).length).toBe(newest.bytes)
    await ask('POST', `/v1/training/jobs/${next.body.id}/cancel`)
    expect((await follow(next.body.id)).at(-1)).toMatchObject({ data: { status: 'cancelled' } })
    expect((await ask('DELETE', `/v1/training/jobs/${next.body.id}`)).body).toMatchObject({ deleted: true })
    expect((await ask('GET', `/v1/training/jobs/${next.body.id}`)).status).toBe(404)
    expect((await ask('POST', `/v1/training/jobs/${id}/cancel`)).status).toBe(409)
    expect((await ask('POST', `/v1/training/jobs/${id}/resume`)).status).toBe(409)
  },
)

test('a job that waits is cancelled, goes on, fails with a reason, and a key has only so many', async () => {
  const idle = await start({ jobs: 2 })
  const file = (
    await sendFile(
      await tarOf([
        { name: 'metadata.csv', bytes: 'a1|b|c\n' },
        { name: 'wavs/a1.wav', bytes: 'no audio' },
      ]),
      { at: idle },
    )
  ).body.id
  const make = () =>
    ask('POST', '/v1/training/jobs', { at: idle, body: { kind: 'vocoder', training_file: file, job: TINY } })
  const { id } = (await make()).body
  await make()
  expect(await make()).toMatchObject({ status: 429, body: { error: { code: 'server_busy' } } })
  expect((await ask('GET', `/v1/training/jobs/${id}`, { at: idle })).body).toMatchObject({
    status: 'queued',
    result: null,
  })
  expect((await ask('GET', `/v1/training/jobs/${id}/result`, { at: idle })).status).toBe(409)
  expect((await ask('DELETE', `/v1/training/jobs/${id}`, { at: idle })).status).toBe(409)
  expect((await ask('POST', `/v1/training/jobs/${id}/cancel`, { at: idle })).body).toMatchObject({
    status: 'cancelled',
  })
  expect((await ask('POST', `/v1/training/jobs/${id}/resume`, { at: idle })).body).toMatchObject({ status: 'queued' })
  await idle.running.stop()
  started.splice(started.indexOf(idle), 1)
  // The next server over the same folder goes on with it. The file may be gone: the job has its own copy.
  const next = await start({ runners: 1 }, idle.folder.slice(dir.length + 1))
  await ask('DELETE', `/v1/files/${file}`, { at: next })
  const events = await follow(id, {}, next)
  const { data } = events.at(-1)!
  expect(data).toMatchObject({
    status: 'failed',
    error: { code: 'job_failed', message: expect.stringMatching(/a1\.wav/) },
  })
  expect(data.error.message).not.toContain(dir)
  await next.running.stop()
  started.splice(started.indexOf(next), 1)
})

test('a server that died before a job was queued queues it at the next start', async () => {
  const one = await start()
  const file = (await sendFile(await tarOf(corpus), { at: one })).body.id
  const { id } = (
    await ask('POST', '/v1/training/jobs', { at: one, body: { kind: 'vocoder', training_file: file, job: TINY } })
  ).body
  const meta = join(one.folder, 'jobs', id, 'meta.json')
  const { queued, ...lost } = JSON.parse(readFileSync(meta, 'utf8'))
  expect(queued).toBe(1)
  writeFileSync(meta, JSON.stringify(lost))
  await one.service.sweep()
  // It is in the queue already, and is not queued twice.
  expect(JSON.parse(readFileSync(meta, 'utf8')).queued).toBe(1)
})

test.skipIf(!redisServer)('over Redis the same requests do the same (skipped without redis-server)', async () => {
  const redis = await new RedisServer().start()
  const one = await start({}, undefined, redis.url)
  try {
    const post = (path: string, body?: unknown) => ask('POST', `/v1/training/jobs${path}`, { at: one, body })
    const { id } = (await post('', { kind: 'study', job: { study: 'mnist' } })).body
    expect((await ask('GET', '/v1/training/jobs', { at: one })).body.data).toMatchObject([{ id, status: 'queued' }])
    expect((await post(`/${id}/cancel`)).body).toMatchObject({ id, status: 'cancelled' })
    expect((await post(`/${id}/cancel`)).status).toBe(409)
    expect((await post(`/${id}/resume`)).body).toMatchObject({ id, status: 'queued' })
    await post(`/${id}/cancel`)
    expect((await ask('DELETE', `/v1/training/jobs/${id}`, { at: one })).body).toMatchObject({ deleted: true })
    expect((await ask('GET', '/v1/training/jobs', { at: one })).body.data).toEqual([])
  } finally {
    await one.running.stop()
    started.splice(started.indexOf(one), 1)
    await redis.remove()
  }
})

test('what is old is deleted, jobs that wait are not', async () => {
  const one = await start({ days: 1 })
  const file = (await sendFile(await tarOf(corpus), { at: one })).body.id
  const make = () => ask('POST', '/v1/training/jobs', { at: one, body: { kind: 'study', job: { study: 'mnist' } } })
  const waits = (await make()).body.id
  const upload = (await ask('POST', '/v1/uploads', { at: one, body: { filename: 'a', purpose: 'training', bytes: 9 } }))
    .body.id
  for (const [kind, id] of [
    ['files', file],
    ['jobs', waits],
    ['uploads', upload],
  ] as const) {
    const meta = join(one.folder, kind, id, 'meta.json')
    writeFileSync(meta, JSON.stringify({ ...JSON.parse(readFileSync(meta, 'utf8')), created_at: 1 }))
  }
  const abandoned = join(one.folder, 'files', 'file-0000000000000000000000aa')
  mkdirSync(abandoned)
  utimesSync(abandoned, 1, 1)
  await one.service.sweep()
  expect(readdirSync(join(one.folder, 'files'))).toEqual([])
  expect(readdirSync(join(one.folder, 'uploads'))).toEqual([])
  expect((await ask('GET', `/v1/training/jobs/${waits}`, { at: one })).body.status).toBe('queued')
})
