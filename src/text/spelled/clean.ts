/** First step: any Unicode to Latin letters with their accents, digits and known signs, with a map back to the original. */
export interface Cleaned {
  readonly text: string
  /** [text.length + 1] position in the original of each character; the last is the original's length. */
  readonly origin: Int32Array
}

const SIGNS: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ["'", '‘’‛′`´ʼ'],
    ['“', '«„'],
    ['”', '»‟'],
    ['—', '–―'],
    ['-', '‐‑‒−'],
    ['.', '。'],
    [',', '、，'],
    ['!', '！'],
    ['?', '？'],
    [' ', '¡¿•·\u00a0\u2007\u202f\u2009'],
    ['/', '⁄'],
  ].flatMap(([to, from]) => Array.from(from!, (c) => [c, to!])),
)
const KEPT = new Set('“”—…°º ª€£¥¢×÷±≈≠≤≥→§©®™²³µΩ½¼¾‰√∞')
const LATIN = /\p{Script=Latin}/u
const MARK = /\p{M}/u

function cleanCharacter(character: string, previous: string): string {
  if (character === '"') return /[\p{L}\d.,!?…)]/u.test(previous) ? '”' : '“'
  const code = character.codePointAt(0)!
  if (code < 128) return code < 32 || code === 127 ? ' ' : character
  const sign = SIGNS[character]
  if (sign !== undefined) return sign
  if (KEPT.has(character)) return character
  if (/[\u00ad\u200b-\u200d\u2060\ufeff]/.test(character)) return ''
  if (LATIN.test(character)) return character.length === 1 ? character : ' '
  const compatible = character.normalize('NFKD').replace(/\p{M}/gu, '')
  return /^[\x20-\x7e]+$/.test(compatible) ? compatible : ' '
}

/** Cleans `original` in time linear in its length. */
export function clean(original: string): Cleaned {
  const pieces: string[] = []
  const origin: number[] = []
  let at = 0
  for (const character of original) {
    const previous = pieces[pieces.length - 1] ?? ' '
    if (MARK.test(character)) {
      const composed = (previous + character).normalize('NFC')
      if (composed.length === previous.length) pieces[pieces.length - 1] = composed
    } else {
      for (const c of cleanCharacter(character, previous)) {
        pieces.push(c)
        origin.push(at)
      }
    }
    at += character.length
  }
  origin.push(original.length)
  return { text: pieces.join(''), origin: Int32Array.from(origin) }
}

/** A word with its letters outside `alphabet` as the Latin ones they are made of: Nuñez -> Nunez. */
export const folded = (word: string, alphabet: RegExp): string =>
  Array.from(word.normalize('NFC'), (letter) =>
    alphabet.test(letter) ? letter : (FOLDED[letter] ?? letter.normalize('NFKD').replace(/[^a-z']/g, '')),
  ).join('')
const FOLDED: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'e',
  œ: 'e',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 't',
  ı: 'i',
}
