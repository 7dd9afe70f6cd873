/**
 * What a rule of normalisation is: a pattern tried where a token may start, and what the match is read as. Patterns are
 * sticky and bounded, so that a text takes time linear in its length.
 */
import { cardinal, decimal, spellDigits, year } from '../numbers.ts'

export interface Place {
  /** The whole cleaned text and where the match starts and ends in it. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** The word before, as written ('' at the start or after punctuation). */
  readonly previousWord: string
}

/**
 * Words, `~` before one that is spelled letter by letter; punctuation stands alone. `end`: the reading takes less or
 * more than the match.
 */
export type Reading = readonly string[] | { readonly words: readonly string[]; readonly end: number }

export interface Rule {
  readonly name: string
  readonly pattern: RegExp
  /** The reading, or undefined when the rule does not apply after all. */
  readonly read: (match: RegExpExecArray, place: Place) => Reading | undefined
}

export const rule = (name: string, pattern: string, read: Rule['read'], flags = ''): Rule => ({
  name,
  pattern: new RegExp(pattern, `y${flags}`),
  read,
})

export const words = (text: string): string[] => text.split(' ')

/** As many characters as rules look at before and after a match. */
const REACH = 48
export const textBefore = ({ text, start }: Place): string => text.slice(Math.max(0, start - REACH), start)
export const textAfter = ({ text, end }: Place): string => text.slice(end, end + REACH)

/**
 * A number: 1,234.5, 1.234,5, 1.234.567, 1 234 567, 1'234, 1,23,456, 3,14 and plain ones. A comma before one or two digits
 * is a decimal one unless it stands in a list.
 */
export const NUMBER = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d{1,4}(?!\d)|\d{1,3}(?:\.\d{3}){2,8}(?![\d.]\d|\d)|[1-9]\d{0,2}(?: \d{3}){1,8}(?!\d| \d)(?:,\d{1,3}(?!\d))?|\d{1,3}(?:'\d{3}){1,8}(?!\d)|\d{1,2}(?:,\d{2}){1,6},\d{3}(?!\d)|(?<![\d,([])\d{1,9},\d{1,2}(?![\d,\])]|\.\d| and\b| or\b)|\d+(?:\.\d+)?|\.\d+)`

/** A number with a decimal point and no separators. */
export function canonical(text: string): string {
  if (/^\d{1,3}(?:\.\d{3})+(?:,|$)/.test(text) && (text.includes(',') || text.split('.').length > 2))
    return text.replaceAll('.', '').replace(',', '.')
  if (/[ ']/.test(text)) return text.replace(/[ ']/g, '').replace(',', '.')
  return /^\d+,\d{1,2}$/.test(text) ? text.replace(',', '.') : text.replaceAll(',', '')
}

/** A number as written, "1,234.5", as words; years are read as years when `asYear`. */
export function readNumber(text: string, asYear = false): string[] {
  const plain = canonical(text)
  const dot = plain.indexOf('.')
  if (dot >= 0) return decimal(plain.slice(0, dot), plain.slice(dot + 1))
  if (plain.length > 1 && plain[0] === '0') return spellDigits(plain)
  // Long numbers without separators name things; round ones count them.
  if (plain === text && plain.length > 8 && !plain.endsWith('000')) return spellDigits(plain)
  if (asYear && plain === text && plain.length === 4 && plain >= '1100' && plain < '2100') return year(plain)
  return cardinal(plain)
}

export const isOne = (text: string): boolean => Number(canonical(text)) === 1

/** Two digits in a time or a pair: 05 -> oh five. */
export const pair = (digits: string): string[] =>
  digits[0] === '0' && digits !== '00' ? ['oh', ...cardinal(digits.slice(1))] : cardinal(digits)

/** A number that names a house, room, flight or road: 305 -> three oh five, 2301 -> twenty three oh one. */
export function nameNumber(digits: string): string[] {
  if (digits.length < 3) return cardinal(digits)
  if (digits.length > 4 || digits[0] === '0') return spellDigits(digits)
  const left = digits.slice(0, -2)
  const right = digits.slice(-2)
  if (right === '00') return left.endsWith('0') ? cardinal(digits) : [...cardinal(left), 'hundred']
  return [...cardinal(left), ...pair(right)]
}

/** Groups of digits with a short pause between them. */
export const readGroups = (groups: readonly string[]): string[] =>
  groups.flatMap((group, i) => [...(i > 0 ? [','] : []), ...spellDigits(group)])

/** The full stop of an abbreviation also ends the sentence when nothing but closing marks follows. */
export function keepFinalStop(place: Place, read: readonly string[]): Reading {
  const rest = textAfter(place)
  const final =
    place.text[place.end - 1] === '.' && place.end + rest.length === place.text.length && /^["')\]”\s]*$/.test(rest)
  return final ? { words: read, end: place.end - 1 } : read
}

/** Words after an amount that it does not describe. */
const NO_NOUNS = new Set(
  'and are was were has had for from off out per than that the then they this with will would can could should which who when where while into over under more less worth each all plus minus its you but not now back does did being been total because until since after before about wide tall long deep thick high away apart ahead behind later ago below above outside inside north south east west left right further farther faster slower heavier lighter longer shorter higher lower taller wider there here today tomorrow tonight max min'.split(
    ' ',
  ),
)

/** An amount before a noun that it describes, and after a determiner: "a $5 bill", "the 100m dash". `at`: where it ends. */
export function describesNoun(place: Place, at: number): boolean {
  const noun = /^[ -]([a-z]{3,})/.exec(place.text.slice(at, at + 24))?.[1]
  return (
    noun !== undefined &&
    !NO_NOUNS.has(noun) &&
    /\b(?:an?|the|this|that|each|every|another|his|her|its|their|our|my|your|one|new|single)\s$/i.test(
      textBefore(place),
    )
  )
}

/** Whether a number may start here: nothing that belongs to a word or another number stands before it. */
export const startsNumber = (place: Place): boolean =>
  place.start === 0 || !/[A-Za-z\d)\].%]/.test(place.text[place.start - 1]!)
