/** What a language whose spelling tells its sound gives to the shared front end: its words for numbers and signs. */
import type { WordSource } from '../language.ts'

/** A noun that is counted: one, several, and whether its numbers are feminine. */
export interface Noun {
  readonly one: string
  readonly many: string
  readonly feminine?: boolean
}

export interface Currency extends Noun {
  readonly cent: Noun
}

export interface Wording {
  /** Words of a whole number and of an ordinal; `gender` of the noun. Input is decimal digits. */
  cardinal(digits: string): string[]
  ordinal(digits: string, feminine: boolean): string[]
  /** A cardinal before a noun: "veintiún años", "doscientas casas". */
  beforeNoun(words: readonly string[], feminine: boolean): string[]
  /** Whether the word that follows a number is a noun that the number agrees with, and of which gender. */
  nounGender(word: string): 'masculine' | 'feminine' | undefined
  readonly digits: readonly string[]
  readonly months: readonly string[]
  /** Words of a date; `year` may be ''. */
  date(day: number, month: number, year: string): string[]
  /** Words of a time of day. */
  time(hour: number, minute: number, second: number | undefined): string[]
  /** Words of a Roman numeral after or before its noun, or undefined when it is none. */
  roman(value: number, previous: string, next: string): string[] | undefined
  fraction(numerator: number, denominator: number): string[]
  /** Names in small letters, by letter. */
  readonly letters: Readonly<Record<string, string>>
  readonly words: {
    readonly comma: string
    readonly minus: string
    readonly point: string
    readonly at: string
    readonly slash: string
    readonly dash: string
    readonly underscore: string
    readonly percent: string
    readonly permille: string
    readonly per: string
    readonly degrees: Noun
    readonly and: string
    /** Between two numbers of a range, or ''. */
    readonly to: string
    /** Between a round number of millions and its noun. */
    readonly of: string
    readonly square: readonly [masculine: string, feminine: string]
    readonly cubic: readonly [masculine: string, feminine: string]
  }
  /** Million and the like in both numbers, after which `words.of` stands. */
  readonly magnitudes: readonly string[]
  readonly currencies: Readonly<Record<string, Currency>>
  readonly units: Readonly<Record<string, Noun>>
  /** Signs that stand alone, by character. */
  readonly signs: Readonly<Record<string, string>>
  /** Abbreviations as written, with their full stops. Words between blanks. */
  readonly abbreviations: Readonly<Record<string, string>>
  /** Abbreviations that never end a sentence, in small letters without the last full stop. */
  readonly neverFinal: ReadonlySet<string>
  /** Words in capitals that are read as words though they look like letters, and the reverse. */
  readonly acronymsAsWords: ReadonlySet<string>
  readonly acronymsAsLetters: ReadonlySet<string>
  /** Sound of a word in small letters in running text, and where it comes from. */
  pronounce(word: string): { readonly sound: string; readonly source: WordSource }
  /** Unstressed words lose their stress unless they stand alone. */
  weak(word: string): string | undefined
  /** What two words do to each other without a pause between them. */
  join(before: string, word: string): { before: string; word: string }
}
