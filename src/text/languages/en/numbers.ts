/** Numbers as English words (American, without "and"). Input is decimal digits; nothing is rounded. */
const SMALL =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const TENS = ' ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')
const SCALES = ' thousand million billion trillion quadrillion quintillion sextillion septillion octillion'.split(' ')
/** Longer numbers are read digit by digit. */
const MAX_DIGITS = 3 * SCALES.length

const ORDINALS: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
}

function belowThousand(n: number): string[] {
  const words: string[] = []
  if (n >= 100) words.push(SMALL[Math.floor(n / 100)]!, 'hundred')
  const rest = n % 100
  if (rest >= 20) {
    words.push(TENS[Math.floor(rest / 10)]!)
    if (rest % 10 > 0) words.push(SMALL[rest % 10]!)
  } else if (rest > 0) words.push(SMALL[rest]!)
  return words
}

/** "1234" -> one thousand two hundred thirty four. */
export function cardinal(digits: string): string[] {
  const plain = digits.replace(/^0+(?=\d)/, '')
  if (plain.length > MAX_DIGITS) return spellDigits(plain)
  if (plain === '0') return ['zero']
  const words: string[] = []
  for (let end = plain.length % 3 || 3, start = 0; start < plain.length; start = end, end += 3) {
    const group = belowThousand(Number(plain.slice(start, end)))
    if (group.length === 0) continue
    words.push(...group)
    const scale = SCALES[(plain.length - end) / 3]
    if (scale) words.push(scale)
  }
  return words
}

/** One cardinal word as an ordinal: three -> third, twenty -> twentieth. */
export const ordinalWord = (word: string): string =>
  ORDINALS[word] ?? (word.endsWith('y') ? `${word.slice(0, -1)}ieth` : `${word}th`)

/** "21" -> twenty first. */
export function ordinal(digits: string): string[] {
  const words = cardinal(digits)
  words.push(ordinalWord(words.pop()!))
  return words
}

export const spellDigits = (digits: string): string[] => Array.from(digits, (d) => SMALL[Number(d)]!)

/** Digits in pairs with "oh", as in 305 -> three oh five; for years, times and house numbers. */
export function year(digits: string): string[] {
  const n = Number(digits)
  if (digits.length !== 4 || n < 1000 || (n >= 2000 && n < 2010)) return cardinal(digits)
  const [left, right] = [digits.slice(0, 2), digits.slice(2)]
  if (n % 1000 === 0) return cardinal(digits)
  if (right === '00') return [...cardinal(left), 'hundred']
  return [...cardinal(left), ...(right[0] === '0' ? ['oh', SMALL[Number(right)]!] : cardinal(right))]
}

/** "3.14" -> three point one four; a leading "." is read "point". */
export function decimal(whole: string, fraction: string): string[] {
  return [...(whole === '' ? [] : cardinal(whole)), 'point', ...spellDigits(fraction)]
}

/** Plural of a number word: twenty -> twenties, six -> sixes. */
export const pluralWord = (word: string): string =>
  word.endsWith('y') ? `${word.slice(0, -1)}ies` : /[xs]$/.test(word) ? `${word}es` : `${word}s`

const DENOMINATORS: Readonly<Record<string, readonly [string, string]>> = {
  '2': ['half', 'halves'],
  '4': ['quarter', 'quarters'],
}

/** "3", "4" -> three quarters; denominators above 100 are read "over". */
export function fraction(numerator: string, denominator: string): string[] {
  const top = cardinal(numerator)
  const bottom = Number(denominator)
  if (bottom < 2 || bottom > 100) return [...top, 'over', ...cardinal(denominator)]
  const one = Number(numerator) === 1
  const named = DENOMINATORS[denominator]
  if (named) return [...top, named[one ? 0 : 1]]
  const words = ordinal(denominator)
  if (!one) words.push(`${words.pop()}s`)
  return [...top, ...words]
}

const ROMAN = /^(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$/
const ROMAN_VALUES: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 }

/** Value of a well-formed Roman numeral in capitals, or undefined. */
export function romanValue(text: string): number | undefined {
  if (text.length > 15 || !ROMAN.test(text)) return undefined
  let sum = 0
  for (let i = 0; i < text.length; i++) {
    const value = ROMAN_VALUES[text[i]!]!
    sum += value < (ROMAN_VALUES[text[i + 1]!] ?? 0) ? -value : value
  }
  return sum
}
