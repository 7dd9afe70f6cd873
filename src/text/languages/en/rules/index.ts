/**
 * The rules of normalisation in the order they are tried, by the kind of character that a token starts with. One file
 * beside this is one family.
 */
import { ordinal, pluralWord, spellDigits, year } from '../numbers.ts'
import { ADDRESS_RULES, HOST_RULES, PATH_RULES } from './addresses.ts'
import { DATE_DIGIT_RULES, DATE_LETTER_RULES } from './dates.ts'
import { MONEY_DIGIT_RULES, MONEY_LETTER_RULES, MONEY_SIGN_RULES } from './money.ts'
import { NAME_RULES, VERSION_RULES } from './names.ts'
import { QUANTITY_LETTER_RULES, QUANTITY_RULES, QUANTITY_SIGN_RULES } from './quantities.ts'
import { NUMBER, type Rule, readGroups, readNumber, rule, textAfter } from './rule.ts'
import { SHORT_DIGIT_RULES, SHORT_LETTER_RULES, SHORT_SIGN_RULES } from './short-forms.ts'
import { SIGN_RULES_PLAIN } from './signs.ts'
import { CODE_LETTER_RULES, CODE_RULES, PHONE_DIGIT_RULES, PHONE_SIGN_RULES } from './telephone.ts'

export type { Place, Reading, Rule } from './rule.ts'

const NUMBER_RULES: readonly Rule[] = [
  rule(
    'ordinal',
    String.raw`(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)(?![A-Za-z])`,
    (m) => ordinal(m[1]!.replaceAll(',', '')),
    'i',
  ),
  rule('decimal or whole', NUMBER, (m, place) => {
    const after = textAfter(place)
    const plural = /^ ?[a-z]+s\b/.test(after.slice(0, 24))
    const asYear = !(plural && !/^(?:in|since|of|by|from|until|before|after)$/i.test(place.previousWord))
    // A year before 1100 only where the word before says so.
    if (
      /^10\d\d$/.test(m[0]) &&
      asYear &&
      /^(?:in|since|until|year|circa|around)$/i.test(place.previousWord) &&
      !/^ [a-z]/.test(after)
    )
      return year(m[0])
    return readNumber(m[0], asYear)
  }),
]

const DIGIT_AMONG_LETTERS = rule('digit among letters', String.raw`(\d+)(s?)(?!\d|[.,:/]\d)`, (m, place) => {
  // "MP3s", "B2B", "F-16s": what follows is neither a unit nor a magnitude.
  const before = place.text.slice(Math.max(0, place.start - 5), place.start)
  const isModel = m[2] === 's' && m[1]!.length < 4 && /(?:^|[^A-Za-z])[A-Z]{1,3}-$/.test(before)
  if (!/[A-Za-z]$/.test(before) && !isModel) return undefined
  // The second number of a size: 10x10 ft.
  if (/\d[x×]$/.test(before) && m[2] !== 's') return undefined
  const read = m[1]!.length > 3 ? spellDigits(m[1]!) : readNumber(m[1]!)
  const plural = m[2] === 's' && !/[A-Za-z]/.test(place.text[place.end] ?? '')
  if (plural) read.push(pluralWord(read.pop()!))
  return { words: read, end: plural ? place.end : place.end - m[2]!.length }
})

const GROUPED_DIGITS = rule('grouped digits', String.raw`\d{1,9}(?:-\d{1,9}){2,8}(?![\d-])`, (m) => {
  const groups = m[0].split('-')
  // Short groups are counts, as in a record of 10-6-1; others are codes.
  return groups.every((group) => /^(?:0|[1-9]\d?)$/.test(group))
    ? groups.flatMap((group, i) => [...(i > 0 ? [','] : []), ...readNumber(group)])
    : readGroups(groups)
})

export const DIGIT_RULES: readonly Rule[] = [
  ...ADDRESS_RULES,
  ...SHORT_DIGIT_RULES,
  ...HOST_RULES,
  DIGIT_AMONG_LETTERS,
  ...CODE_RULES,
  ...DATE_DIGIT_RULES,
  ...PHONE_DIGIT_RULES,
  GROUPED_DIGITS,
  ...VERSION_RULES,
  ...MONEY_DIGIT_RULES,
  ...QUANTITY_RULES,
  ...NUMBER_RULES,
]

export const LETTER_RULES: readonly Rule[] = [
  ...ADDRESS_RULES,
  ...DATE_LETTER_RULES,
  ...MONEY_LETTER_RULES,
  ...CODE_LETTER_RULES,
  ...QUANTITY_LETTER_RULES,
  ...SHORT_LETTER_RULES,
  ...NAME_RULES,
]

export const SIGN_RULES: readonly Rule[] = [
  ...SHORT_SIGN_RULES,
  ...PATH_RULES,
  ...MONEY_SIGN_RULES,
  ...PHONE_SIGN_RULES,
  ...QUANTITY_SIGN_RULES,
  ...SIGN_RULES_PLAIN,
]
