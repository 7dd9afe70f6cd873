/** Short forms of chats and forms that have no full stop, smileys, and signs of a telephone's keys. */
import { cardinal, spellDigits } from '../numbers.ts'
import { SHORT_FORMS } from '../tables.ts'
import { keepFinalStop, type Rule, rule, textAfter, textBefore, words } from './rule.ts'

const forms = (pattern: RegExp): string =>
  Object.keys(SHORT_FORMS)
    .filter((form) => pattern.test(form))
    .sort((a, b) => b.length - a.length)
    .join('|')

const STREETS: Readonly<Record<string, string>> = {
  Ave: 'avenue',
  Rd: 'road',
  Ln: 'lane',
  Ctr: 'center',
  Ct: 'court',
  Fl: 'floor',
}

/** Streets, after which two letters are a quarter of the compass. */
const STREET_BEFORE = /\b(?:St|Street|Ave|Avenue|Rd|Road|Blvd|Boulevard|Dr|Drive|Ln|Lane|Ct|Court|Pl|Place|Way)\.?,? $/
const QUARTERS: Readonly<Record<string, string>> = {
  NE: 'northeast',
  NW: 'northwest',
  SE: 'southeast',
  SW: 'southwest',
  N: 'north',
  S: 'south',
  E: 'east',
  W: 'west',
}

export const SHORT_LETTER_RULES: readonly Rule[] = [
  rule(
    'short form',
    `(${forms(/^[a-z]/)})(?![A-Za-z\\d'/]|-[A-Za-z])\\.?`,
    (m, place) => {
      const read = words(SHORT_FORMS[m[1]!.toLowerCase()]!)
      // In capitals they are letters, but for those of forms: QTY, ACCT.
      if (m[1]! === m[1]!.toUpperCase() && !/^(?:QTY|ACCT|HWY|BLVD|RTE|APT|DEPT|BLDG|PKWY|AMT)$/.test(m[1]!))
        return undefined
      return keepFinalStop(place, read)
    },
    'i',
  ),
  rule('birthday wish', `hbd(?![A-Za-z])`, () => words('happy birthday'), 'i'),
  rule('kind of a street', String.raw`(Ave|Rd|Ln|Ctr|Ct|Fl)(?![A-Za-z'])\.?`, (m, place) =>
    /[A-Za-z\d]$/.test(place.previousWord) && /^(?:[A-Z]|\d{1,3}(?:st|nd|rd|th)$)/.test(place.previousWord)
      ? keepFinalStop(place, [STREETS[m[1]!]!])
      : undefined,
  ),
  rule('room', String.raw`Rm\.?(?= ?\d)`, () => ['room']),
  rule('kind of a processor', String.raw`x86(?:[_-](64|32))?(?![A-Za-z\d])`, (m) => [
    ...words('~X eighty six'),
    ...(m[1] ? cardinal(m[1]) : []),
  ]),
  rule('quarter of the compass', String.raw`(NE|NW|SE|SW|[NSEW])(?![A-Za-z\d'-])\.?`, (m, place) => {
    const before = textBefore(place)
    const after = textAfter(place)
    const read = [QUARTERS[m[1]!]!]
    const isStreet = /^ (?:\d{1,3}(?:st|nd|rd|th)\b|[A-Z][a-z]+ (?:St|Ave|Rd|Blvd|Ln|Dr|Street|Avenue|Road)\b)/.test(
      after,
    )
    if (/\d $/.test(before) && isStreet) return read
    if (STREET_BEFORE.test(before) && !m[0].endsWith('.')) return read
    if (/\b(?:I-|Interstate |Hwy\.? |Highway |Route |Rte\.? |US[ -])\d{1,3} $/.test(before))
      return { words: read, end: place.end - (m[0].endsWith('.') ? 1 : 0) }
    return undefined
  }),
  rule('times a number', String.raw`x\s?(\d{1,3})(?![A-Za-z\d.])`, (m, place) => {
    if (/\d{3}[ .-]\d{4}$/.test(place.previousWord)) return ['extension', ...spellDigits(m[1]!)]
    if (/^\d.{0,12}(?:in|ft|cm|mm|m|yd|")\.?$/.test(place.previousWord)) return { words: ['by'], end: place.start + 1 }
    return m[0].includes(' ') || /[A-Za-z\d]$/.test(place.text.slice(0, place.start))
      ? undefined
      : { words: ['times'], end: place.start + 1 }
  }),
  rule('every so many hours', String.raw`q\s?(\d{1,2})\s?h(?![A-Za-z\d])`, (m) => [
    'every',
    ...cardinal(m[1]!),
    m[1] === '1' ? 'hour' : 'hours',
  ]),
  rule('season and episode', String.raw`S(\d{1,2})\s?E(\d{1,3})(?![A-Za-z\d])`, (m) => [
    'season',
    ...cardinal(m[1]!),
    'episode',
    ...cardinal(m[2]!),
  ]),
]

export const SHORT_DIGIT_RULES: readonly Rule[] = [
  rule('short form', `(${forms(/^\d/)})(?![A-Za-z\\d])`, (m) => words(SHORT_FORMS[m[1]!.toLowerCase()]!), 'i'),
]

/** A smiley stands apart and is not read. */
const apart = (before: string, after: string): boolean => /(?:^|[\s.!?])$/.test(before) && /^(?:\s|$|[.!])/.test(after)

export const SHORT_SIGN_RULES: readonly Rule[] = [
  rule('smiley', String.raw`(?:[:;=8]['’]?-?[)(DPpOo|/\]\[*3]{1,5}|<\/?3+|\^_*\^|-_+-|[xX]D|\(:)`, (m, place) =>
    apart(place.text.slice(Math.max(0, place.start - 1), place.start), textAfter(place)) &&
    !(m[0].startsWith('<') && /\d\s?$/.test(textBefore(place)))
      ? []
      : undefined,
  ),
  rule('keys of a telephone', String.raw`[*#]{1,2}(\d{1,6})([*#]?)(?!\d)`, (m, place) => {
    const isDialled = /\b(?:dial|press|enter|call)\b[^.]{0,24}$/i.test(textBefore(place))
    const isKeys = m[0].startsWith('*') || m[2] !== ''
    return isDialled && isKeys
      ? [...m[0]].flatMap((key) => (key === '*' ? ['star'] : key === '#' ? ['pound'] : spellDigits(key)))
      : undefined
  }),
  rule('number sign before a code', String.raw`#(?=[A-Z]{1,4}-?\d)`, () => ['number']),
  rule('pound key', '#(?![A-Za-z\\d#])', (_, place) =>
    /^\d{3,8}$/.test(place.previousWord) && /\b(?:pin|code|press|enter|dial)\b[^.]{0,24}$/i.test(textBefore(place))
      ? ['pound']
      : undefined,
  ),
]
