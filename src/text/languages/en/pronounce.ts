/**
 * How one word of a sentence sounds: by the words around it, from the dictionary, derived from a listed word, spelled,
 * or read from its letters.
 */
import type { WordSource } from '../../language.ts'
import { SECONDARY } from '../../phonemes.ts'
import { addS, derive, inflect } from './derive.ts'
import { letterToSound } from './g2p.ts'
import { homographModel } from './homograph-model.ts'
import { type Context, isHabitual, isStressedThat, partOfSpeech } from './homographs.ts'
import { type Entry, type Lexicon, lexicon } from './lexicon.ts'
import type { Token } from './normalize.ts'
import { demoted, emphasized, isStressed, joinSpelled, withStress } from './stress.ts'

/** What is spoken next: a vowel, a consonant, or (undefined) a pause. */
export type Ahead = 'vowel' | 'consonant' | undefined

/** A word's sound, never empty. */
export interface Pronunciation {
  readonly sound: string
  readonly source: WordSource
}

type Known = (word: string) => string | undefined

/**
 * What the costly parts of one sentence's reading may still take, so that a sentence of nothing but unknown words is read
 * in bounded time. Ordinary sentences use a part of it. The rest is read by the quicker rules.
 */
export class Effort {
  /** Letters of unknown words that both models read. */
  letters = 24
  /** Homographs that the classifier tells apart. */
  homographs = 16
}

/** No word is longer; the rules of derivation look at every cut of it. */
const LONGEST_WORD = 45

export class Pronouncer {
  readonly dictionary: Lexicon
  readonly #classify: boolean

  /** `classify`: homographs are told apart by the model trained on American readings. */
  constructor(dictionary: Lexicon = lexicon(), { classify = true }: { classify?: boolean } = {}) {
    this.dictionary = dictionary
    this.#classify = classify
  }

  /** Word `at` of a sentence. `small`: the words in small letters, '' for marks. */
  pronounce(
    tokens: readonly Token[],
    small: readonly string[],
    at: number,
    ahead: Ahead,
    effort: Effort = new Effort(),
  ): Pronunciation {
    const token = tokens[at]!
    const word = token.text
    if (token.spelled) return { sound: this.spell(word), source: 'spelled' }
    const context: Context = {
      before: small[at - 1] ?? '',
      before2: small[at - 2] ?? '',
      after: small[at + 1] ?? '',
      after2: small[at + 2] ?? '',
    }
    const fixed = functionWord(word, context, ahead)
    if (fixed !== undefined) return { sound: fixed, source: 'context' }
    const accented = token.accented === undefined ? undefined : this.#accented(token.accented)
    if (accented !== undefined) return { ...accented, sound: restress(word, accented.sound) }
    const chosen = this.#classify && effort.homographs > 0 ? homographModel().pronounce(tokens, small, at) : undefined
    if (chosen !== undefined) effort.homographs--
    if (chosen !== undefined) return { sound: restress(word, chosen), source: 'context' }
    const known = this.#lookupIn(context, ahead)
    const listed = known(word) ?? capitalsLookup(word, known)
    if (listed !== undefined) return { sound: restress(word, listed), source: 'dictionary' }
    const { sound, source } = this.#unknownWord(word, this.#lookupIn(context, ahead, true), known, effort)
    return { sound: restress(word, sound), source }
  }

  /** Letter by letter: "FBI", "PDFs", "TV's". The last letter carries the stress. */
  spell(word: string): string {
    const plural = /^[A-Z.]+'?s$/.test(word)
    const letters = [...word.toUpperCase().replace(/'?S$/, (end) => (plural ? '' : end))].filter(
      (c) => c >= 'A' && c <= 'Z',
    )
    const names = letters.map((letter) => (letter === 'A' ? 'ˈA' : this.dictionary.get(letter)!.phonemes))
    const sound = joinSpelled(names)
    return plural ? addS(sound) : sound
  }

  /** The dictionary in a context; `checked`: its hand-checked words alone. */
  #lookupIn(context: Context, ahead: Ahead, checked = false): Known {
    return (word) => {
      const entry = this.dictionary.find(word)
      if (entry === undefined || (checked && !entry.checked)) return undefined
      return choose(entry, word.toLowerCase(), context, ahead) || undefined
    }
  }

  /** A word with its accents: as listed, or by its final é. Others sound as without them. */
  #accented(word: string): Pronunciation | undefined {
    const entry = this.dictionary.find(word) ?? this.dictionary.find(word.toLowerCase())
    if (entry !== undefined) return { sound: entry.phonemes, source: 'dictionary' }
    const possessive = /^(.+)'s$/i.exec(word)
    if (possessive !== null) {
      const owner = this.#accented(possessive[1]!)
      return owner && { sound: addS(owner.sound), source: 'derived' }
    }
    const [, stem] = /^(.*[a-z])ée?$/i.exec(word) ?? []
    if (stem === undefined || stem.length > LONGEST_WORD) return undefined
    const plain = word.normalize('NFD').replace(/\p{M}/gu, '')
    if (this.dictionary.has(plain) || this.dictionary.has(plain.toLowerCase())) return undefined
    const sound = letterToSound(stem.normalize('NFD').replace(/\p{M}/gu, ''))
    return sound === '' ? undefined : { sound: `${demoted(sound)}ˈA`, source: 'letters' }
  }

  /**
   * A word the dictionary lacks: derived from one it has, in parts, or read from its letters. Stems are looked for
   * among the checked words first: "wanted" is from "want", not from the surname Wante.
   */
  #unknownWord(word: string, checked: Known, known: Known, effort: Effort): Pronunciation {
    if (word.length > LONGEST_WORD) return this.#fromLetters(word, effort)
    const inflected = inflect(word, checked) ?? inflect(word, known)
    if (inflected !== undefined) return { sound: inflected, source: 'derived' }
    const parts = camelParts(word)
    if (parts.length > 1) {
      const sound = parts
        .map((part) =>
          isAllCapitals(part)
            ? this.spell(part)
            : (known(part) ?? this.#unknownWord(part, checked, known, effort).sound),
        )
        .reduce((before, next) => before + (before.includes('ˈ') ? demoted(next) : next))
      return { sound, source: 'derived' }
    }
    const small = word.toLowerCase()
    const derived = derive(small, checked) ?? derive(small, known)
    return derived === undefined
      ? this.#fromLetters(small.replaceAll("'", ''), effort)
      : { sound: derived, source: 'derived' }
  }

  #fromLetters(word: string, effort: Effort): Pronunciation {
    const quick = effort.letters < word.length
    if (!quick) effort.letters -= word.length
    const sound = letterToSound(word, quick)
    return sound === '' ? { sound: this.spell(word), source: 'spelled' } : { sound, source: 'letters' }
  }
}

/** Words whose sound depends on the next one's. */
function functionWord(word: string, context: Context, ahead: Ahead): string | undefined {
  switch (word) {
    case 'a':
    case 'A':
      return ahead === undefined ? 'ˈA' : 'ɐ'
    case 'an':
    case 'An':
      return 'ɐn'
    case 'the':
    case 'The':
      return ahead === 'vowel' ? 'ði' : 'ðə'
    case 'to':
    case 'To':
      return ahead === undefined ? 'tu' : ahead === 'vowel' ? 'tʊ' : 'tə'
    case 'in':
    case 'In':
      return ahead === undefined || (context.after === 'order' && context.after2 === 'to') ? 'ˈɪn' : 'ɪn'
    case 'am':
      return ahead === undefined ? 'æm' : 'ɐm'
    case 'I':
      return 'ˌI'
    case 'used':
    case 'Used':
      return isHabitual(context) ? 'jˈust' : 'jˈuzd'
    case 'that':
      return isStressedThat(context) ? 'ðˈæt' : 'ðæt'
    case 'That':
      return 'ðˈæt'
    case "'s":
      return 'z'
    default:
      return undefined
  }
}

/** Capitals carry some stress: a capital first letter at least secondary, all capitals primary. */
function restress(word: string, sound: string): string {
  if (word === word.toLowerCase()) return sound
  if (word.length > 1 && word === word.toUpperCase()) return emphasized(sound)
  return isStressed(sound) ? sound : withStress(sound, SECONDARY)
}

/** The pronunciation that fits the context. */
function choose(entry: Entry, word: string, context: Context, ahead: Ahead): string {
  const { byTag, phonemes } = entry
  if (Object.keys(byTag).length === 0) return phonemes
  if (ahead === undefined && byTag.None !== undefined) return byTag.None
  const tag = partOfSpeech(word, context)
  return byTag[tag] ?? (tag.startsWith('VB') ? byTag.VERB : undefined) ?? phonemes
}

function capitalsLookup(word: string, known: Known): string | undefined {
  const small = word.toLowerCase()
  return small === word ? undefined : known(small)
}

const isAllCapitals = (word: string): boolean => word.length > 1 && word === word.toUpperCase()

/** GitHub -> Git, Hub; iPhone -> i, Phone; ordinary words stay whole. */
function camelParts(word: string): string[] {
  if (!/[a-z][A-Z]/.test(word) || /^(?:Mc|Mac|De|Di|Du|La|Le|O')[A-Z]/.test(word)) return [word]
  return word.split(/(?<=[a-z])(?=[A-Z])/)
}
