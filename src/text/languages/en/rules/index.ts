/**
 * The rules of normalisation in the order they are tried, by the kind of character that a token starts with. One file
 * beside this is one family.
 */
import { ordinal, pluralWord, spellDigits } from '../numbers.ts'
import { ADDRESS_RULES, HOST_RULES } from './addresses.ts'
import { DATE_DIGIT_RULES, DATE_LETTER_RULES } from './dates.ts'
import { MONEY_DIGIT_RULES, MONEY_LETTER_RULES, MONEY_SIGN_RULES } from './money.ts'
import { NAME_RULES, VERSION_RULES } from './names.ts'
import { QUANTITY_RULES, QUANTITY_SIGN_RULES } from './quantities.ts'
import { NUMBER, type Rule, readGroups, readNumber, rule, textAfter } from './rule.ts'
import { SIGN_RULES_PLAIN } from './signs.ts'
import { CODE_RULES, PHONE_DIGIT_RULES, PHONE_SIGN_RULES } from './telephone.ts'

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
    return readNumber(m[0], asYear)
  }),
]

const DIGIT_AMONG_LETTERS = rule('digit among letters', String.raw`(\d+)(s?)(?!\d|[.,:/]\d)`, (m, place) => {
  // "MP3s", "B2B": what follows is neither a unit nor a magnitude.
  if (!/[A-Za-z]/.test(place.text[place.start - 1] ?? '')) return undefined
  const read = m[1]!.length > 3 ? spellDigits(m[1]!) : readNumber(m[1]!)
  const plural = m[2] === 's' && !/[A-Za-z]/.test(place.text[place.end] ?? '')
  if (plural) read.push(pluralWord(read.pop()!))
  return { words: read, end: plural ? place.end : place.end - m[2]!.length }
})

const GROUPED_DIGITS = rule('grouped digits', String.raw`\d{1,9}(?:-\d{1,9}){2,8}(?![\d-])`, (m) =>
  readGroups(m[0].split('-')),
)

export const DIGIT_RULES: readonly Rule[] = [
  ...ADDRESS_RULES,
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
  ...NAME_RULES,
]

export const SIGN_RULES: readonly Rule[] = [
  ...MONEY_SIGN_RULES,
  ...PHONE_SIGN_RULES,
  ...QUANTITY_SIGN_RULES,
  ...SIGN_RULES_PLAIN,
]
