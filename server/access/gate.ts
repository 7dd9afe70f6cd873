/**
 * Who may come in, and how often: API keys and the limits of requests and characters a minute, for HTTP, WebSocket and
 * whatever else takes text. Without keys everybody is let in and the limits go by address.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { SparsewaveError } from '../../src/errors.ts'
import { withoutStack } from '../fault.ts'
import type { ApiKey, Scope } from './key-file.ts'
import type { KeyStore } from './key-store.ts'

export interface Caller {
  /** The key's name, or the address. */
  readonly name: string
  /** Allowed a minute; 0 = without limit. */
  readonly requests: number
  readonly characters: number
}

/** Where a caller stands with a limit after a request. */
export interface Standing {
  readonly limit: number
  readonly remaining: number
  /** Until all of it is there again. */
  readonly resetSeconds: number
}

export class RateLimitError extends SparsewaveError {
  /** Seconds. */
  readonly retryAfter: number

  constructor(what: string, limit: number, retryAfter: number) {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super('RATE_LIMIT_EXCEEDED', `More than ${limit} ${what} a minute.`)
    Error.stackTraceLimit = stackTraceLimit
    this.retryAfter = retryAfter
  }
}

export interface GateOptions {
  /** Undefined = no key is asked for. */
  readonly keys?: KeyStore | undefined
  /** A minute; 0 = without limit. */
  readonly requests: number
  readonly characters: number
}

export class Gate {
  readonly #options: GateOptions
  readonly #limiters = new Map<string, RateLimiterMemory>()

  constructor(options: GateOptions) {
    this.#options = options
  }

  /**
   * Who asks. `query` is given where the key, or a signature made with it, may stand in the URL. Without keys everybody may speak, and
   * nobody may do anything else. Throws INVALID_API_KEY, PERMISSION_DENIED.
   */
  identify(headers: IncomingHttpHeaders, address: string, query?: string, scope: Scope = 'speak'): Caller {
    const { keys, requests, characters } = this.#options
    if (!keys && scope === 'speak') return this.keyless(address)
    if (!keys) throw noKey('This server has no API keys, and this path needs one.')
    const inUrl = query === undefined ? undefined : new URLSearchParams(query)
    const given = presentedKey(headers) ?? inUrl?.get('key') ?? undefined
    let key: ApiKey | undefined
    if (given !== undefined) key = keys.find(given)
    else if (query !== undefined && inUrl?.has('signature')) key = signerOf(query, inUrl, keys)
    else throw noKey('There is no API key in the request.')
    if (!key) throw noKey('The API key is not valid.')
    if (!(key.scopes ?? ['speak']).includes(scope))
      throw withoutStack(
        () => new SparsewaveError('PERMISSION_DENIED', `The API key does not have the scope ${scope}.`),
      )
    return { name: key.name, requests: key.requests ?? requests, characters: key.characters ?? characters }
  }

  /** Who asks over a protocol that knows no keys. */
  keyless(address: string): Caller {
    const { requests, characters } = this.#options
    return { name: networkOf(address), requests, characters }
  }

  /** Counts a request. Throws RateLimitError. Undefined = there is no limit. */
  request(caller: Caller): Promise<Standing | undefined> {
    return this.#count('requests', caller.requests, caller.name, 1)
  }

  /** Takes back what `request` counted. */
  async giveBack(caller: Caller): Promise<void> {
    await this.#limiters.get(limiterId('requests', caller.requests))?.reward(caller.name, 1)
  }

  /**
   * Counts characters of text. A text that is refused is not counted. Throws RateLimitError, or INPUT_TOO_LONG when the
   * text has more characters than a whole minute allows.
   */
  async text(caller: Caller, characters: number): Promise<Standing | undefined> {
    const { name, characters: limit } = caller
    if (limit > 0 && characters > limit)
      throw withoutStack(
        () =>
          new SparsewaveError(
            'INPUT_TOO_LONG',
            `The text has ${characters} characters. No more than ${limit} characters a minute are allowed.`,
            {
              remedy: 'Send it in shorter pieces, a minute apart.',
            },
          ),
      )
    try {
      return await this.#count('characters', limit, name, characters)
    } catch (error) {
      await this.#limiters.get(limiterId('characters', limit))?.reward(name, characters)
      throw error
    }
  }

  async #count(what: string, limit: number, name: string, points: number): Promise<Standing | undefined> {
    if (limit === 0 || points === 0) return undefined
    const id = limiterId(what, limit)
    let limiter = this.#limiters.get(id)
    if (!limiter) {
      limiter = new RateLimiterMemory({ keyPrefix: id, points: limit, duration: 60 })
      this.#limiters.set(id, limiter)
    }
    try {
      const { remainingPoints, msBeforeNext } = await limiter.consume(name, points)
      return { limit, remaining: remainingPoints, resetSeconds: msBeforeNext / 1000 }
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      throw new RateLimitError(what, limit, Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)))
    }
  }
}

const limiterId = (what: string, limit: number): string => `${what}:${limit}`

/**
 * The key that a URL was signed with: `signature`, the last parameter, is the HMAC-SHA256 in hex of the query before it.
 * The key of the HMAC is the hex SHA-256 of the API key, which is what the server knows of it. `signer` names the key and
 * `expires` is the Unix time until which the URL holds. Throws INVALID_API_KEY.
 */
function signerOf(query: string, parameters: URLSearchParams, keys: KeyStore): ApiKey | undefined {
  const [, signed = '', signature = ''] = /^(.*)&signature=([0-9a-f]{64})$/s.exec(query) ?? []
  const key = keys.named(parameters.get('signer') ?? '')
  if (!key || signature === '')
    throw noKey('The signature of the URL cannot be checked. It needs `signer`, `expires` and, last, `signature`.')
  const made = createHmac('sha256', key.digest.toString('hex')).update(signed).digest()
  if (!timingSafeEqual(made, Buffer.from(signature, 'hex'))) throw noKey('The signature of the URL is not valid.')
  if (!(Number(parameters.get('expires')) * 1000 > Date.now())) throw noKey('The signed URL has expired.')
  return key
}

/** The key in a request, wherever the clients we know put it. */
export function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const authorization = /^(?:Bearer|Token)\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (authorization !== undefined) return authorization
  const eleven = headers['xi-api-key']
  if (typeof eleven === 'string') return eleven
  // Browsers cannot set headers of a WebSocket; its subprotocols are `token, KEY`.
  return /^\s*(?:token|bearer)\s*,\s*([^\s,]+)\s*$/i.exec(headers['sec-websocket-protocol'] ?? '')?.[1]
}

const noKey = (message: string): SparsewaveError => withoutStack(() => new SparsewaveError('INVALID_API_KEY', message))

/** An address as limits count it. Of IPv6 the first 64 bits, since whoever has one address has them all. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const left = head.split(':').filter((group) => group !== '')
  const right = (tail ?? '').split(':').filter((group) => group !== '')
  const groups =
    tail === undefined ? left : [...left, ...Array(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return `${groups.slice(0, 4).join(':')}::/64`
}
