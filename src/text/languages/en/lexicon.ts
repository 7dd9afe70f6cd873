/**
 * The pronouncing dictionary of English. Words are matched as written, accents and all; `find` also accepts a capital
 * first letter for a small one and the reverse.
 */
import { readData } from '../../data-file.ts'
import { LexiconFile } from '../../lexicon-file.ts'
import { decodeAscii } from '../../phonemes.ts'

/** No entry is longer. */
const LONGEST_WORD = 64

export interface Entry {
  /** Pronunciation when no tag applies; stress marks stand directly before their vowel. */
  readonly phonemes: string
  /**
   * Pronunciation by part of speech (NOUN VERB ADJ ADV, Penn tags VBD VBN VBP DT) and `None` for the end of a phrase.
   * An empty string says that the word is spelled letter by letter there.
   */
  readonly byTag: Readonly<Record<string, string>>
  /** From the hand-checked part of the dictionary. */
  readonly checked: boolean
}

const NO_TAGS: Readonly<Record<string, string>> = {}

function parseEntry(value: string, checked: boolean): Entry {
  const [first, ...variants] = value.split('|')
  if (variants.length === 0) return { phonemes: decodeAscii(first!), byTag: NO_TAGS, checked }
  const byTag: Record<string, string> = {}
  for (const variant of variants) {
    const colon = variant.indexOf(':')
    byTag[variant.slice(0, colon)] = decodeAscii(variant.slice(colon + 1))
  }
  return { phonemes: decodeAscii(first!), byTag, checked }
}

/** Words that are not there are remembered too; as many as a long text has. */
const MAX_MISSING = 20_000

export class Lexicon {
  readonly #file: LexiconFile
  readonly #found = new Map<string, Entry>()
  readonly #missing = new Set<string>()

  /** `bytes`: the data file, hand-checked words first. */
  constructor(bytes: Uint8Array) {
    this.#file = new LexiconFile(bytes)
  }

  /** The entry of the word as written. */
  get(word: string): Entry | undefined {
    const known = this.#found.get(word)
    if (known !== undefined) return known
    if (word.length > LONGEST_WORD || this.#missing.has(word)) return undefined
    const found = this.#file.find(word)
    if (found === undefined) {
      if (this.#missing.size >= MAX_MISSING) this.#missing.clear()
      this.#missing.add(word)
      return undefined
    }
    const entry = parseEntry(found.value, found.section === 0)
    this.#found.set(word, entry)
    return entry
  }

  /** The entry of the word as written, or with its first letter's case changed. */
  find(word: string): Entry | undefined {
    const exact = this.get(word)
    if (exact !== undefined || word.length < 2) return exact
    const rest = word.slice(1)
    if (rest !== rest.toLowerCase()) return undefined
    const first = word[0]!
    const other = first === first.toLowerCase() ? first.toUpperCase() : first.toLowerCase()
    return other === first ? undefined : this.get(other + rest)
  }

  has(word: string): boolean {
    return this.find(word) !== undefined
  }

  *entries(): Generator<[string, Entry]> {
    for (const [word, value, section] of this.#file.entries()) yield [word, parseEntry(value, section === 0)]
  }
}

const opened = new Map<string, Lexicon>()

/** The dictionary `name` of English, read on first use. */
export function lexicon(name = 'en-us.lexicon'): Lexicon {
  let found = opened.get(name)
  if (found === undefined) {
    found = new Lexicon(readData('en', name))
    opened.set(name, found)
  }
  return found
}
