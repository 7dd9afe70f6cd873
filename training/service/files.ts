/**
 * Files: recordings that clients send in one request, or in parts that may be sent again after a failure. Shaped after OpenAI's
 * /files and /uploads. An archive is unpacked and checked as a corpus before it has an id.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { appendFile, open, rename } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Request } from 'express'
import { z } from 'zod'
import { readCorpus } from '../data/corpus.ts'
import { unpack } from './archive.ts'
import { receiveFile } from './receive.ts'
import { parseBody, RequestError } from './request-error.ts'
import { type Meta, type Store, seconds } from './store.ts'

export interface FileMeta extends Meta {
  readonly filename: string
  readonly purpose: string
  /** Of the archive. */
  readonly bytes: number
  readonly utterances: number
  /** Files of the archive that no corpus needs. */
  readonly ignored: number
  /** Folder of the corpus, below the file's own. */
  readonly corpus: string
}

export interface UploadMeta extends Meta {
  readonly filename: string
  readonly purpose: string
  readonly bytes: number
  readonly status: 'pending' | 'completed' | 'cancelled'
  readonly file?: string
}

export const PURPOSES = ['fine-tune', 'training'] as const
/** Largest part of an upload, as OpenAI has it. Bytes. */
export const PART_BYTES = 64 * 2 ** 20
const MAX_PARTS = 4096
const ENTRIES = 200_000
const UPLOAD_SECONDS = 86_400

export const createUploadSchema = z.strictObject({
  filename: z.string().min(1).max(255).describe('Name of the archive, for people.'),
  purpose: z.enum(PURPOSES),
  bytes: z.int().min(1).describe('Of the whole archive.'),
  mime_type: z.string().max(255).optional(),
  expires_after: z.looseObject({}).optional().describe("Taken from clients that send it. Retention is the server's."),
})
export const completeUploadSchema = z.strictObject({
  part_ids: z.array(z.string().max(64)).min(1).max(MAX_PARTS).describe('In their order.'),
  md5: z
    .string()
    .regex(/^[0-9a-f]{32}$/i)
    .optional()
    .describe('Of the whole archive, in hexadecimal digits.'),
})

export interface FilesOptions {
  readonly store: Store
  readonly fileBytes: number
  readonly days: number
  /** Bytes that an owner may still write. */
  left(owner: string): number
  /** Counts bytes that an owner has written. */
  wrote(owner: string, bytes: number): void
}

export class Files {
  readonly #o: FilesOptions

  constructor(options: FilesOptions) {
    this.#o = options
  }

  /** Takes the archive of a form. */
  async receive(request: Request, owner: string, key: string | undefined): Promise<FileMeta> {
    const size = request.headers['content-length'] ?? ''
    return this.#o.store.create<FileMeta>('file', { owner, key, request: `file ${size}` }, async (meta, folder) => {
      const archive = path.join(folder, 'archive')
      const { fields, filename, bytes } = await receiveFile(
        request,
        'file',
        archive,
        this.#limit(owner, this.#o.fileBytes),
      )
      const purpose = fields.get('purpose')
      if (!PURPOSES.includes(purpose as never))
        throw new RequestError('REQUEST_INVALID', `\`purpose\` must be ${PURPOSES.join(' or ')}.`, 'purpose')
      return this.#corpusOf(meta, folder, archive, { filename, purpose: purpose!, bytes })
    })
  }

  get(id: string, owner: string): FileMeta {
    const found = this.#o.store.read<FileMeta>('file', id, owner)
    if (!found) throw new RequestError('FILE_UNKNOWN', 'There is no such file.', null)
    return found
  }

  list = (owner: string): FileMeta[] => this.#o.store.list<FileMeta>('file', owner)

  /** Jobs have their own copies, so nothing depends on it. */
  remove(id: string, owner: string): void {
    this.get(id, owner)
    this.#o.store.remove(id)
  }

  /** A file as clients see it. */
  view(meta: FileMeta) {
    const { id, bytes, created_at, filename, purpose, utterances, ignored } = meta
    return {
      id,
      object: 'file' as const,
      bytes,
      created_at,
      expires_at: created_at + this.#o.days * 86_400,
      filename,
      purpose,
      status: 'processed' as const,
      utterances,
      ignored,
    }
  }

  // Uploads -----------------------------------------------------------------------------------------------------------

  async createUpload(body: unknown, owner: string, key: string | undefined): Promise<UploadMeta> {
    const { filename, purpose, bytes } = parseBody(createUploadSchema, body)
    if (bytes > this.#o.fileBytes) throw tooLarge(this.#o.fileBytes)
    if (bytes > this.#o.left(owner)) throw overQuota()
    const request = JSON.stringify(['upload', filename, purpose, bytes])
    return this.#o.store.create<UploadMeta>('upload', { owner, key, request }, async (meta) => ({
      ...meta,
      filename,
      purpose,
      bytes,
      status: 'pending',
    }))
  }

  upload(id: string, owner: string): UploadMeta {
    const found = this.#o.store.read<UploadMeta>('upload', id, owner)
    if (!found) throw new RequestError('FILE_UNKNOWN', 'There is no such upload.')
    return found
  }

  /** Takes one part. The same bytes sent again are the same part. */
  async part(id: string, request: Request, owner: string) {
    const meta = this.#pending(id, owner)
    const folder = this.#o.store.folder(id)
    const parts = this.#parts(id)
    if (parts.length >= MAX_PARTS)
      throw new RequestError('FILE_TOO_LARGE', `An upload has at most ${MAX_PARTS} parts.`, 'data')
    const held = parts.reduce((sum, part) => sum + part.bytes, 0)
    const partial = path.join(folder, `receiving-${process.pid}-${Math.random().toString(36).slice(2)}`)
    try {
      // A part that is sent again may be on its way while the first is counted, so twice the whole is let in.
      const room = Math.min(PART_BYTES, 2 * meta.bytes - held)
      const { bytes, sha256 } = await receiveFile(request, 'data', partial, this.#limit(owner, room))
      if (bytes === 0) throw new RequestError('REQUEST_INVALID', 'The part is empty.', 'data')
      const part = `part-${sha256.slice(0, 24)}-${bytes}`
      const handle = await open(partial, 'r')
      await handle.sync().finally(() => handle.close())
      await rename(partial, path.join(folder, part))
      this.#o.wrote(owner, bytes)
      return this.#viewPart(id, part)
    } catch (error) {
      rmSync(partial, { force: true })
      throw error
    }
  }

  /** Joins the parts into a file. Asked again, it gives the same file. */
  async complete(id: string, body: unknown, owner: string): Promise<UploadMeta> {
    const { part_ids: ids, md5 } = parseBody(completeUploadSchema, body)
    const done = this.upload(id, owner)
    if (done.status === 'completed') return done
    const meta = this.#pending(id, owner)
    const folder = this.#o.store.folder(id)
    const known = new Map(this.#parts(id).map((part) => [part.id, part]))
    const unknown = ids.find((part) => !known.has(part))
    if (unknown !== undefined)
      throw new RequestError('REQUEST_INVALID', `The upload has no part ${unknown}.`, 'part_ids')
    const total = ids.reduce((sum, part) => sum + known.get(part)!.bytes, 0)
    if (total !== meta.bytes)
      throw new RequestError(
        'REQUEST_INVALID',
        `The parts have ${total} bytes, and the upload ${meta.bytes}.`,
        'part_ids',
      )
    const { filename, purpose, bytes } = meta
    const request = JSON.stringify(['complete', ids])
    const file = await this.#o.store.create<FileMeta>(
      'file',
      { owner, key: `complete ${id}`, request },
      async (own, into) => {
        const archive = path.join(into, 'archive')
        const hash = createHash('md5')
        for (const part of ids)
          await appendFile(archive, Readable.from(hashed(createReadStream(path.join(folder, part)), hash)))
        if (md5 !== undefined && hash.digest('hex') !== md5.toLowerCase())
          throw new RequestError('FILE_INVALID', 'The parts do not have this checksum.', 'md5', {
            remedy: 'Compare the parts with the archive, and send the wrong ones again.',
          })
        return this.#corpusOf(own, into, archive, { filename, purpose, bytes })
      },
    )
    const completed: UploadMeta = { ...meta, status: 'completed', file: file.id }
    this.#o.store.write(completed)
    for (const part of this.#parts(id)) rmSync(path.join(folder, part.id), { force: true })
    return completed
  }

  cancelUpload(id: string, owner: string): UploadMeta {
    const meta = this.upload(id, owner)
    if (meta.status === 'cancelled') return meta
    const cancelled: UploadMeta = { ...this.#pending(id, owner), status: 'cancelled' }
    this.#o.store.write(cancelled)
    for (const part of this.#parts(id)) rmSync(path.join(this.#o.store.folder(id), part.id), { force: true })
    return cancelled
  }

  viewUpload(meta: UploadMeta) {
    const { id, bytes, created_at, filename, purpose, status, file } = meta
    const found = file === undefined ? undefined : this.#o.store.read<FileMeta>('file', file, meta.owner)
    return {
      id,
      object: 'upload' as const,
      bytes,
      created_at,
      expires_at: created_at + UPLOAD_SECONDS,
      filename,
      purpose,
      status,
      parts: this.#parts(id).map((part) => this.#viewPart(id, part.id)),
      file: found ? this.view(found) : null,
    }
  }

  /** Whether an upload has waited too long for its parts. */
  static isExpired = ({ created_at }: UploadMeta): boolean => created_at + UPLOAD_SECONDS < seconds()

  #pending(id: string, owner: string): UploadMeta {
    const meta = this.upload(id, owner)
    if (meta.status !== 'pending') throw new RequestError('STATE_CONFLICT', `The upload is ${meta.status}.`)
    return meta
  }

  #viewPart(upload: string, id: string) {
    const { mtimeMs } = statSync(path.join(this.#o.store.folder(upload), id))
    return {
      id,
      object: 'upload.part' as const,
      created_at: Math.floor(mtimeMs / 1000),
      upload_id: upload,
      bytes: Number(id.split('-')[2]),
    }
  }

  #parts(id: string): { id: string; bytes: number }[] {
    const folder = this.#o.store.folder(id)
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => /^part-[0-9a-f]{24}-\d+$/.test(name))
      .map((name) => ({ id: name, bytes: Number(name.split('-')[2]) }))
  }

  #limit(owner: string, bytes: number) {
    const left = this.#o.left(owner)
    return { bytes: Math.min(bytes, left), tooLarge: () => (left < bytes ? overQuota() : tooLarge(bytes)) }
  }

  /** Unpacks and checks. The archive itself is not kept. */
  async #corpusOf(
    meta: Meta,
    folder: string,
    archive: string,
    about: { filename: string; purpose: string; bytes: number },
  ): Promise<FileMeta> {
    const into = path.join(folder, 'corpus')
    const room = Math.min(this.#o.fileBytes, this.#o.left(meta.owner))
    const { bytes, ignored } = await unpack(archive, into, { bytes: room, entries: ENTRIES })
    rmSync(archive)
    const corpus = corpusIn(folder, 'corpus')
    const utterances = readCorpus(path.join(folder, corpus), { confined: true }).length
    this.#o.wrote(meta.owner, bytes)
    return { ...meta, ...about, utterances, ignored, corpus }
  }
}

async function* hashed(source: Readable, hash: { update(chunk: Buffer): unknown }): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    hash.update(chunk as Buffer)
    yield chunk as Buffer
  }
}

/** The folder with corpus.jsonl or metadata.csv, which archives often have one level down. Throws CORPUS_MISSING. */
function corpusIn(folder: string, at: string, depth = 0): string {
  const has = (place: string) =>
    ['corpus.jsonl', 'metadata.csv'].some((name) => existsSync(path.join(folder, place, name)))
  if (has(at)) return at
  const below = existsSync(path.join(folder, at))
    ? readdirSync(path.join(folder, at), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : []
  if (below.length === 1 && depth < 3) return corpusIn(folder, path.join(at, below[0]!.name), depth + 1)
  throw new RequestError('CORPUS_MISSING', 'The archive has neither corpus.jsonl nor metadata.csv at its top.', 'file')
}

const tooLarge = (bytes: number) => new RequestError('FILE_TOO_LARGE', `The limit is ${bytes} bytes.`, 'file')
const overQuota = () =>
  new RequestError('QUOTA_EXCEEDED', 'The files and jobs of this key have used up its disk quota.', 'file')
