/** The keys in force: those of a file, read again when it changes, and those of the environment. */
import { timingSafeEqual } from 'node:crypto'
import { statSync } from 'node:fs'
import { type ApiKey, digestOf, parseKeys, readKeyFile } from './key-file.ts'

/** The file is looked at no more often than this, ms. */
const LOOK_EVERY = 1000

export interface KeyStoreOptions {
  readonly file?: string | undefined
  /** Keys in plain text, named key-1, key-2, ... */
  readonly plain?: readonly string[]
  warn?(line: string): void
  now?(): number
}

export class KeyStore {
  readonly #options: KeyStoreOptions
  readonly #fixed: readonly ApiKey[]
  #fromFile: readonly ApiKey[] = []
  #version = ''
  #looked = Number.NEGATIVE_INFINITY

  /** Throws USAGE when the file cannot be read or has a line that is no key. */
  constructor(options: KeyStoreOptions) {
    this.#options = options
    this.#fixed = (options.plain ?? []).map((key, i) => ({ name: `key-${i + 1}`, digest: digestOf(key) }))
    this.#look()
  }

  /** The key's entry. All entries are compared, each in constant time. */
  find(key: string): ApiKey | undefined {
    const digest = digestOf(key)
    let found: ApiKey | undefined
    for (const entry of this.#inForce()) if (timingSafeEqual(entry.digest, digest)) found = entry
    return found
  }

  /** The entry of that name. */
  named(name: string): ApiKey | undefined {
    return this.#inForce().find((entry) => entry.name === name)
  }

  #inForce(): ApiKey[] {
    try {
      this.#look()
    } catch (error) {
      // What was in force stays so: a slip in the file must not lock everybody out, or in.
      this.#options.warn?.(`The key file was not taken over: ${(error as Error).message}`)
    }
    return [...this.#fixed, ...this.#fromFile]
  }

  #look(): void {
    const { file, now = Date.now } = this.#options
    if (file === undefined || now() - this.#looked < LOOK_EVERY) return
    this.#looked = now()
    const stat = statSync(file, { throwIfNoEntry: false })
    const version = stat ? `${stat.mtimeMs} ${stat.size} ${stat.ino}` : ''
    if (version === this.#version) return
    this.#version = version
    this.#fromFile = parseKeys(readKeyFile(file), file)
  }
}
