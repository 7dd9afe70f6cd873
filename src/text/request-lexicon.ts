/** A request's own lexicon: words, or several in a row, and their phonemes; it goes before every dictionary. */
import { type GivenSound, parsePhonemes } from './given.ts'

export const MAX_LEXICON_ENTRIES = 256
export const MAX_LEXICON_WORD = 64
export const MAX_LEXICON_PHONEMES = 128

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
const key = (word: string): string => word.trim().replace(/\s+/g, ' ').replaceAll('’', "'")

export class RequestLexicon {
  /** As written, and in small letters. */
  readonly #sounds = new Map<string, string>()
  readonly #pattern: RegExp | undefined

  /** Phonemes as docs/reference/phonemes.md shows them, or IPA between slashes. Throws REQUEST_INVALID. */
  constructor(entries: Readonly<Record<string, string>>) {
    const words = Object.keys(entries)
    for (const word of words) {
      const sounds = lexiconSound(entries[word]!)
      const written = key(word)
      this.#sounds.set(written, sounds)
      const small = written.toLowerCase()
      if (!this.#sounds.has(small)) this.#sounds.set(small, sounds)
    }
    if (words.length === 0) return
    const any = words
      .map(key)
      .sort((a, b) => b.length - a.length)
      .map((word) => escaped(word).replaceAll("'", "['’]").replaceAll(' ', '\\s+'))
    this.#pattern = new RegExp(`(?<![\\p{L}\\p{N}])(${any.join('|')})(['’]s)?(?![\\p{L}\\p{N}])`, 'giu')
  }

  /** Where a sentence has words of the lexicon, in order. "Nguyen's" is "Nguyen" with its ending. */
  find(sentence: string): GivenSound[] {
    if (!this.#pattern) return []
    return Array.from(sentence.matchAll(this.#pattern), (match) => {
      const written = key(match[1]!)
      const sound = this.#sounds.get(written) ?? this.#sounds.get(written.toLowerCase())!
      const ending = match[2] === undefined ? '' : possessive(sound)
      return { start: match.index, end: match.index + match[0].length, phonemes: sound + ending }
    })
  }
}

/** Phonemes of an entry. Throws REQUEST_INVALID. */
export const lexiconSound = (written: string): string =>
  /^\/.*\/$/.test(written.trim()) ? parsePhonemes(written, 'ipa') : parsePhonemes(written)

const possessive = (sound: string): string => (/[ptkfθ]$/.test(sound) ? 's' : /[szʃʒʧʤ]$/.test(sound) ? 'ᵻz' : 'z')
