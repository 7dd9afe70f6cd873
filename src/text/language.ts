/** What a language gives: everything between a text and the phonemes that voices of it know. One folder is one language. */
import type { GivenSound } from './given.ts'

export interface SentenceSpan {
  readonly text: string
  /** Characters [start, end) of the text. */
  readonly start: number
  readonly end: number
}

/** Where a word's sound comes from. */
export const WORD_SOURCES = [
  /** The caller: a lexicon, SSML. */
  'given',
  /** The words around it: articles, homographs. */
  'context',
  'dictionary',
  /** A listed word it is derived from. */
  'derived',
  /** Letter by letter. */
  'spelled',
  /** Its letters, by a model. */
  'letters',
] as const
export type WordSource = (typeof WORD_SOURCES)[number]

export interface PhonemizedWord {
  /** As written. */
  readonly text: string
  /** Characters [start, end) of the sentence. */
  readonly start: number
  readonly end: number
  /** Symbols [phonemeStart, phonemeEnd) of the phonemes. */
  readonly phonemeStart: number
  readonly phonemeEnd: number
  readonly source?: WordSource
}

export interface Phonemized {
  /** Symbols of PHONEMES; '' when there is nothing to say. */
  readonly phonemes: string
  /** In order; a number that is read as several words is one. */
  readonly words: readonly PhonemizedWord[]
}

/** Characters [start, end) of a text that the language does not read. */
export interface Unreadable {
  readonly start: number
  readonly end: number
  /** The script's Unicode name, for example Han. */
  readonly script: string
}

export interface Language {
  /** BCP 47, for example en-US. */
  readonly tag: string
  /** Name in English. */
  readonly name: string
  /** Folder below src/text/languages, and the names of the data files in it that the language reads. */
  readonly folder: string
  readonly data: readonly string[]
  /** The symbols its phonemes come from. */
  readonly symbols: string
  /** The sentences of a text, in order; what lies between two is white space. Time is linear in the length. */
  splitSentences(text: string): SentenceSpan[]
  /** What is said for one sentence, in words: numbers, abbreviations and signs written out. */
  spokenText(sentence: string): string
  /** Phonemes of one sentence. */
  phonemize(sentence: string, given?: readonly GivenSound[]): Phonemized
  /** Stretches in scripts that it does not read. */
  unreadable(text: string): Unreadable[]
  /** Phonemes of letters, one by one. */
  spell(letters: string): string
  /** Words of a whole number, of its ordinal, of its digits. Input is decimal digits. */
  cardinal(digits: string): string[]
  ordinal(digits: string): string[]
  spellDigits(digits: string): string[]
}
