/**
 * A request's own lexicon: words, or several in a row, and their phonemes. It goes before every dictionary.
 * Looking a sentence up takes time proportional to its length, whatever the lexicon holds.
 */
import { type GivenSound, parsePhonemes } from './given.ts'

export const MAX_LEXICON_ENTRIES = 256
export const MAX_LEXICON_WORD = 64
export const MAX_LEXICON_PHONEMES = 128

/** One spelling of apostrophes and of white space. */
const key = (word: string): string => word.trim().replace(/\s+/g, ' ').replaceAll('’', "'")

/** A letter tree over keys in lower case. A node that ends a key is an entry. */
interface Node {
  readonly next: Map<string, Node>
  isEntry: boolean
}
const node = (): Node => ({ next: new Map(), isEntry: false })

const PART_OF_WORD = /[\p{L}\p{N}]/u
const SPACE = /\s/

/** The code point that ends before `at`; '' at the start. */
function characterBefore(text: string, at: number): string {
  const pair = text.slice(Math.max(0, at - 2), at)
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : pair.slice(-1)
}
const isWordAt = (text: string, at: number): boolean =>
  at < text.length && PART_OF_WORD.test(String.fromCodePoint(text.codePointAt(at)!))

export class RequestLexicon {
  /** As written, and in lower case. */
  readonly #sounds = new Map<string, string>()
  readonly #root = node()

  /** Phonemes as docs/reference/phonemes.md shows them, or IPA between slashes. Throws REQUEST_INVALID. */
  constructor(entries: Readonly<Record<string, string>>) {
    for (const [word, phonemes] of Object.entries(entries)) {
      const sounds = lexiconSound(phonemes)
      const written = key(word)
      if (written === '') continue
      this.#sounds.set(written, sounds)
      const lower = written.toLowerCase()
      if (!this.#sounds.has(lower)) this.#sounds.set(lower, sounds)
      let at = this.#root
      for (const character of lower) {
        let next = at.next.get(character)
        if (!next) {
          next = node()
          at.next.set(character, next)
        }
        at = next
      }
      at.isEntry = true
    }
  }

  /** Where a sentence has words of the lexicon, in order. "Nguyen's" is "Nguyen" with its ending. */
  find(sentence: string): GivenSound[] {
    if (this.#sounds.size === 0) return []
    const found: GivenSound[] = []
    for (let at = 0; at < sentence.length; ) {
      const end = PART_OF_WORD.test(characterBefore(sentence, at)) ? undefined : this.#longest(sentence, at)
      if (end === undefined) {
        at += String.fromCodePoint(sentence.codePointAt(at)!).length
        continue
      }
      const written = key(sentence.slice(at, end))
      const sound = this.#sounds.get(written) ?? this.#sounds.get(written.toLowerCase())!
      const hasEnding = /^['’]s$/i.test(sentence.slice(end, end + 2)) && !isWordAt(sentence, end + 2)
      const stop = hasEnding ? end + 2 : end
      found.push({ start: at, end: stop, phonemes: sound + (hasEnding ? possessive(sound) : '') })
      at = stop
    }
    return found
  }

  /** Where the longest entry that begins at `start` ends; undefined when none does. */
  #longest(sentence: string, start: number): number | undefined {
    let at = start
    let tree = this.#root
    let longest: number | undefined
    while (at < sentence.length) {
      const character = String.fromCodePoint(sentence.codePointAt(at)!)
      let end = at + character.length
      let step = character === '’' ? "'" : character.toLowerCase()
      if (SPACE.test(character)) {
        if (at === start) return undefined
        // Only entries of several words look past white space, so a long run of it is read once.
        if (!tree.next.has(' ')) return longest
        while (end < sentence.length && SPACE.test(sentence[end]!)) end++
        step = ' '
      }
      let next: Node | undefined = tree
      for (const part of step) next = next?.next.get(part)
      if (!next) return longest
      tree = next
      at = end
      if (tree.isEntry && !isWordAt(sentence, at)) longest = at
    }
    return longest
  }
}

/** Phonemes of an entry. Throws REQUEST_INVALID. */
export const lexiconSound = (written: string): string =>
  /^\/.*\/$/s.test(written.trim()) ? parsePhonemes(written, 'ipa') : parsePhonemes(written)

const possessive = (sound: string): string => (/[ptkfθ]$/.test(sound) ? 's' : /[szʃʒʧʤ]$/.test(sound) ? 'ᵻz' : 'z')
