/**
 * Archives that strangers send: tar, tar.gz and zip. Nothing is written outside the target folder, no link is followed or made,
 * and what is unpacked stays within limits whatever the archive says of itself.
 */
import { closeSync, createReadStream, createWriteStream, mkdirSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import yauzl from 'yauzl'
import { isDiskFull } from '../net/disk.ts'
import { RequestError } from './request-error.ts'

export interface UnpackLimits {
  /** Bytes of all that an archive holds, unpacked. */
  readonly bytes: number
  readonly entries: number
}

export interface Unpacked {
  readonly files: number
  readonly bytes: number
  /** Files of kinds that no corpus has, which were passed over. */
  readonly ignored: number
}

/** What a corpus consists of. */
const WANTED = /\.(?:wav|opus|ogg|jsonl|json|csv|txt|md)$/i
const MAX_DEPTH = 8

const refuse = (why: string) => new RequestError('FILE_INVALID', why, 'file')
const quote = (name: string) => `'${name.slice(0, 120)}'`

/** The path below the target folder that an entry goes to. Throws FILE_INVALID for one that would leave it. */
export function safePath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) throw refuse(`The entry ${quote(name)} has an absolute path.`)
  if (parts.includes('..')) throw refuse(`The entry ${quote(name)} leads out of the archive.`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\\\u0000-\u001f]/.test(name)) throw refuse(`The entry ${quote(name)} has a character that paths may not have.`)
  if (parts.length > MAX_DEPTH || parts.some((part) => Buffer.byteLength(part) > 255))
    throw refuse(`The entry ${quote(name)} has too long a path.`)
  return path.join(...(parts.length > 0 ? parts : ['.']))
}

/** Unpacks `file` into the folder `into`, which is empty. Throws FILE_INVALID, FILE_TOO_LARGE, DISK_FULL. */
export async function unpack(file: string, into: string, limits: UnpackLimits): Promise<Unpacked> {
  const target = new Target(into, limits)
  const head = firstBytes(file)
  try {
    if (head.subarray(0, 2).toString('latin1') === 'PK') await unzip(file, target)
    else if (head[0] === 0x1f && head[1] === 0x8b) await untar(file, target, true)
    else if (head.toString('latin1', 257, 262) === 'ustar') await untar(file, target, false)
    else throw refuse('The file is neither tar, tar.gz nor zip.')
  } catch (error) {
    if (error instanceof RequestError || isDiskFull(error)) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'EISDIR' || code === 'ENOTDIR')
      throw refuse('The archive has two entries of one name.')
    throw refuse(`The archive is damaged (${message.split('\n')[0]!.slice(0, 120)}).`)
  }
  return { files: target.files, bytes: target.bytes, ignored: target.ignored }
}

function firstBytes(file: string): Buffer {
  const handle = openSync(file, 'r')
  try {
    const head = Buffer.alloc(512)
    return head.subarray(0, readSync(handle, head, 0, head.length, 0))
  } finally {
    closeSync(handle)
  }
}

class Target {
  readonly #into: string
  readonly #limits: UnpackLimits
  #entries = 0
  files = 0
  bytes = 0
  ignored = 0

  constructor(into: string, limits: UnpackLimits) {
    this.#into = into
    this.#limits = limits
  }

  /** Counts every byte that comes out of the archive, wanted or not. */
  counted(): Transform {
    const add = (count: number): void => {
      this.bytes += count
      if (this.bytes > this.#limits.bytes)
        throw new RequestError('FILE_TOO_LARGE', `The archive holds more than ${this.#limits.bytes} bytes.`, 'file')
    }
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        try {
          add(chunk.length)
          done(null, chunk)
        } catch (error) {
          done(error as Error)
        }
      },
    })
  }

  entry(name: string): { wanted: boolean; at: string } {
    if (++this.#entries > this.#limits.entries)
      throw new RequestError('FILE_TOO_LARGE', `The archive has more than ${this.#limits.entries} entries.`, 'file')
    const below = safePath(name)
    // What macOS adds is named like audio.
    const wanted = WANTED.test(below) && !/(^|\/)(?:\._|__MACOSX\/)/.test(below)
    if (!wanted) this.ignored++
    return { wanted, at: path.join(this.#into, below) }
  }

  async write(at: string, content: Readable, count: boolean): Promise<void> {
    mkdirSync(path.dirname(at), { recursive: true, mode: 0o700 })
    // `wx`: an entry never replaces another one, nor writes through anything that is there.
    const out = createWriteStream(at, { flags: 'wx', mode: 0o600 })
    if (count) await pipeline(content, this.counted(), out)
    else await pipeline(content, out)
    this.files++
  }
}

const LINKS = new Set(['symlink', 'link'])

async function untar(file: string, target: Target, gzip: boolean): Promise<void> {
  const entries = extract()
  const source = createReadStream(file)
  const reading = gzip
    ? pipeline(source, createGunzip(), target.counted(), entries)
    : pipeline(source, target.counted(), entries)
  // Whichever fails first says why. The other then fails with it.
  let failure: unknown
  reading.catch((error) => {
    failure ??= error
  })
  try {
    for await (const entry of entries) {
      const { name, type } = entry.header
      if (LINKS.has(type ?? '')) throw refuse(`The entry ${quote(name)} is a link.`)
      if (type === 'directory') {
        safePath(name)
        entry.resume()
        continue
      }
      if (type !== 'file' && type !== 'contiguous-file') throw refuse(`The entry ${quote(name)} is not a plain file.`)
      const { wanted, at } = target.entry(name)
      // Bytes were counted on their way in.
      if (wanted) await target.write(at, entry as unknown as Readable, false)
      else entry.resume()
    }
    await reading
  } catch (error) {
    failure ??= error
    source.destroy()
    entries.destroy()
    await reading.catch(() => {})
    throw failure
  }
}

const TYPE = 0o170000
const REGULAR = 0o100000
const SYMLINK = 0o120000
const DIRECTORY = 0o040000

async function unzip(file: string, target: Target): Promise<void> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    const options = { lazyEntries: true, strictFileNames: true, validateEntrySizes: true } as const
    yauzl.open(file, options, (error, opened) => (error ? reject(nameFault(error)) : resolve(opened!)))
  })
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('error', (error) => reject(nameFault(error)))
      zip.on('end', resolve)
      zip.on('entry', (entry: yauzl.Entry) => {
        each(zip, entry, target).then(() => zip.readEntry(), reject)
      })
      zip.readEntry()
    })
  } finally {
    zip.close()
  }
}

/** yauzl refuses names that lead out of the archive by itself, and says which. */
const nameFault = (error: Error): Error => {
  const [, why, name] =
    /^(absolute path|invalid relative path|invalid characters in fileName): (.*)$/s.exec(error.message) ?? []
  if (why === undefined) return error
  if (why === 'absolute path') return refuse(`The entry ${quote(name!)} has an absolute path.`)
  if (why === 'invalid relative path') return refuse(`The entry ${quote(name!)} leads out of the archive.`)
  return refuse(`The entry ${quote(name!)} has a character that paths may not have.`)
}

async function each(zip: yauzl.ZipFile, entry: yauzl.Entry, target: Target): Promise<void> {
  const name = entry.fileName
  // The upper half holds the mode where the archive comes from a Unix.
  const type = (entry.externalFileAttributes >>> 16) & TYPE
  if (type === SYMLINK) throw refuse(`The entry ${quote(name)} is a link.`)
  if (type !== 0 && type !== REGULAR && type !== DIRECTORY)
    throw refuse(`The entry ${quote(name)} is not a plain file.`)
  if (entry.isEncrypted()) throw refuse(`The entry ${quote(name)} is encrypted.`)
  if (name.endsWith('/')) return void safePath(name)
  const { wanted, at } = target.entry(name)
  if (!wanted) return
  const content = await new Promise<Readable>((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream!)))
  })
  await target.write(at, content, true)
}
