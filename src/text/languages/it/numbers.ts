/** Numbers as Italian words. Input is decimal digits; nothing is rounded. */
const SMALL =
  'zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove'.split(
    ' ',
  )
const TENS = '  venti trenta quaranta cinquanta sessanta settanta ottanta novanta'.split(' ')
const SCALES = [
  ['', ''],
  ['mille', 'mila'],
  ['milione', 'milioni'],
  ['miliardo', 'miliardi'],
  ['bilione', 'bilioni'],
  ['biliardo', 'biliardi'],
] as const
const MAX_DIGITS = 3 * SCALES.length

export const DIGITS = SMALL.slice(0, 10)

/** One word, as Italian writes it: ventuno, centotrentotto. */
function belowThousand(n: number): string {
  const hundreds = Math.floor(n / 100)
  const rest = n % 100
  let word = hundreds === 0 ? '' : `${hundreds > 1 ? SMALL[hundreds] : ''}cento`
  if (rest === 0) return word
  // Centottanta, and centootto.
  if (rest >= 80 && rest < 90) word = word.replace(/o$/, '')
  if (rest < 20) return word + SMALL[rest]!
  const unit = rest % 10
  const ten = TENS[Math.floor(rest / 10)]!
  word += unit === 1 || unit === 8 ? ten.slice(0, -1) : ten
  return unit === 0 ? word : word + SMALL[unit]!
}

/** "1234" -> mille duecentotrentaquattro; tre gets its accent at the end of a longer word. */
export function cardinal(digits: string): string[] {
  const plain = digits.replace(/^0+(?=\d)/, '')
  if (plain.length > MAX_DIGITS) return Array.from(plain, (d) => SMALL[Number(d)]!)
  if (plain === '0') return ['zero']
  const words: string[] = []
  for (let end = plain.length % 3 || 3, start = 0; start < plain.length; start = end, end += 3) {
    const n = Number(plain.slice(start, end))
    const scale = (plain.length - end) / 3
    if (n === 0) continue
    const word = belowThousand(n)
    if (scale === 0) words.push(word)
    else if (scale === 1) words.push(n === 1 ? 'mille' : `${word}mila`)
    else words.push(n === 1 ? 'un' : word, SCALES[scale]![n === 1 ? 0 : 1])
  }
  return words.map((word) => (word.length > 3 && word.endsWith('tre') ? `${word.slice(0, -1)}é` : word))
}

/** A cardinal before a noun: un gatto, una casa. */
export const beforeNoun = (words: readonly string[], feminine: boolean): string[] =>
  words.length === 1 && words[0] === 'uno' ? [feminine ? 'una' : 'un'] : [...words]

const ORDINALS = ' primo secondo terzo quarto quinto sesto settimo ottavo nono decimo'.split(' ')

/** "21" -> ventunesimo. */
export function ordinal(digits: string, feminine = false): string[] {
  const n = Number(digits)
  if (n === 0) return ['zero']
  const words = n <= 10 ? [ORDINALS[n]!] : cardinal(digits)
  if (n > 10) {
    const last = words.pop()!
    const stem = last.endsWith('é')
      ? `${last.slice(0, -1)}e`
      : /tre$|sei$/.test(last)
        ? last
        : last.replace(/[aeio]$/, '')
    words.push(`${last === 'mille' ? 'mill' : stem}esimo`)
  }
  if (feminine) words.push(words.pop()!.replace(/o$/, 'a'))
  return words
}

/** 3, 4 -> tre quarti. */
export function fraction(numerator: number, denominator: number): string[] {
  if (denominator === 2 && numerator === 1) return ['mezzo']
  if (denominator > 100) return [...cardinal(String(numerator)), 'su', ...cardinal(String(denominator))]
  const part = denominator === 2 ? ['mezzo'] : ordinal(String(denominator))
  const words = [...(numerator === 1 ? ['un'] : cardinal(String(numerator))), ...part]
  if (numerator !== 1) words.push(words.pop()!.replace(/o$/, 'i'))
  return words
}
