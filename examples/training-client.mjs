// Trains a vocoder on a server: sends recordings in parts, starts a job, follows it, fetches the result.
// Run:   TRAINING_KEY=sk-sw-... node examples/training-client.mjs recordings.tar.gz http://localhost:8090 result.tar
// Needs: a server started by `sparsewave jobs serve` or `sparsewave serve --training`, and a key with the scope train.
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'

const [archive, server = 'http://localhost:8090', output = 'result.tar', options = '{}'] = process.argv.slice(2)
const PART = 8 * 2 ** 20
const key = { Authorization: `Bearer ${process.env.TRAINING_KEY}` }

async function call(method, path, body, headers = {}) {
  const json = body === undefined || body instanceof FormData ? body : JSON.stringify(body)
  const response = await fetch(`${server}/v1${path}`, { method, headers: { ...key, ...headers }, body: json })
  if (!response.ok) throw new Error((await response.json()).error.message)
  return response
}
const json = async (...request) => (await call(...request)).json()

// The same archive and key give the same upload and job, so that this program can simply be started again.
const hash = createHash('sha256')
for await (const piece of createReadStream(archive)) hash.update(piece)
const same = { 'Idempotency-Key': hash.update(options).digest('hex') }

const bytes = statSync(archive).size
const about = { filename: basename(archive), purpose: 'fine-tune', bytes }
let upload = await json('POST', '/uploads', about, same)
if (upload.status === 'pending') {
  const file = await open(archive)
  const ids = []
  for (let at = 0; at < bytes; at += PART) {
    const piece = Buffer.alloc(Math.min(PART, bytes - at))
    await file.read(piece, 0, piece.length, at)
    const id = `part-${createHash('sha256').update(piece).digest('hex').slice(0, 24)}-${piece.length}`
    if (!upload.parts.some((part) => part.id === id)) {
      const form = new FormData()
      form.set('data', new Blob([piece]))
      await call('POST', `/uploads/${upload.id}/parts`, form)
    }
    ids.push(id)
  }
  await file.close()
  upload = await json('POST', `/uploads/${upload.id}/complete`, { part_ids: ids })
}
console.log(`${upload.file.utterances} recordings as ${upload.file.id}`)

const wanted = { kind: 'vocoder', training_file: upload.file.id, job: JSON.parse(options) }
let job = await json('POST', '/training/jobs', wanted, same)
console.log(`${job.id} is ${job.status}`)

// Events as they come. A stream that breaks goes on after the last one that was read.
let last = {}
while (['queued', 'running'].includes(job.status)) {
  const stream = await call('GET', `/training/jobs/${job.id}/events?stream=true`, undefined, last)
  let text = ''
  for await (const piece of stream.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + piece).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const field = (name) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      if (field('event') === 'event') console.log(JSON.parse(field('data')).message)
      if (field('event') === 'job') job = JSON.parse(field('data'))
      if (field('id')) last = { 'Last-Event-ID': field('id') }
    }
  }
}
if (job.status !== 'succeeded') throw new Error(`${job.status}: ${job.error?.message ?? ''}`)
const result = await call('GET', `/training/jobs/${job.id}/result`)
await writeFile(output, Buffer.from(await result.arrayBuffer()))
console.log(`${output}: the vocoder, held-out loss ${job.validation_loss?.toFixed(3)}`)
