/**
 * The rules of normalisation: what a stretch of cleaned text is read as. Each is tried in order where a token may
 * start; its pattern is sticky and bounded, so that a text takes time linear in its length.
 *
 * A reading is a list of words; `~` before a word says that it is spelled letter by letter, and punctuation stands alone.
 */
import { cardinal, decimal, fraction, ordinal, pluralWord, romanValue, spellDigits, year } from './numbers.ts'
import {
  ABBREVIATIONS,
  BEFORE_NAME,
  CURRENCIES,
  CURRENCY_CODES,
  DOMAINS,
  MAGNITUDES,
  MONTHS,
  monthNumber,
  NUMBERED,
  REGNAL,
  SPELLED_PARTS,
  SYMBOL_WORDS,
  TOUCHING_UNITS,
  UNITS,
} from './tables.ts'

export interface Place {
  /** The whole cleaned text and where the match starts and ends in it. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** The word before, as written ('' at the start or after punctuation). */
  readonly previousWord: string
}

export interface Rule {
  readonly name: string
  readonly pattern: RegExp
  /** The words, or undefined when the rule does not apply after all. `{ words, end }` consumes less than the match. */
  readonly read: (match: RegExpExecArray, place: Place) => Reading | undefined
}
export type Reading = readonly string[] | { readonly words: readonly string[]; readonly end: number }

const NUMBER = String.raw`(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+`
const words = (text: string): string[] => text.split(' ')
const rule = (name: string, pattern: string, read: Rule['read'], flags = ''): Rule => ({
  name,
  pattern: new RegExp(pattern, `y${flags}`),
  read,
})

/** A number as written, "1,234.5", as words; years are read as years when `asYear`. */
export function readNumber(text: string, asYear = false): string[] {
  const plain = text.replaceAll(',', '')
  const dot = plain.indexOf('.')
  if (dot >= 0) return decimal(plain.slice(0, dot), plain.slice(dot + 1))
  if (plain.length > 1 && plain[0] === '0') return spellDigits(plain)
  // Long numbers without commas name things; round ones count them.
  if (plain === text && plain.length > 8 && !plain.endsWith('000')) return spellDigits(plain)
  if (asYear && plain === text && plain.length === 4 && plain >= '1100' && plain < '2100') return year(plain)
  return cardinal(plain)
}

const isOne = (text: string): boolean => Number(text.replaceAll(',', '')) === 1

/** Two digits in a time or a pair: 05 -> oh five. */
const pair = (digits: string): string[] =>
  digits[0] === '0' && digits !== '00' ? ['oh', ...cardinal(digits.slice(1))] : cardinal(digits)

const halfDay = (letter: string | undefined): string[] => (letter ? [`~${letter.toUpperCase()}M`] : [])

/** Where a match that ends in the full stop of a.m. or p.m. ends, so that a sentence's last full stop is kept. */
const consumed = (match: RegExpExecArray, place: Place, read: string[]): Reading =>
  match[0].endsWith('.') &&
  /^["')\]”\s]*$/.test(place.text.slice(place.end, place.end + 50)) &&
  place.text.length < place.end + 50
    ? { words: read, end: place.end - 1 }
    : read

function readDate(month: number, day: string, yearDigits: string | undefined, monthFirst = true): string[] | undefined {
  if (month < 1 || month > 12 || Number(day) < 1 || Number(day) > 31) return undefined
  const name = MONTHS[month - 1]!
  const date = monthFirst ? [name, ...ordinal(day)] : ['the', ...ordinal(day), 'of', name]
  if (!yearDigits) return date
  return [...date, ...(yearDigits.length === 2 ? pair(yearDigits) : year(yearDigits))]
}

function readMoney(
  amount: string,
  magnitude: string | undefined,
  names: readonly [string, string, string, string],
): string[] {
  const [unit, units, hundredth, hundredths] = names
  if (magnitude) return [...readNumber(amount), MAGNITUDES[magnitude]!, ...words(units)]
  const [whole = '', cents] = amount.replaceAll(',', '').split('.')
  if (cents === undefined || /^0+$/.test(cents))
    return [...cardinal(whole || '0'), ...words(isOne(whole) ? unit : units)]
  if (cents.length !== 2) return [...readNumber(amount), ...words(units)]
  const small = [...cardinal(cents), ...words(Number(cents) === 1 ? hundredth : hundredths)]
  if (whole === '' || Number(whole) === 0) return small
  return [...cardinal(whole), ...words(isOne(whole) ? unit : units), 'and', ...small]
}

/** Groups of digits with a short pause between them. */
const readGroups = (groups: readonly string[]): string[] =>
  groups.flatMap((group, i) => [...(i > 0 ? [','] : []), ...spellDigits(group)])

const SEPARATORS: Readonly<Record<string, string>> = {
  '.': 'dot',
  '/': 'slash',
  '-': 'dash',
  _: 'underscore',
  '@': 'at',
  ':': 'colon',
  '?': 'question mark',
  '=': 'equals',
  '&': 'and',
  '#': 'hash',
  '~': 'tilde',
  '%': 'percent',
  '+': 'plus',
}

/** An address read part by part: "example.com/a" -> example dot com slash A. */
function readAddress(address: string): string[] {
  return (address.match(/[A-Za-z]+|\d+|[^A-Za-z\d]/g) ?? []).flatMap((part) => {
    if (/^\d/.test(part)) return part.length < 5 ? readNumber(part, true) : spellDigits(part)
    if (/^[A-Za-z]/.test(part))
      return SPELLED_PARTS.has(part.toLowerCase()) || part.length === 1 ? `~${part.toUpperCase()}` : part
    return words(SEPARATORS[part] ?? '').filter((w) => w !== '')
  })
}

const trimAddress = (match: RegExpExecArray, place: Place, skip: number): Reading => {
  const address = match[0].replace(/[.,;:!?)'\]]+$/, '')
  return { words: readAddress(address.slice(skip).replace(/\/$/, '')), end: place.start + address.length }
}

const MONTH_NAME = String.raw`(January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\.?`
const unitNames = Object.keys(UNITS)
  .sort((a, b) => b.length - a.length)
  .map((unit) => unit.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  .join('|')
const SIGNS_OF_MONEY = Object.keys(CURRENCIES)
  .map((sign) => (sign === '$' ? '\\$' : sign))
  .join('')
const MAGNITUDE = String.raw`(?:(k|K|m|M|mn|bn|B|b|T|tn)(?![A-Za-z])|\s(hundred|thousand|million|billion|trillion)\b)`

const ADDRESSES: readonly Rule[] = [
  rule(
    'url',
    String.raw`(?:https?:\/\/(?:www\.)?|www\.)[^\s<>"“”]{1,500}`,
    (m, place) => trimAddress(m, place, /^(?:https?:\/\/)?(?:www\.)?/i.exec(m[0])![0].length),
    'i',
  ),
  rule('e-mail', String.raw`[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}`, (m) =>
    readAddress(m[0]),
  ),
  rule(
    'domain',
    String.raw`(?:[A-Za-z0-9-]{2,63}\.){1,4}(?:${DOMAINS.join('|')})(?:\/[^\s<>"“”]{0,500})?(?![A-Za-z0-9-])`,
    (m, place) => (/[A-Za-z]/.test(m[0].split('.')[0]!) ? trimAddress(m, place, 0) : undefined),
  ),
]

export const DIGIT_RULES: readonly Rule[] = [
  ...ADDRESSES,
  rule('ISO date', String.raw`(\d{4})-(\d\d)-(\d\d)(?![\d-])`, (m) => readDate(Number(m[2]), m[3]!, m[1])),
  rule('date with slashes', String.raw`(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d{2})(?![\d/.]?\d)`, (m) => {
    if (m[2] === '.' && m[4]!.length === 2) return undefined
    const dayFirst = m[2] === '.' || Number(m[1]) > 12
    return dayFirst ? readDate(Number(m[3]), m[1]!, m[4], false) : readDate(Number(m[1]), m[3]!, m[4])
  }),
  rule('digit among letters', String.raw`(\d+)(s?)(?!\d|[.,:/]\d)`, (m, place) => {
    // "MP3s", "B2B": what follows is neither a unit nor a magnitude.
    if (!/[A-Za-z]/.test(place.text[place.start - 1] ?? '')) return undefined
    const read = m[1]!.length > 3 ? spellDigits(m[1]!) : readNumber(m[1]!)
    const plural = m[2] === 's' && !/[A-Za-z]/.test(place.text[place.end] ?? '')
    if (plural) read.push(pluralWord(read.pop()!))
    return { words: read, end: plural ? place.end : place.end - m[2]!.length }
  }),
  rule(
    'day and month',
    String.raw`(\d{1,2})(?:st|nd|rd|th)?(?: of)? ${MONTH_NAME}(?:,? (\d{4}))?(?![A-Za-z\d])`,
    (m, place) => {
      const read = readDate(monthNumber(m[2]!), m[1]!, m[3], false)
      return place.previousWord.toLowerCase() === 'the' ? read?.slice(1) : read
    },
  ),
  rule(
    'time',
    String.raw`(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?:\s?([ap])\.?m\b\.?)?(?![\d:])`,
    (m, place) => {
      const [, hour, minute, second, half] = m
      if (Number(hour) > 24) return undefined
      const read = cardinal(hour!)
      if (minute !== '00') read.push(...pair(minute!))
      else if (!half && !second) read.push(...(Number(hour) > 12 || Number(hour) === 0 ? ['hundred'] : ["o'clock"]))
      if (second) read.push('and', ...cardinal(second), isOne(second) ? 'second' : 'seconds')
      return consumed(m, place, [...read, ...halfDay(half)])
    },
    'i',
  ),
  rule(
    'hour',
    String.raw`(\d{1,2})\s?([ap])(?:\.m\.|m\b\.?)`,
    (m, place) => (Number(m[1]) > 12 ? undefined : consumed(m, place, [...cardinal(m[1]!), ...halfDay(m[2])])),
    'i',
  ),
  rule('address of a host', String.raw`(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?!\.?\d)`, (m) =>
    m.slice(1, 5).flatMap((part, i) => [...(i > 0 ? ['dot'] : []), ...cardinal(part)]),
  ),
  rule('telephone', String.raw`(?:(\d{1,3})[ .-])?(\d{3})([.-])(\d{3})\3(\d{4})(?![\d-])`, (m) =>
    readGroups([m[1], m[2], m[4], m[5]].filter((group) => group !== undefined)),
  ),
  rule('short telephone', String.raw`(\d{3})-(\d{4})(?![\d-])`, (m) => readGroups([m[1]!, m[2]!])),
  rule('grouped digits', String.raw`\d{1,9}(?:-\d{1,9}){2,8}(?![\d-])`, (m) => readGroups(m[0].split('-'))),
  rule('version', String.raw`\d{1,9}(?:\.\d{1,9}){2,6}(?!\.?\d)`, (m) =>
    m[0].split('.').flatMap((part, i) => [...(i > 0 ? ['point'] : []), ...cardinal(part)]),
  ),
  rule('always', String.raw`24\/7(?![\d/])`, () => words('twenty four seven')),
  rule('mixed fraction', String.raw`(\d{1,9}) (\d{1,3})\/(\d{1,3})(?![\d/])`, (m) => {
    if (Number(m[2]) >= Number(m[3])) return undefined
    const part = fraction(m[2]!, m[3]!)
    if (part[0] === 'one' && part.length === 2) part[0] = part[1] === 'eighth' ? 'an' : 'a'
    return [...cardinal(m[1]!), 'and', ...part]
  }),
  rule('fraction', String.raw`(\d{1,9})\/(\d{1,9})(?![\d/])`, (m) => {
    if (Number(m[1]) < Number(m[2])) return fraction(m[1]!, m[2]!)
    return m[1] === m[2] ? [...cardinal(m[1]!), ...cardinal(m[2]!)] : [...cardinal(m[1]!), 'over', ...cardinal(m[2]!)]
  }),
  rule('feet and inches', String.raw`(\d{1,2})'\s?(\d{1,2})(?:"|''|”)`, (m) => [
    ...cardinal(m[1]!),
    'foot',
    ...cardinal(m[2]!),
  ]),
  rule(
    'amount before its sign',
    String.raw`(${NUMBER})\s?(?:([€£¥₹₩₿¢])|(${Object.keys(CURRENCY_CODES).join('|')})\b)`,
    (m) => {
      if (m[2] === '¢') return [...readNumber(m[1]!), isOne(m[1]!) ? 'cent' : 'cents']
      const names = m[2] ? CURRENCIES[m[2]]! : CURRENCY_CODES[m[3]!]!
      return readMoney(m[1]!, undefined, names).flatMap((w) => (w === 'US' ? '~US' : w))
    },
  ),
  rule('range', String.raw`(${NUMBER})(%?)\s?–\s?(?=\d|[${SIGNS_OF_MONEY}])|(${NUMBER})(%?)-(?=\d)`, (m) => {
    const left = m[1] ?? m[3]!
    return [...readNumber(left, true), ...((m[2] ?? m[4]) ? ['percent'] : []), 'to']
  }),
  rule('difference', String.raw`(${NUMBER}) [-] (?=\d)`, (m) => [...readNumber(m[1]!), 'minus']),
  rule('product', String.raw`(${NUMBER})(?:\s?×\s?|\s?x\s?|\s?\*\s?)(?=\d)`, (m) => [
    ...readNumber(m[1]!),
    m[0].includes('*') ? 'times' : 'by',
  ]),
  rule('ratio', String.raw`(\d{1,9}):(\d{1,9})(?![\d:])`, (m) => [...cardinal(m[1]!), 'to', ...cardinal(m[2]!)]),
  rule(
    'ordinal',
    String.raw`(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)(?![A-Za-z])`,
    (m) => ordinal(m[1]!.replaceAll(',', '')),
    'i',
  ),
  rule('decade', String.raw`(\d+)'?s(?![A-Za-z])`, (m) => {
    const digits = m[1]!
    if (/^\d{1,2}[1-9]$/.test(digits) || digits.length < 2) return undefined
    const read = readNumber(digits, true)
    read.push(pluralWord(read.pop()!))
    return read
  }),
  rule('magnitude', String.raw`(${NUMBER})(k|M|B|bn|mn|tn)(?![A-Za-z\d/])`, (m) => [
    ...readNumber(m[1]!),
    MAGNITUDES[m[2]!]!,
  ]),
  rule('unit', String.raw`(${NUMBER})(\s?)(${unitNames})(?![A-Za-z\d²³]|'[A-Za-z]|\/[A-Za-z])`, (m, place) => {
    const [, amount, gap, unit] = m
    if (gap !== '' && TOUCHING_UNITS.has(unit!)) return undefined
    // A full stop after an abbreviated unit belongs to it, unless the sentence ends.
    const dotted = place.text[place.end] === '.' && /^\. *[a-z]/.test(place.text.slice(place.end, place.end + 12))
    const read = [...readNumber(amount!), ...words(UNITS[unit!]![isOne(amount!) ? 0 : 1])].map((w) =>
      /^[A-Z]$/.test(w) ? `~${w}` : w,
    )
    return dotted && /^[a-z]+$/i.test(unit!) ? { words: read, end: place.end + 1 } : read
  }),
  rule('decimal or whole', NUMBER, (m, place) => {
    const after = place.text.slice(place.end, place.end + 2)
    const plural = /^ ?[A-Za-z]/.test(after) ? /^ ?[a-z]+s\b/.test(place.text.slice(place.end, place.end + 24)) : false
    const asYear = !(plural && !/^(?:in|since|of|by|from|until|before|after)$/i.test(place.previousWord))
    return readNumber(m[0], asYear)
  }),
]

export const LETTER_RULES: readonly Rule[] = [
  ...ADDRESSES,
  rule(
    'month and day',
    String.raw`${MONTH_NAME} (\d{1,2})(?:st|nd|rd|th)?(?![\d:/]|,\d|\.\d|%)(?:,? (\d{4})(?!\d))?`,
    (m) => readDate(monthNumber(m[1]!), m[2]!, m[3]),
  ),
  rule('month and year', String.raw`${MONTH_NAME},? (\d{4})(?![\d:/]|,\d|\.\d|%)`, (m) => [
    MONTHS[monthNumber(m[1]!) - 1]!,
    ...year(m[2]!),
  ]),
  rule('dollars of a country', String.raw`(US|C|CA|A|AU|NZ|HK|S)\$(${NUMBER})${MAGNITUDE}?`, (m) => [
    ...readMoney(m[2]!, m[3] ?? m[4], CURRENCIES.$!).flatMap((w) =>
      /^dollars?$/.test(w) ? [...COUNTRY_DOLLARS[m[1]!]!.split(' '), w] : w,
    ),
  ]),
  rule(
    'amount after its code',
    String.raw`(${Object.keys(CURRENCY_CODES).join('|')})\s?(${NUMBER})${MAGNITUDE}?`,
    (m) => readMoney(m[2]!, m[3] ?? m[4], CURRENCY_CODES[m[1]!]!).map((w) => (w === 'US' ? '~US' : w)),
  ),
  rule('number sign in letters', String.raw`(No|Nos|no|nos)\.\s?(?=\d)`, (m) => [
    m[1]!.length > 2 ? 'numbers' : 'number',
  ]),
  rule('version', String.raw`v(?:er)?\.?\s?(\d{1,9}(?:\.\d{1,9}){0,6})(?!\.?\d|[A-Za-z])`, (m, place) => {
    const read = m[1]!.split('.').flatMap((part, i) => [i > 0 ? 'point' : 'version', ...cardinal(part)])
    return place.previousWord.toLowerCase() === 'version' ? read.slice(1) : read
  }),
  rule('doctor', String.raw`Dr\.?(?![A-Za-z])`, (_, place) =>
    /[A-Za-z]$/.test(place.previousWord) &&
    /^[A-Z]/.test(place.previousWord) &&
    !/^ [A-Z]/.test(place.text.slice(place.end, place.end + 2))
      ? keepFinalStop(place, ['drive'])
      : ['doctor'],
  ),
  rule('saint or street', String.raw`St(?:\.|(?![A-Za-z']))`, (_, place) =>
    /^ [A-Z]/.test(place.text.slice(place.end, place.end + 2)) && !/^[A-Z\d]/.test(place.previousWord)
      ? ['saint']
      : keepFinalStop(place, ['street']),
  ),
  rule('name with ampersand', "([A-Z]{1,3})&([A-Z]{1,3}(?:'s)?)(?![A-Za-z])", (m) => [`~${m[1]}`, 'and', `~${m[2]}`]),
  rule('versus', String.raw`vs\.?(?![A-Za-z])`, () => ['versus']),
  rule('et al.', String.raw`et al\.?(?![A-Za-z])`, (_, place) => keepFinalStop(place, ['et', 'al'])),
  rule('latin', String.raw`(e\.g\.|eg\.|i\.e\.|ie\.),?`, (m) => (m[1]![0] === 'e' ? ['for', 'example'] : ['~IE']), 'i'),
  rule('degree', String.raw`(Ph\.?D|M\.?D|B\.?A|M\.?A|B\.?Sc|M\.?Sc)\.?(?![A-Za-z.])`, (m, place) => {
    if (!m[1]!.includes('.') && m[1] !== 'PhD') return undefined
    return keepFinalStop(place, [`~${m[1]!.replace('.', '').toUpperCase()}`])
  }),
  rule(
    'initials with full stops',
    String.raw`(?:[A-Za-z]\.){2,12}(?![A-Za-z])|(?:[A-Za-z]\.){1,12}[A-Za-z](?![A-Za-z'.])`,
    (m, place) => keepFinalStop(place, [`~${m[0].replaceAll('.', '').toUpperCase()}`]),
  ),
  rule('initial of a name', String.raw`([A-Z])\.(?= ?[A-Z])`, (m, place) =>
    m[1] === 'I' && !/^[A-Z]/.test(place.previousWord) ? undefined : [`~${m[1]}`],
  ),
  rule('abbreviation', String.raw`([A-Za-z]{1,7})\.`, (m, place) => {
    const key = m[1]!.toLowerCase()
    const full = ABBREVIATIONS[`${key}.`]
    if (full === undefined) return undefined
    if (BEFORE_NAME.has(key)) {
      const name = /^ ?(?:[A-Z]|\d)/.test(place.text.slice(place.end, place.end + 2))
      const written = m[1]![0] !== m[1]![0]!.toLowerCase()
      const numeric = /^(?:fig|ch|sec|p|temp|max|min|est|ca|v|ed)$/.test(key)
      if (!name || !(written || numeric)) return undefined
    }
    if (key === 'co' && !/^[A-Z&]/.test(place.previousWord)) return undefined
    return keepFinalStop(place, words(full))
  }),
  rule('Roman numeral', String.raw`[IVXLCDM]{1,9}(?![A-Za-z\d'-])`, (m, place) => {
    const value = romanValue(m[0])
    if (value === undefined || value > 200) return undefined
    const before = place.previousWord.toLowerCase()
    if (REGNAL.has(before) && /^[A-Z]/.test(place.previousWord)) {
      // "Elizabeth I" is a queen, "Mary, I" and "George I think" are not.
      if (
        m[0] === 'I' &&
        /^ [a-z]/.test(place.text.slice(place.end, place.end + 2)) &&
        !/^ (?:was|of|and|is|had|became|in|to)\b/.test(place.text.slice(place.end, place.end + 8))
      )
        return undefined
      return ['the', ...ordinal(String(value))]
    }
    if (
      NUMBERED.has(before) &&
      !(
        m[0] === 'I' &&
        /^ [a-z]/.test(place.text.slice(place.end, place.end + 2)) &&
        !/^[A-Z]/.test(place.previousWord)
      )
    )
      return cardinal(String(value))
    return m[0].length > 1 && /^(?:[IVX]+)$/.test(m[0]) && /^[A-Z][a-z]/.test(place.previousWord)
      ? cardinal(String(value))
      : undefined
  }),
  rule('short for with', String.raw`w\/(o?)(?= ?[A-Za-z])`, (m) => [m[1] ? 'without' : 'with']),
  rule('and/or', String.raw`and\/or(?![A-Za-z])`, () => ['and', 'or'], 'i'),
]

const COUNTRY_DOLLARS: Readonly<Record<string, string>> = {
  US: '~US',
  C: 'Canadian',
  CA: 'Canadian',
  A: 'Australian',
  AU: 'Australian',
  NZ: 'New Zealand',
  HK: 'Hong Kong',
  S: 'Singapore',
}

/** The full stop of an abbreviation also ends the sentence when nothing but closing marks follows. */
function keepFinalStop(place: Place, read: readonly string[]): Reading {
  const rest = place.text.slice(place.end, place.end + 40)
  const final =
    place.text[place.end - 1] === '.' && place.end + rest.length === place.text.length && /^["')\]”\s]*$/.test(rest)
  return final ? { words: read, end: place.end - 1 } : read
}

const startsNumber = (place: Place): boolean =>
  place.start === 0 || !/[A-Za-z\d)\].%]/.test(place.text[place.start - 1]!)

export const SIGN_RULES: readonly Rule[] = [
  rule('money', String.raw`([-+]?)([${SIGNS_OF_MONEY}])\s?(${NUMBER})${MAGNITUDE}?`, (m, place) => {
    // A range of money names its unit once, at the end.
    const range = /^\s?[-–]\s?[$€£¥]?(?=\d)/.exec(place.text.slice(place.end, place.end + 4))
    if (range)
      return {
        words: [...readNumber(m[3]!), 'to'],
        end: place.end + range[0].length - (/[$€£¥]$/.test(range[0]) ? 1 : 0),
      }
    return [...(m[1] === '-' ? ['minus'] : []), ...readMoney(m[3]!, m[4] ?? m[5], CURRENCIES[m[2]!]!)]
  }),
  rule('telephone', String.raw`(?:\+(\d{1,3})[ .-]?)?\((\d{2,4})\)[ .-]?(\d{3,4})[ .-](\d{3,4})(?!\d)`, (m) =>
    readGroups([m[1], m[2], m[3], m[4]].filter((group) => group !== undefined)).flatMap((w, i) =>
      i === 0 && m[1] ? ['plus', w] : w,
    ),
  ),
  rule('international telephone', String.raw`\+\d{1,3}(?:[ .-]\d{1,5}){2,6}(?!\d)`, (m) => [
    'plus',
    ...readGroups(m[0].slice(1).split(/[ .-]/)),
  ]),
  rule('decade', String.raw`'(\d0)s(?![A-Za-z])`, (m) => {
    const read = cardinal(m[1]!)
    return [pluralWord(read.pop()!)]
  }),
  rule('short year', String.raw`'(\d\d)(?![A-Za-z\d])`, (m, place) => (startsNumber(place) ? pair(m[1]!) : undefined)),
  rule('minus', String.raw`-(?=\.?\d)`, (_, place) => (startsNumber(place) ? ['minus'] : undefined)),
  rule('plus', String.raw`\+(?=\.?\d)`, () => ['plus']),
  rule('about', String.raw`~(?=\s?\d|\s?[$€£])`, () => ['about']),
  rule('number sign', String.raw`#(?=\d)`, () => ['number']),
  rule('hashtag', '#(?=[A-Za-z])', () => ['hashtag']),
  rule('handle', '@(?=[A-Za-z])', () => ['at']),
  rule('less', String.raw`<=?(?=\s?\d)`, (m) => words(m[0].length > 1 ? 'is at most' : 'less than')),
  rule('greater', String.raw`>=?(?=\s?\d)`, (m) => words(m[0].length > 1 ? 'is at least' : 'greater than')),
  rule('decimal', String.raw`\.\d+`, (m, place) => (startsNumber(place) ? readNumber(m[0]) : undefined)),
  rule('slash', String.raw`\/(?=[A-Za-z\d])`, (_, place) =>
    /\d[a-zA-Z%]{0,3}$/.test(place.previousWord) && /^[A-Za-z]{2}/.test(place.text.slice(place.end, place.end + 2))
      ? ['per']
      : /[A-Za-z\d]$/.test(place.previousWord)
        ? ['slash']
        : undefined,
  ),
  rule('power', String.raw`\^(?=\d)`, () => words('to the power of')),
  rule('product', String.raw` ?\* ?(?=\d)`, (_, place) => (/\d$/.test(place.previousWord) ? ['times'] : undefined)),
  rule('elided', String.raw`'(?=(?:em|tis|twas|til|cause|bout|round|cept|gainst|neath|twere|twill)\b)`, () => [], 'i'),
  rule('symbol', '[&@%+=°×÷±≈≠≤≥→∞√π§©²³Ω$£€¥¢]', (m) => words(SYMBOL_WORDS[m[0]]!)),
]
