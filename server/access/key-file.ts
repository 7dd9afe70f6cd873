/**
 * The file of API keys: a line each, `NAME sha256:HEX [requests=N] [characters=N] [scopes=A,B]`. Keys are 256 random bits, so a plain
 * SHA-256 of one cannot be searched back; the key itself is shown once, when it is made.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { SparsewaveError } from '../../src/errors.ts'

export interface ApiKey {
  readonly name: string
  /** SHA-256 of the key. */
  readonly digest: Buffer
  /** Requests and characters a minute; undefined = the server's own limits. */
  readonly requests?: number
  readonly characters?: number
  /** What it may be used for; undefined = speaking alone. */
  readonly scopes?: readonly Scope[]
}

/** What keys may be used for: `speak` is everything but training. */
export const SCOPES = ['speak', 'train'] as const
export type Scope = (typeof SCOPES)[number]

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()

const LINE =
  /^([A-Za-z0-9._-]{1,64})\s+sha256:([0-9a-f]{64})((?:\s+(?:(?:requests|characters)=\d{1,9}|scopes=(?:speak|train)(?:,(?:speak|train))*))*)$/

/** The keys in a file's text. Throws USAGE naming the line that is wrong. */
export function parseKeys(text: string, file: string): ApiKey[] {
  return text.split('\n').flatMap((line, i) => {
    const content = line.replace(/#.*/, '').trim()
    if (content === '') return []
    const [, name, hex, limits] = LINE.exec(content) ?? []
    if (name === undefined)
      throw new SparsewaveError(
        'USAGE',
        `Line ${i + 1} of ${file} is not a key: NAME sha256:HEX [requests=N] [characters=N] [scopes=speak,train].`,
        {
          remedy: '`sparsewave keys create NAME` writes such lines.',
        },
      )
    const limit = (what: string): number | undefined => {
      const found = new RegExp(`${what}=(\\d+)`).exec(limits!)?.[1]
      return found === undefined ? undefined : Number(found)
    }
    const requests = limit('requests')
    const characters = limit('characters')
    const scopes = /scopes=(\S+)/.exec(limits!)?.[1]?.split(',') as Scope[] | undefined
    return [
      {
        name,
        digest: Buffer.from(hex!, 'hex'),
        ...(requests !== undefined && { requests }),
        ...(characters !== undefined && { characters }),
        ...(scopes && { scopes }),
      },
    ]
  })
}

/** The file's text; '' when there is none yet. */
export function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new SparsewaveError('USAGE', `The key file ${file} cannot be read.`, {
      cause,
      remedy: 'Set SPARSEWAVE_KEYS_FILE to a file that the server may read.',
    })
  }
}

function write(file: string, text: string): void {
  const partial = `${file}.${process.pid}.partial`
  writeFileSync(partial, text, { mode: 0o600 })
  renameSync(partial, file)
}

/** Adds a key and returns it. Throws USAGE when the name is taken or cannot be one. */
export function createKey(
  file: string,
  name: string,
  limits: { requests?: number; characters?: number; scopes?: readonly Scope[] } = {},
): string {
  const text = readKeyFile(file)
  if (parseKeys(text, file).some((key) => key.name === name))
    throw new SparsewaveError('USAGE', `There is a key ${name} already.`, {
      remedy: 'Choose another name, or revoke it.',
    })
  const key = `sk-sw-${randomBytes(32).toString('base64url')}`
  const settings = Object.entries(limits).map(([what, limit]) => ` ${what}=${limit}`)
  const line = `${name} sha256:${digestOf(key).toString('hex')}${settings.join('')}`
  parseKeys(line, 'the new key')
  write(file, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`)
  return key
}

/** Takes a key out. Throws USAGE when there is none of that name. */
export function revokeKey(file: string, name: string): void {
  const text = readKeyFile(file)
  if (!parseKeys(text, file).some((key) => key.name === name))
    throw new SparsewaveError('USAGE', `There is no key ${name} in ${file}.`, {
      remedy: '`sparsewave keys list` lists them.',
    })
  write(
    file,
    text
      .split('\n')
      .filter((line) => line.trim().split(/\s/)[0] !== name)
      .join('\n'),
  )
}
