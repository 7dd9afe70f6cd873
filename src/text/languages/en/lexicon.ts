/**
 * The pronouncing dictionary: lines of text sorted by word, searched in place, so that loading is decompression
 * alone. Words are matched as written; `find` also accepts a capital first letter for a small one and the reverse.
 */
import { readData } from '../../data-file.ts'
import { decodeAscii } from '../../phonemes.ts'
import { EXTRA_WORDS } from './extra-words.ts'

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

class Section {
  readonly #text: string
  readonly #checked: boolean

  constructor(text: string, checked: boolean) {
    this.#text = text
    this.#checked = checked
  }

  get(word: string): Entry | undefined {
    const text = this.#text
    let low = 0
    let high = text.length
    // Invariant: the line looked for starts in [low, high), and both are starts of lines.
    while (low < high) {
      const middle = text.lastIndexOf('\n', ((low + high) >> 1) - 1) + 1
      const tab = text.indexOf('\t', middle)
      const key = text.slice(middle, tab)
      if (key === word) {
        const end = text.indexOf('\n', tab)
        return parseEntry(text.slice(tab + 1, end < 0 ? undefined : end), this.#checked)
      }
      if (key < word) {
        const next = text.indexOf('\n', tab)
        low = next < 0 ? high : next + 1
      } else high = middle
    }
    return undefined
  }

  /** Every word of the section with its entry, in order. */
  *entries(): Generator<[string, Entry]> {
    for (const line of this.#text.split('\n')) {
      const tab = line.indexOf('\t')
      if (tab > 0) yield [line.slice(0, tab), parseEntry(line.slice(tab + 1), this.#checked)]
    }
  }
}

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

export class Lexicon {
  readonly #sections: readonly Section[]
  readonly #found = new Map<string, Entry>()

  /** `text`: both parts of the data file, an empty line between them. */
  constructor(text: string) {
    const gap = text.indexOf('\n\n')
    this.#sections = [new Section(text.slice(0, gap + 1), true), new Section(text.slice(gap + 2), false)]
  }

  /** The entry of the word as written. */
  get(word: string): Entry | undefined {
    const known = this.#found.get(word)
    if (known !== undefined) return known
    const extra = Object.hasOwn(EXTRA_WORDS, word) ? EXTRA_WORDS[word]! : undefined
    const entry =
      extra !== undefined
        ? { phonemes: extra, byTag: NO_TAGS, checked: true }
        : (this.#sections[0]!.get(word) ?? this.#sections[1]!.get(word))
    if (entry !== undefined) this.#found.set(word, entry)
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
    for (const section of this.#sections) yield* section.entries()
  }
}

let shared: Lexicon | undefined

/** The American English dictionary, read on first use. */
export function lexicon(): Lexicon {
  shared ??= new Lexicon(new TextDecoder('latin1').decode(readData('en', 'en-us.lexicon')))
  return shared
}
