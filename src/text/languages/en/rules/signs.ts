/** Signs: of sums, of ranges, of names, and those that stand for words. */
import { cardinal, pluralWord } from '../numbers.ts'
import { SYMBOL_WORDS } from '../tables.ts'
import { nameNumber, pair, type Rule, readNumber, rule, startsNumber, textAfter, textBefore, words } from './rule.ts'

/** 2 and 3 as powers have names. */
const power = (digits: string): string[] =>
  digits === '2'
    ? ['squared']
    : digits === '3'
      ? ['cubed']
      : words('to the power of').concat(
          digits.startsWith('-') ? ['minus', ...cardinal(digits.slice(1))] : cardinal(digits),
        )

export const SIGN_RULES_PLAIN: readonly Rule[] = [
  rule('decade', String.raw`'(\d0)s(?![A-Za-z])`, (m) => {
    const read = cardinal(m[1]!)
    return [pluralWord(read.pop()!)]
  }),
  rule('short year', String.raw`'(\d\d)(?![A-Za-z\d])`, (m, place) => (startsNumber(place) ? pair(m[1]!) : undefined)),
  rule('range', String.raw`\s?[-–]\s?(?=[\d$€£])`, (m, place) => {
    // A dash between two numbers with their units: 9am-5pm, 1960s-80s.
    const joined = !/\s/.test(m[0]) || m[0].includes('–')
    // A model's name: i7-13700, DDR5-5600.
    const model = /^\d{3,5}(?!\d|[.,]\d)/.exec(textAfter(place))?.[0]
    if (model !== undefined && /[A-Za-z]\d{1,4}$/.test(place.text.slice(Math.max(0, place.start - 6), place.start)))
      return { words: [',', ...nameNumber(model)], end: place.end + model.length }
    return joined &&
      /\d\s?(?:[a-zA-Z%°.]{0,4}|a\.m\.|p\.m\.)$/i.test(place.previousWord) &&
      !/^[A-Za-z]/.test(place.previousWord)
      ? ['to']
      : undefined
  }),
  rule('minus', String.raw`[-–](?=\.?\d)`, (m, place) =>
    startsNumber(place) &&
    (m[0] === '-' || /(?:^|[\s(=])$/.test(place.text.slice(Math.max(0, place.start - 1), place.start)))
      ? ['minus']
      : undefined,
  ),
  rule('plus', String.raw`\+(?=\.?\d)`, () => ['plus']),
  rule('about', String.raw`~(?=\s?\d|\s?[$€£])`, (_, place) =>
    /[A-Za-z]$/.test(place.text.slice(Math.max(0, place.start - 1), place.start)) ? [] : ['about'],
  ),
  rule('number sign', String.raw`#(?=\d)`, () => ['number']),
  rule('number sign by itself', '#(?= )', (_, place) =>
    / $/.test(textBefore(place)) && /[A-Za-z]$/.test(place.previousWord) ? ['number'] : undefined,
  ),
  rule('hashtag', '#(?=[A-Za-z])', () => ['hashtag']),
  rule('handle', '@(?=[A-Za-z])', () => ['at']),
  rule('arrow', '(?:->|=>)', () => ['to']),
  rule('less', String.raw`<=?(?=\s?[\d.-])`, (m) => words(m[0].length > 1 ? 'is at most' : 'less than')),
  rule('greater', String.raw`>=?(?=\s?[\d.-])`, (m) => words(m[0].length > 1 ? 'is at least' : 'greater than')),
  rule('comparison', '[<>](?= [A-Za-z(])', (m, place) =>
    place.text[place.start - 1] === ' ' && place.previousWord !== ''
      ? words(m[0] === '<' ? 'less than' : 'greater than')
      : undefined,
  ),
  rule('unequal', '!=', () => words('does not equal')),
  rule('decimal', String.raw`\.\d+`, (m, place) => (startsNumber(place) ? readNumber(m[0]) : undefined)),
  rule('dotted name', String.raw`\.(?=[A-Za-z]{2,12}\b)`, (_, place) =>
    place.start === 0 || /[\s(]$/.test(place.text.slice(Math.max(0, place.start - 1), place.start))
      ? ['dot']
      : undefined,
  ),
  rule('one rating and another', String.raw`\/(?=\d{1,4}(?:\.\d)?\s?[AVW](?![A-Za-z]))`, (_, place) =>
    /\d\s?[AVW]$/.test(place.previousWord) ? [','] : undefined,
  ),
  rule('slash', String.raw`\/(?=[A-Za-z\d])`, (_, place) =>
    /^[$€£]?\d[\d.,]*[a-zA-Z%]{0,3}$/.test(place.previousWord) && /^[A-Za-z]{2}/.test(textAfter(place).slice(0, 2))
      ? ['per']
      : /[A-Za-z\d]$/.test(place.previousWord)
        ? ['slash']
        : undefined,
  ),
  rule('power', String.raw`\^\(?([-+]?\d{1,9}|[a-z](?![a-z]))\)?`, (m) =>
    /\d/.test(m[1]!) ? power(m[1]!.replace('+', '')) : [...words('to the power of'), `~${m[1]!.toUpperCase()}`],
  ),
  rule('product', String.raw` ?\* ?(?=\d)`, (_, place) => (/\d$/.test(place.previousWord) ? ['times'] : undefined)),
  rule('product of an amount', String.raw`\s?[×x]\s?(?=\d)`, (_, place) =>
    /\d\s?[A-Za-z%]{0,3}$/.test(place.previousWord) ? ['by'] : undefined,
  ),
  rule('elided', String.raw`'(?=(?:em|tis|twas|til|cause|bout|round|cept|gainst|neath|twere|twill)\b)`, () => [], 'i'),
  rule('and and', '&&', () => ['and']),
  rule('sections', String.raw`(§|¶)\1`, (m) => [m[1] === '§' ? 'sections' : 'paragraphs']),
  rule('variable of a shell', String.raw`\$(?=[A-Za-z_])`, () => []),
  rule('difference of terms', String.raw`-(?= (?:\d{0,3}[a-z](?![A-Za-z])|\d{1,6} =))`, (_, place) =>
    / $/.test(textBefore(place)) &&
    /(?:^|[^A-Za-z])\d*[a-z](?:[²³]|\^\d)? $/.test(textBefore(place)) &&
    place.text.includes('=')
      ? ['minus']
      : undefined,
  ),
  rule('symbol', '[&@%+=°×÷±≈≠≤≥→▲▼¶∞√π§©²³Ω$£€¥¢]', (m) => words(SYMBOL_WORDS[m[0]]!)),
]
