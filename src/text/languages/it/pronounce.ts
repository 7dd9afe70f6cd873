/**
 * Italian spelling to sound, in the symbols of Kokoro's Italian voices (espeak-ng's IPA). Consonants are told by the
 * spelling. Where the stress lies, and whether a stressed e or o is open, a list tells (data/it.stress), else endings.
 */

import { type Accent, accentOf } from './accent.ts'
import { EXCEPTIONS } from './exceptions.ts'

const PLAIN: Readonly<Record<string, string>> = {
  à: 'a',
  á: 'a',
  è: 'e',
  é: 'e',
  ì: 'i',
  í: 'i',
  î: 'i',
  ò: 'o',
  ó: 'o',
  ù: 'u',
  ú: 'u',
}
const isVowel = (letter: string): boolean => letter !== '' && ('aeiou'.includes(letter) || PLAIN[letter] !== undefined)
const isFront = (letter: string): boolean => letter !== '' && 'eièéìí'.includes(letter)

/** A sound, and whether it is a vowel with a stress mark's right to it; `letter`: where it begins in the word. */
interface Sound {
  readonly symbol: string
  readonly vowel: boolean
  readonly letter: number
}

/** The sounds of a word without stress; `stressed`: the letter that has it, which is never a silent i. */
function segments(word: string, stressed: number): Sound[] {
  const sounds: Sound[] = []
  const push = (symbol: string, letter: number, vowel = false): void => {
    if (symbol !== '') sounds.push({ symbol, vowel, letter })
  }
  for (let at = 0; at < word.length; ) {
    const letter = word[at]!
    const next = word[at + 1] ?? ''
    const third = word[at + 2] ?? ''
    const previous = word[at - 1] ?? ''
    const is = (symbol: string, length = 1): void => {
      push(symbol, at)
      at += length
    }
    if (isVowel(letter)) {
      push(PLAIN[letter] ?? letter, at, true)
      at++
      continue
    }
    /** A silent i stands after it: ciao, giorno, scienza. */
    const soft = (symbol: string, length: number): void => {
      push(symbol, at)
      at += length
      if (word[at] === 'i' && at !== stressed && isVowel(word[at + 1] ?? '')) at++
    }
    const doubled = next === letter
    switch (letter) {
      case 'c':
      case 'g': {
        const hard = letter === 'c' ? 'k' : 'ɡ'
        const softened = letter === 'c' ? 'ʧ' : 'ʤ'
        const after = doubled ? third : next
        const long = doubled ? 'ː' : ''
        const length = doubled ? 2 : 1
        if (
          letter === 'g' &&
          next === 'l' &&
          third === 'i' &&
          !/^(?:gl[iy]c|ganglio|glisc|gliss|glif)|anglic|negli[gt]/.test(word.slice(Math.max(0, at - 2)))
        ) {
          push('ʎ', at)
          at += isVowel(word[at + 3] ?? '') ? 3 : 2
        } else if (letter === 'g' && next === 'n') {
          is('ɲ', 2)
          if (word[at] === 'i' && isVowel(word[at + 1] ?? '') && /^ia(?:mo|te)$/.test(word.slice(at))) at++
        } else if (letter === 'c' && next === 'q') {
          is('kː', 1)
          at++
          if (word[at] === 'u') is('w')
        } else if (after === 'h') is(hard + long, length + 1)
        else if (isFront(after)) soft(softened + long, length)
        else {
          is(hard + long, length)
          if (word[at] === 'u' && letter === 'g' && isVowel(word[at + 1] ?? '')) is('w')
        }
        break
      }
      case 'q':
        is('k', next === 'q' ? 2 : 1)
        if (word[at] === 'u') is('w')
        break
      case 's':
        if (next === 'c' && isFront(third)) {
          push('ʃ', at)
          at += 2
          if (word[at] === 'i' && isVowel(word[at + 1] ?? '')) at++
        } else if (next === 'c' && third === 'h') is('s')
        else if (next === 'h') is('ʃ', 2)
        else if (doubled) is('S', 2)
        else if ('bdgvlmnr'.includes(next || '-')) is('z')
        else
          is(isVowel(previous) && isVowel(next) && !NUMBER_S.test(word.slice(Math.max(0, at - 3), at + 3)) ? 'z' : 's')
        break
      case 'z': {
        const length = doubled ? 2 : 1
        const voiced =
          at === 0 || (!doubled && next === 'i' && third === 'o')
            ? at === 0
            : VOICED_Z.test(word) && !/indirizz|pizz|schizz|vizz|rizza/.test(word)
        is((voiced ? 'ʣ' : 'ʦ') + (doubled ? 'ː' : ''), length)
        break
      }
      case 'r':
        if (doubled) {
          push('r', at)
          is('ɾ', 2)
        } else is('r')
        break
      case 'h':
        is('')
        break
      case 'j':
        is(at === 0 ? 'ʤ' : 'j')
        break
      case 'w':
        is('w')
        break
      case 'x':
        is('ks')
        break
      case 'y':
        is(isVowel(next) ? 'j' : '')
        if (!isVowel(next)) push('i', at - 1, true)
        break
      case 'p':
      case 'b':
      case 't':
      case 'd':
      case 'k':
        is(letter + (doubled ? 'ː' : ''), doubled ? 2 : 1)
        break
      default:
        if (doubled) push(letter, at)
        is(letter, doubled ? 2 : 1)
    }
  }
  return sounds
}

/** The s of ventisei and the like begins a word of its own. */
const NUMBER_S = /[nt][ai]se[it]/

/** Words whose z is voiced within: those of Greek and Arabic, and in -izzare. */
const VOICED_Z =
  /^(?:azzurr|azzard|bizzar|bronz|dozzin|gazz(?:a|e|ell)|lazz[eo]r|mezz[aeio]|mezzo|ozono|orizzont|pranz|razz[iou]|rezz|romanz|zanz|zizz|buzz|benz|azien|amazz?on|bizant|gazo|magazz|nazz|scandinav)|izz(?:a|e|i|o|ò|er|ar|at|an)|zoo|bazar|trapez/

/** Sounds of one word in small letters. `accent` goes before what is known of it. '' when there is no sound in it. */
export function pronounce(word: string, accent?: Accent): string {
  const listed = EXCEPTIONS.get(word)
  if (listed !== undefined) return listed
  const { letter, open } = accent ?? accentOf(word)
  const sounds = segments(word, letter)
  const vowels = sounds.flatMap(({ vowel }, i) => (vowel ? [i] : []))
  if (vowels.length === 0) return sounds.map(({ symbol }) => symbol).join('')
  const stressed = vowels.find((i) => sounds[i]!.letter >= letter) ?? vowels[vowels.length - 1]!
  let out = ''
  sounds.forEach(({ symbol, vowel }, i) => {
    const before = sounds[i - 1]
    const next = sounds[i + 1]
    if (!vowel) {
      if (symbol === 'n' && (next?.symbol[0] === 'ɡ' || next?.symbol[0] === 'ʣ')) out += 'ŋ'
      else if (symbol === 'ɲ' && before?.vowel === true && i - 1 === stressed) out += 'ɲɲ'
      else if (symbol === 'r' && isTapped(sounds, i, stressed)) out += 'ɾ'
      else out += symbol
      return
    }
    if (i === stressed) {
      out += `ˈ${symbol === 'e' && open ? 'ɛ' : symbol === 'o' && open ? 'ɔ' : symbol}`
      return
    }
    out += unstressed(sounds, i, stressed, symbol)
  })
  return out
}

/** i and u without stress: glides before a vowel, lax at a word's end and for u nearly everywhere. */
function unstressed(sounds: readonly Sound[], i: number, stressed: number, symbol: string): string {
  const before = sounds[i - 1]
  const next = sounds[i + 1]
  if (symbol === 'i') {
    if (next?.vowel === true) {
      if (before === undefined) return 'j'
      if (before.vowel) return i + 1 === stressed ? 'j' : 'i'
      // After the stress it is a vowel. Before it a glide, save after l, r and the z of -zione and -ente.
      if (i > stressed) return 'i'
      if (/^[lrɾz]/.test(before.symbol)) return 'i'
      const after = sounds[i + 2]?.symbol ?? ''
      if (/^[ʦʣ]/.test(before.symbol) && next.symbol === 'o' && after === 'n') return 'i'
      return i > 2 && next.symbol === 'e' && after === 'r' && i + 1 === stressed ? 'i' : 'j'
    }
    if (next === undefined) return before?.vowel === true ? 'i' : 'ɪ'
    return 'i'
  }
  if (symbol === 'u') {
    if (i === 0 && next?.vowel === true) return 'w'
    return 'ʊ'
  }
  return symbol
}

/** Whether a single r between vowels is tapped: between two a's, and before a stressed last vowel. */
function isTapped(sounds: readonly Sound[], i: number, stressed: number): boolean {
  const before = sounds[i - 1]
  const next = sounds[i + 1]
  if (before?.vowel !== true || next?.vowel !== true) return false
  if (before.symbol === 'a' && next.symbol === 'a') return true
  return i + 1 === stressed && i + 2 === sounds.length
}
