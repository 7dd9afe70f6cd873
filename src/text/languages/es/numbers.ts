/** Numbers as Spanish words. Input is decimal digits; nothing is rounded. */
const SMALL =
  'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve'.split(
    ' ',
  )
const TENS = '   treinta cuarenta cincuenta sesenta setenta ochenta noventa'.split(' ')
const HUNDREDS =
  ' ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos'.split(' ')
const MILLIONS = ['', 'millón', 'billón', 'trillón', 'cuatrillón']
const MAX_DIGITS = 6 * MILLIONS.length

export const DIGITS = SMALL.slice(0, 10)

function belowThousand(n: number): string[] {
  if (n === 100) return ['cien']
  const words = n >= 100 ? [HUNDREDS[Math.floor(n / 100)]!] : []
  const rest = n % 100
  if (rest >= 30) words.push(TENS[Math.floor(rest / 10)]!, ...(rest % 10 > 0 ? ['y', SMALL[rest % 10]!] : []))
  else if (rest > 0) words.push(SMALL[rest]!)
  return words
}

/** A last "uno" before a masculine noun: veintiuno -> veintiún. */
const shortened = (words: readonly string[]): string[] =>
  words.map((word, i) =>
    i < words.length - 1 ? word : word === 'uno' ? 'un' : word === 'veintiuno' ? 'veintiún' : word,
  )

function belowMillion(n: number): string[] {
  const thousands = Math.floor(n / 1000)
  const words = thousands === 0 ? [] : thousands === 1 ? ['mil'] : [...shortened(belowThousand(thousands)), 'mil']
  return [...words, ...belowThousand(n % 1000)]
}

/** "1234" -> mil doscientos treinta y cuatro. */
export function cardinal(digits: string): string[] {
  const plain = digits.replace(/^0+(?=\d)/, '')
  if (plain.length > MAX_DIGITS) return Array.from(plain, (d) => SMALL[Number(d)]!)
  if (plain === '0') return ['cero']
  const words: string[] = []
  for (let end = plain.length % 6 || 6, start = 0; start < plain.length; start = end, end += 6) {
    const n = Number(plain.slice(start, end))
    const scale = MILLIONS[(plain.length - end) / 6]!
    if (n === 0) continue
    if (scale === '') words.push(...belowMillion(n))
    else if (n === 1) words.push('un', scale)
    else words.push(...shortened(belowMillion(n)), scale.replace('ón', 'ones'))
  }
  return words
}

/** A cardinal before a noun: un libro, veintiuna casas, doscientas personas. */
export function beforeNoun(words: readonly string[], feminine: boolean): string[] {
  if (!feminine) return shortened(words)
  return words.map((word, i) => {
    if (/cientos$|^quinientos$/.test(word) && !words.slice(i).some((w) => /ill(?:ón|ones)$/.test(w)))
      return `${word.slice(0, -2)}as`
    return i < words.length - 1 ? word : word.replace(/uno$/, 'una')
  })
}

const ORDINALS = ' primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo'.split(
  ' ',
)
const TENTHS =
  ' décimo vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo nonagésimo'.split(' ')

/** "21" -> vigésimo primero; from a hundred on the cardinal. */
export function ordinal(digits: string, feminine = false): string[] {
  const n = Number(digits)
  if (n === 100) return [feminine ? 'centésima' : 'centésimo']
  if (n === 0 || n > 99) return cardinal(digits)
  const unit = ORDINALS[n % 10]!
  const words =
    n < 13 ? [ORDINALS[n]!] : n < 20 ? [`decimo${unit}`] : [TENTHS[Math.floor(n / 10)]!, ...(unit ? [unit] : [])]
  return feminine ? words.map((word) => word.replace(/o$/, 'a')) : words
}

const PARTS = '  medio tercio cuarto quinto sexto séptimo octavo noveno décimo'.split(' ')

/** 3, 4 -> tres cuartos. */
export function fraction(numerator: number, denominator: number): string[] {
  const top = beforeNoun(cardinal(String(numerator)), false)
  if (denominator === 2 && numerator === 1) return ['medio']
  const part = PARTS[denominator] ?? (denominator === 100 ? 'centésimo' : undefined)
  if (part === undefined) return [...cardinal(String(numerator)), 'sobre', ...cardinal(String(denominator))]
  return [...top, numerator === 1 ? part : `${part}s`]
}
