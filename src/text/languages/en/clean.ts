/**
 * First step of normalisation: any Unicode to a small ASCII-like alphabet, one map back to the original. Dropped
 * characters become spaces, so that words never grow together; what is kept is letters, digits and known signs.
 */

export interface Cleaned {
  readonly text: string
  /** `text` with the accents that its letters were written with; as long as it. */
  readonly accented: string
  /** [text.length + 1] position in the original of each character; the last is the original's length. */
  readonly origin: Int32Array
}

const SIGNS: Readonly<Record<string, string>> = {
  '‘': "'",
  '’': "'",
  '‛': "'",
  '′': "'",
  '`': "'",
  '´': "'",
  ʼ: "'",
  '″': '"',
  '„': '“',
  '«': '“',
  '»': '”',
  '‟': '”',
  '‐': '-',
  '‑': '-',
  '‒': '–',
  '―': '—',
  '−': '-',
  '…': '...',
  '¿': ' ',
  '¡': ' ',
  '。': '. ',
  '、': ', ',
  '，': ', ',
  '！': '! ',
  '？': '? ',
  '：': ': ',
  '；': '; ',
  '•': ', ',
  '·': ' ',
  '⁄': '/',
  ß: 'ss',
  æ: 'ae',
  Æ: 'Ae',
  œ: 'oe',
  Œ: 'Oe',
  ø: 'o',
  Ø: 'O',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ð: 'th',
  Ð: 'Th',
  þ: 'th',
  Þ: 'Th',
  ı: 'i',
  ŋ: 'ng',
  // Kept as they are: rules read them.
  '“': '“',
  '”': '”',
  '–': '–',
  '—': '—',
  '°': '°',
  '£': '£',
  '€': '€',
  '¥': '¥',
  '₹': '₹',
  '₩': '₩',
  '₿': '₿',
  '₽': '₽',
  '₺': '₺',
  '₪': '₪',
  '฿': '฿',
  '₦': '₦',
  '₱': '₱',
  '₫': '₫',
  '¢': '¢',
  '×': '×',
  '÷': '÷',
  '±': '±',
  '≈': '≈',
  '≠': '≠',
  '≤': '≤',
  '≥': '≥',
  '→': '→',
  '▲': '▲',
  '▼': '▼',
  '¶': '¶',
  '∞': '∞',
  '√': '√',
  π: 'π',
  '§': '§',
  '©': '©',
  '®': '®',
  '™': '™',
  '²': '²',
  '³': '³',
  µ: 'µ',
  μ: 'µ',
  Ω: 'Ω',
  '\u2126': 'Ω',
}

const GREEK: Readonly<Record<string, string>> = Object.fromEntries(
  [...'αβγδεζηθικλμνξοπρστυφχψως'].map((c, i) => [
    c,
    'a b g d e z i th i k l m n x o p r s t y f ch ps o s'.split(' ')[i]!,
  ]),
)
const CYRILLIC: Readonly<Record<string, string>> = Object.fromEntries(
  [...'абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў'].map((c, i) => [
    c,
    'a,b,v,g,d,e,yo,zh,z,i,y,k,l,m,n,o,p,r,s,t,u,f,kh,ts,ch,sh,sh,,y,,e,yu,ya,i,yi,ye,g,w'.split(',')[i]!,
  ]),
)

function romanized(letter: string): string | undefined {
  const small = letter.toLowerCase()
  const latin = CYRILLIC[small] ?? GREEK[small]
  if (latin === undefined || letter === small) return latin
  return latin.slice(0, 1).toUpperCase() + latin.slice(1)
}

const VULGAR = /^(\d*)⁄(\d+)$/
const ASCII_KEPT = /[\x20-\x7e]/
const MARK = /\p{M}/u
const JOINER = /[\u00ad\u200b-\u200d\u2060\ufeff]/

/** Digits and signs written high. */
const SUPERSCRIPT = /[⁰¹²³⁴-⁹⁺⁻]/

/**
 * High digits: a power after a number or a power's digit, a mark of a note after a word. ² and ³ alone stay, since units
 * have them.
 */
function cleanSuperscript(character: string, previous: string, before: string, after: string): string {
  const plain = character === '⁻' ? '-' : character === '⁺' ? '+' : character.normalize('NFKC')
  if (SUPERSCRIPT.test(before)) return plain
  if (/[²³]/.test(character) && !SUPERSCRIPT.test(after)) return character
  if (/[\d)a-zA-Z]/.test(previous) && (/[\d)]/.test(previous) || /[²³⁻]/.test(character))) return `^${plain}`
  return ''
}

/** What one code point becomes; `previous` is the cleaned character before it, `before` and `after` the original ones around it. */
function cleanCharacter(character: string, previous: string, before: string, after: string): string {
  const code = character.codePointAt(0)!
  if (code < 128) return ASCII_KEPT.test(character) ? character : ' '
  if (SUPERSCRIPT.test(character)) return cleanSuperscript(character, previous, before, after)
  const sign = SIGNS[character]
  if (sign !== undefined) return sign
  if (MARK.test(character) || JOINER.test(character)) return ''
  const compatible = character.normalize('NFKD').replace(/\p{M}/gu, '')
  const vulgar = VULGAR.exec(compatible)
  if (vulgar) return `${/\d/.test(previous) ? ' ' : ''}${vulgar[1] || '1'}/${vulgar[2]}`
  let out = ''
  for (const c of compatible) {
    out += c.charCodeAt(0) < 128 && ASCII_KEPT.test(c) ? c : (SIGNS[c] ?? romanized(c) ?? '')
  }
  return out === '' ? ' ' : out
}

/** Cleans `original`; runs in time linear in its length. */
export function clean(original: string): Cleaned {
  const pieces: string[] = []
  const accents: string[] = []
  const origin: number[] = []
  let previous = ' '
  let at = 0
  for (const character of original) {
    const out = cleanCharacter(character, previous, original[at - 1] ?? '', original[at + character.length] ?? '')
    for (let i = 0; i < out.length; i++) origin.push(at)
    pieces.push(out)
    if (out.length === 1) accents.push(isLatinLetter(character) ? character : out)
    else if (out === '' && MARK.test(character)) accents.push(combined(accents.pop() ?? '', character))
    else accents.push(out)
    if (out.length > 0) previous = out[out.length - 1]!
    at += character.length
  }
  origin.push(original.length)
  return { text: pieces.join(''), accented: accents.join(''), origin: Int32Array.from(origin) }
}

const isLatinLetter = (character: string): boolean => character.length === 1 && /[À-ɏḀ-ỿ]/.test(character)

/** A letter with a combining mark as one character, where there is one. */
function combined(letter: string, mark: string): string {
  const composed = (letter + mark).normalize('NFC')
  return composed.length === letter.length ? composed : letter
}
