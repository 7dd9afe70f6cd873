/** Amounts of money: signs, codes, magnitudes, ranges, and amounts that describe a noun. */
import { cardinal } from '../numbers.ts'
import { CURRENCIES, CURRENCY_CODES, type Currency, MAGNITUDES } from '../tables.ts'
import { canonical, describesNoun, isOne, NUMBER, type Rule, readNumber, rule, textAfter, words } from './rule.ts'

const SIGNS = Object.keys(CURRENCIES)
  .sort((a, b) => b.length - a.length)
  .map((sign) => sign.replace('$', '\\$'))
  .join('|')
export const MONEY_SIGNS = SIGNS
const CODES = Object.keys(CURRENCY_CODES).join('|')
export const MAGNITUDE = String.raw`(?:(k|K|m|M|mn|mm|MM|bn|B|b|T|tn)(?![A-Za-z])|\s(bn|mn|tn|hundred|thousand|million|billion|trillion|lakh|crore)\b)`

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

function readMoney(
  amount: string,
  magnitude: string | undefined,
  [unit, units, hundredth, hundredths]: Currency,
): string[] {
  if (magnitude) return [...readNumber(amount), MAGNITUDES[magnitude]!, ...words(units)]
  const [whole = '', cents] = canonical(amount).split('.')
  if (cents === undefined || /^0+$/.test(cents))
    return [...cardinal(whole || '0'), ...words(isOne(whole) ? unit : units)]
  if (cents.length !== 2) return [...readNumber(amount), ...words(units)]
  const small = [...cardinal(cents), ...words(Number(cents) === 1 ? hundredth : hundredths)]
  if (whole === '' || Number(whole) === 0) return small
  return [...cardinal(whole), ...words(isOne(whole) ? unit : units), 'and', ...small]
}

/** The last word of an amount in the singular: dollars -> dollar. */
const singular = (read: string[], [unit, units]: Currency): string[] =>
  read.join(' ').endsWith(units) ? [...read.slice(0, -words(units).length), ...words(unit)] : read

const spelledCodes = (read: string[]): string[] => read.map((w) => (w === 'US' ? '~US' : w))

function readRange(
  currency: Currency,
  left: string,
  leftMagnitude: string | undefined,
  right: string,
  rightMagnitude: string | undefined,
): string[] {
  const first = [...readNumber(left), ...(leftMagnitude ? [MAGNITUDES[leftMagnitude]!] : [])]
  const cents = /\.\d\d$/.test(canonical(left)) && !leftMagnitude
  return [
    ...(cents ? readMoney(left, undefined, currency) : first),
    'to',
    ...readMoney(right, rightMagnitude, currency),
  ]
}

export const MONEY_SIGN_RULES: readonly Rule[] = [
  rule(
    'range of money',
    String.raw`(${SIGNS})\s?(${NUMBER})${MAGNITUDE}?\s?[-–]\s?(?:${SIGNS})?\s?(${NUMBER})${MAGNITUDE}?(?![\d%])`,
    (m) => spelledCodes(readRange(CURRENCIES[m[1]!]!, m[2]!, m[3] ?? m[4], m[5]!, m[6] ?? m[7])),
  ),
  rule('money', String.raw`([-+]?)(${SIGNS})\s?(\d{1,9},\d\d(?![\d,])|${NUMBER})${MAGNITUDE}?`, (m, place) => {
    const currency = CURRENCIES[m[2]!]!
    const read = readMoney(m[3]!, m[4] ?? m[5], currency)
    return spelledCodes([
      ...(m[1] === '-' ? ['minus'] : m[1] === '+' ? ['plus'] : []),
      ...(describesNoun(place, place.end) ? singular(read, currency) : read),
    ])
  }),
  rule('money in brackets', String.raw`(${SIGNS})\((${NUMBER})\)`, (m) =>
    readMoney(m[2]!, undefined, CURRENCIES[m[1]!]!),
  ),
]

export const MONEY_DIGIT_RULES: readonly Rule[] = [
  rule('so many for so much', String.raw`(\d{1,3})\s?\/\s?(${SIGNS})(${NUMBER})`, (m) => [
    ...cardinal(m[1]!),
    'for',
    ...readMoney(m[3]!, undefined, CURRENCIES[m[2]!]!),
  ]),
  rule(
    'amount before its sign',
    String.raw`(${NUMBER})${MAGNITUDE}?\s?(?:([€£¥₹₩₿¢₽₺₪฿₦₱₫]|zł|kr(?![A-Za-z])|Kč)|(${CODES})\b)`,
    (m) => {
      if (m[4] === '¢') return [...readNumber(m[1]!), isOne(m[1]!) ? 'cent' : 'cents']
      const names = m[4] ? CURRENCIES[m[4]]! : CURRENCY_CODES[m[5]!]!
      return spelledCodes(readMoney(m[1]!, m[2] ?? m[3], names))
    },
  ),
  rule('cents', String.raw`(\d{1,2})c(?= (?:coins?|stamps?|pieces?|each|off|per|an?)\b)`, (m, place) => [
    ...cardinal(m[1]!),
    isOne(m[1]!) || / (?:coin|stamp|piece)/.test(textAfter(place)) ? 'cent' : 'cents',
  ]),
  rule('pence', String.raw`(\d{1,2})p(?![A-Za-z\d])`, (m) => [...cardinal(m[1]!), isOne(m[1]!) ? 'penny' : 'pence']),
]

export const MONEY_LETTER_RULES: readonly Rule[] = [
  rule('dollars of a country', String.raw`(US|C|CA|A|AU|NZ|HK|S)\$(${NUMBER})${MAGNITUDE}?`, (m) =>
    readMoney(m[2]!, m[3] ?? m[4], CURRENCIES.$!).flatMap((w) =>
      /^dollars?$/.test(w) ? [...COUNTRY_DOLLARS[m[1]!]!.split(' '), w] : w,
    ),
  ),
  rule('amount after its code', String.raw`(${CODES})\s?(${NUMBER})${MAGNITUDE}?`, (m) =>
    spelledCodes(readMoney(m[2]!, m[3] ?? m[4], CURRENCY_CODES[m[1]!]!)),
  ),
  rule('amount after letters', String.raw`(R\$|kr\.?|Rs\.?|zł)\s?(${NUMBER})${MAGNITUDE}?`, (m) =>
    readMoney(m[2]!, m[3] ?? m[4], CURRENCIES[m[1]!.replace('.', '')]!),
  ),
]
