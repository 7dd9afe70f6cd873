/**
 * Files over HTTP, fetched once. A file stays in the browser's Cache under its URL and checksum, and is checked again when
 * it is read. A file with another checksum replaces the old one.
 */
import { SparsewaveError } from '../errors.ts'

export interface StoredFile {
  readonly url: string
  readonly bytes: number
  /** SHA-256 in hex. */
  readonly sha256: string
  /** The file is compressed by gzip. Size and checksum are those of the compressed file. */
  readonly gzip?: boolean
}

export interface StoreOptions {
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  /** Called as bytes arrive, with how many are new. */
  progress(bytes: number): void
}

const CACHE = 'sparsewave-1'

/** Undefined where pages may not keep anything. */
const openCache = async (): Promise<BrowserCache | undefined> => {
  try {
    return await globalThis.caches?.open(CACHE)
  } catch {
    return undefined
  }
}

/** The files that are not kept yet. */
export async function missing(files: readonly StoredFile[]): Promise<StoredFile[]> {
  const cache = await openCache()
  const found = await Promise.all(files.map(async (file) => cache && (await cache.match(keyOf(file)))))
  return files.filter((_, i) => !found[i])
}

/** Contents of a file. Throws INVALID_API_KEY, or VOICE_DAMAGED when it cannot be fetched or does not match its checksum. */
export async function load(file: StoredFile, options: StoreOptions): Promise<Uint8Array<ArrayBuffer>> {
  const cache = await openCache()
  const kept = await cache?.match(keyOf(file))
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer())
    if ((await digest(bytes)) === file.sha256) return unpacked(bytes, file)
  }
  const bytes = await download(file, options)
  if ((await digest(bytes)) !== file.sha256)
    throw new SparsewaveError('VOICE_DAMAGED', `${file.url} does not match its checksum.`, {
      remedy: 'Load the page again.',
    })
  if (cache) await keep(cache, file, bytes)
  return unpacked(bytes, file)
}

/** GET, with the errors of this API. */
export async function get(url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  const response = await fetch(url, { headers }).catch((cause) => {
    throw new SparsewaveError('VOICE_DAMAGED', `${url} cannot be fetched.`, {
      cause,
      remedy: 'Check the network and the address.',
    })
  })
  if (response.status === 401) throw new SparsewaveError('INVALID_API_KEY', 'The server asks for an API key.')
  if (!response.ok) throw new SparsewaveError('VOICE_DAMAGED', `${url} cannot be fetched: status ${response.status}.`)
  return response
}

async function download(file: StoredFile, { headers, progress }: StoreOptions): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(file.bytes)
  let at = 0
  for await (const piece of (await get(keyOf(file), headers)).body!) {
    if (at + piece.length > bytes.length) break
    bytes.set(piece, at)
    at += piece.length
    progress(piece.length)
  }
  return bytes
}

/** Keeps a file and drops others of its URL. A full disk is no fault: the file is fetched again next time. */
async function keep(cache: BrowserCache, file: StoredFile, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    const key = keyOf(file)
    for (const { url } of await cache.keys()) if (url !== key && url.split('?')[0] === file.url) await cache.delete(url)
    await cache.put(key, new Response(bytes))
  } catch {}
}

/** The checksum in the URL: intermediaries too may keep it for ever. */
const keyOf = ({ url, sha256 }: StoredFile): string => `${url}?sha256=${sha256}`

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (b) => b.toString(16).padStart(2, '0')).join('')
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>, file: StoredFile): Promise<Uint8Array<ArrayBuffer>> {
  if (!file.gzip) return bytes
  const stream = new Response(bytes).body!.pipeThrough(new DecompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
