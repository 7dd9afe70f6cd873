/**
 * What clients have sent and asked for: a folder an object, with its meta.json, below one root. Objects are complete or not
 * there: meta.json comes last, by rename. Several servers may share the root, since nothing else is kept anywhere.
 */
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { diskFull } from '../net/disk.ts'
import { RequestError } from './request-error.ts'

export const KINDS = { file: 'files', upload: 'uploads', job: 'jobs' } as const
export type Kind = keyof typeof KINDS

/** What every object has. */
export interface Meta {
  readonly id: string
  /** Name of the API key that made it. Other keys do not see it. */
  readonly owner: string
  /** Seconds since 1970, as everywhere in this interface. */
  readonly created_at: number
  /** Digest of the request that made it, where it had an Idempotency-Key. */
  readonly request?: string | undefined
}

const ID = /^(file|upload|job)-[0-9a-f]{24}$/
const META = 'meta.json'
/** A folder without meta.json is given up after so long: its request has died. ms. */
const ABANDONED = 3_600_000

export const seconds = (): number => Math.floor(Date.now() / 1000)
const digest = (...words: string[]): string => createHash('sha256').update(JSON.stringify(words)).digest('hex')

export class Store {
  /** Absolute, without symbolic links in what lies below. */
  readonly root: string
  readonly #making = new Set<string>()

  constructor(root: string) {
    this.root = path.resolve(root)
    for (const folder of Object.values(KINDS)) mkdirSync(path.join(this.root, folder), { recursive: true, mode: 0o700 })
  }

  /** Folder of an object. An id is checked before it becomes a path. */
  folder(id: string): string {
    const kind = ID.exec(id)?.[1] as Kind | undefined
    if (!kind) throw new RequestError('REQUEST_INVALID', 'This is not an id.')
    return path.join(this.root, KINDS[kind], id)
  }

  /** Undefined where there is none of that id, or it is another owner's. */
  read<M extends Meta>(kind: Kind, id: string, owner: string): M | undefined {
    if (!ID.test(id) || !id.startsWith(`${kind}-`)) return undefined
    const meta = this.#meta<M>(id)
    return meta?.owner === owner ? meta : undefined
  }

  write(meta: Meta): void {
    const file = path.join(this.folder(meta.id), META)
    const partial = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
    try {
      writeFileSync(partial, JSON.stringify(meta))
      renameSync(partial, file)
    } catch (error) {
      rmSync(partial, { force: true })
      throw diskFull(error, META)
    }
  }

  /** All objects of a kind, newest first; of one owner, or of all. */
  list<M extends Meta>(kind: Kind, owner?: string): M[] {
    const found = readdirSync(path.join(this.root, KINDS[kind])).flatMap((id) =>
      ID.test(id) ? (this.#meta<M>(id) ?? []) : [],
    )
    const own = owner === undefined ? found : found.filter((meta) => meta.owner === owner)
    return own.sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1))
  }

  /**
   * Makes an object, or gives the one that the same Idempotency-Key has made. Its folder is there while `make` runs, which gives
   * what meta.json gets; where it throws, nothing stays. Throws IDEMPOTENCY_MISMATCH, STATE_CONFLICT.
   */
  async create<M extends Meta>(
    kind: Kind,
    { owner, key, request }: { owner: string; key: string | undefined; request: string },
    make: (meta: Meta, folder: string) => Promise<M>,
  ): Promise<M> {
    const id = `${kind}-${(key === undefined ? randomBytes(16).toString('hex') : digest(kind, owner, key)).slice(0, 24)}`
    const fingerprint = digest(request)
    const folder = this.folder(id)
    const old = this.#meta<M>(id)
    if (old) {
      if (old.request === fingerprint && old.owner === owner) return old
      throw new RequestError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used for another request.')
    }
    if (this.#making.has(id) || (existsSync(folder) && !this.#isAbandoned(folder)))
      throw new RequestError('STATE_CONFLICT', 'A request with this Idempotency-Key is running.', null, {
        remedy: 'Wait for its answer, or send it again later.',
      })
    this.#making.add(id)
    try {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { mode: 0o700 })
      const meta = await make({ id, owner, created_at: seconds(), request: fingerprint }, folder)
      this.write(meta)
      return meta
    } catch (error) {
      rmSync(folder, { recursive: true, force: true })
      throw diskFull(error, KINDS[kind])
    } finally {
      this.#making.delete(id)
    }
  }

  /** Takes an object away: it is gone at once, its bytes soon after. */
  remove(id: string): void {
    const folder = this.folder(id)
    rmSync(path.join(folder, META), { force: true })
    rmSync(folder, { recursive: true, force: true })
  }

  /** Folders whose request died before it was done. */
  removeAbandoned(): void {
    for (const kind of Object.values(KINDS))
      for (const id of readdirSync(path.join(this.root, kind))) {
        const folder = path.join(this.root, kind, id)
        if (!ID.test(id) || this.#making.has(id) || existsSync(path.join(folder, META))) continue
        if (this.#isAbandoned(folder)) rmSync(folder, { recursive: true, force: true })
      }
  }

  /** Bytes on disk by owner. Hard links of a file count once. */
  async usage(): Promise<Map<string, number>> {
    const sums = new Map<string, number>()
    const seen = new Set<string>()
    for (const kind of ['file', 'upload', 'job'] as const)
      for (const { id, owner } of this.list(kind))
        sums.set(owner, (sums.get(owner) ?? 0) + (await bytesIn(this.folder(id), seen)))
    return sums
  }

  #meta<M extends Meta>(id: string): M | undefined {
    try {
      return JSON.parse(readFileSync(path.join(this.folder(id), META), 'utf8')) as M
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  #isAbandoned(folder: string): boolean {
    const at = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0
    return Date.now() - at > ABANDONED
  }
}

/** Bytes of the files below `folder`; what vanishes meanwhile does not count. */
async function bytesIn(folder: string, seen: Set<string>): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const at = path.join(folder, entry.name)
    if (entry.isDirectory()) sum += await bytesIn(at, seen)
    else if (entry.isFile()) {
      const found = await stat(at).catch(() => undefined)
      if (!found) continue
      const inode = `${found.dev}:${found.ino}`
      if (found.nlink > 1 && seen.has(inode)) continue
      if (found.nlink > 1) seen.add(inode)
      sum += found.size
    }
  }
  return sum
}
