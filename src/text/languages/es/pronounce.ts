/**
 * Spanish spelling to sound, Castilian, in the symbols of Kokoro's Spanish voices (espeak-ng's IPA). Spelling tells nearly
 * everything: the accent mark or the last letter tells the stress. Loanwords are in EXCEPTIONS.
 */
import { EXCEPTIONS } from './exceptions.ts'

const STRONG = 'aeoáéó'
const MARKED: Readonly<Record<string, string>> = { á: 'a', é: 'e', í: 'i', ó: 'o', ú: 'u' }
const isVowel = (letter: string): boolean => letter !== '' && 'aeiouáéíóúü'.includes(letter)

/** A sound with what is known of it while the word is read. */
interface Sound {
  symbol: string
  /** The vowel of a syllable; `weak`: a glide that is spoken as a vowel, and bears no stress (prueba, barrio). */
  nucleus: boolean | 'weak'
}

/** The consonants that one stretch of letters stands for, and how many letters it takes. `at` is a consonant letter. */
function consonant(word: string, at: number, before: string): { symbols: string; length: number } {
  const letter = word[at]!
  const next = word[at + 1] ?? ''
  const front = next !== '' && 'eiéíy'.includes(next)
  const is = (symbols: string, length = 1) => ({ symbols, length })
  switch (letter) {
    case 'b':
    case 'v':
    case 'w':
      return letter === 'w' ? is('w') : is('b')
    case 'c':
      if (next === 'h') return is('ʧ', 2)
      if (next === 'c' && !'eiéí'.includes(word[at + 2] || '-')) return is('k', 2)
      if (next === 'k') return is('k', 2)
      return is(front ? 'θ' : 'k')
    case 'g':
      if (front) return is('x')
      if (next === 'u' && 'eiéí'.includes(word[at + 2] || '-')) return is('ɡ', 2)
      if (at === 0 && next === 'n') return is('', 1)
      return is('ɡ')
    case 'h':
      return is('')
    case 'j':
      return is('x')
    case 'l':
      return next === 'l' ? is('ʎ', 2) : is('l')
    case 'ñ':
      return is('ɲ')
    case 'n':
      // The palatal of "inyección" takes the y with it.
      return next === 'y' && isVowel(word[at + 2] ?? '') ? is('ɲ', 2) : is('n')
    case 'p':
      if (at === 0 && (next === 's' || next === 't')) return is('')
      if (next === 'h') return is('f', 2)
      return is(next === 't' ? 'pː' : 'p')
    case 'q':
      return next === 'u' && 'eiéí'.includes(word[at + 2] || '-') ? is('k', 2) : is('k')
    case 'r':
      if (next === 'r') return is('r', 2)
      return is(at === 0 || before === 'n' || before === 'l' || before === 's' ? 'r' : 'ɾ')
    case 's':
      return next === 'h' && !/^des|^is/.test(word) ? is('ʃ', 2) : is('s', next === 's' ? 2 : 1)
    case 't':
      return is('t', next === 't' ? 2 : 1)
    case 'x':
      return is(at === 0 ? 's' : 'ks')
    case 'y':
      return is('ʝ')
    case 'z':
      return next === 'z' ? is('ʦ', 2) : is('θ')
    case 'ç':
      return is('s')
    default:
      return is(letter, next === letter ? 2 : 1)
  }
}

const DIPHTHONGS: Readonly<Record<string, string>> = { ai: 'I', ei: 'A', au: 'W' }

/** The index, among the syllables, of the stressed one when no accent mark tells: last but one after a vowel, n or s. */
const unmarkedStress = (word: string, syllables: number): number =>
  syllables > 1 && /(?:[aeiouns]|[^aeou]y)$/.test(word) ? syllables - 2 : syllables - 1

/** Two letters before a glide that make it a vowel of its own. */
const AFTER_LIQUID = /^[lr]$|^rr$|[bcdfgpt][lr]$/
/** Words where u and i are two syllables: construir, incluido, Luis. */
const UI_APART = /^(?:.?[rl]|[tbs])u(?:ir|id|í|is$|iz$|imos|irá|iría)/

/** Sounds of one word in small letters, as it sounds after a pause. '' when it has none. */
export function pronounce(word: string): string {
  const listed = EXCEPTIONS.get(word)
  if (listed !== undefined) return listed
  const adverb = /^(.{3,})mente$/.exec(word)?.[1]
  if (adverb !== undefined && /[aeiouáéíóúlrz]$/.test(adverb)) return `${pronounce(adverb)}mˈente`
  const sounds: Sound[] = []
  let stressed = -1
  let syllables = 0
  const push = (symbol: string, nucleus: Sound['nucleus'] = false): void => {
    if (nucleus === true) syllables++
    sounds.push({ symbol, nucleus })
  }
  const lastSymbol = (): string => sounds[sounds.length - 1]?.symbol ?? ''
  for (let at = 0; at < word.length; ) {
    const letter = word[at]!
    const next = word[at + 1] ?? ''
    const previous = word[at - 1] ?? ''
    const finalY = letter === 'y' && !isVowel(next)
    if (!isVowel(letter) && !finalY) {
      const { symbols, length } = consonant(word, at, lastSymbol())
      for (const symbol of symbols) push(symbol)
      at += length
      continue
    }
    const plain = finalY ? 'i' : letter === 'ü' ? 'u' : (MARKED[letter] ?? letter)
    const silentH = next === 'h' ? 1 : 0
    const follower = word[at + 1] ?? ''
    if (MARKED[letter] !== undefined) stressed = syllables
    const glides = (plain === 'i' || plain === 'u') && MARKED[letter] === undefined
    // A glide before a vowel: cielo, agua. After r, l and clusters with them it is nearly a syllable.
    if (glides && isVowel(follower) && follower !== letter) {
      const from = Math.max(0, at - 2)
      const isWeak =
        letter === 'ü' || AFTER_LIQUID.test(word.slice(from, at)) || (plain === 'u' && UI_APART.test(word.slice(from)))
      push(isWeak ? plain : plain === 'i' ? 'j' : 'w', isWeak && 'weak')
      at++
      continue
    }
    // The second half of a diphthong: aire, reina, causa, deuda.
    if (
      glides &&
      isVowel(previous) &&
      STRONG.includes(previous) &&
      sounds.at(-1)?.nucleus === true &&
      (!isVowel(follower) || finalY)
    ) {
      const pair = lastSymbol() + plain
      const joined = MARKED[previous] === undefined ? DIPHTHONGS[pair] : undefined
      if (joined !== undefined) sounds[sounds.length - 1]!.symbol = joined
      else push(MARKED[previous] ? plain : plain === 'i' ? 'ɪ' : pair === 'ou' ? 'w' : 'ʊ')
      at++
      continue
    }
    if (finalY && previous === 'u') {
      push('j')
      at++
      continue
    }
    push(plain, true)
    at += 1 + (silentH && !isVowel(word[at + 2] ?? '') ? 1 : 0)
  }
  if (syllables === 0) return sounds.map(({ symbol }) => symbol).join('')
  const marked = stressed >= 0
  return written(sounds, marked ? stressed : Math.max(0, unmarkedStress(word, syllables)), marked)
}

/** The sounds in one string: stress marks, and what neighbours do to each other. */
function written(sounds: readonly Sound[], stressed: number, marked: boolean): string {
  // Every other syllable before the stressed one has a secondary stress; weak ones count, save at the word's beginning.
  let syllables = 0
  let before = 0
  for (const { nucleus } of sounds) {
    if (nucleus === true && syllables++ === stressed) break
    if (nucleus === true || (nucleus === 'weak' && before > 0)) before++
  }
  let out = ''
  let syllable = 0
  for (let i = 0; i < sounds.length; i++) {
    const { symbol, nucleus } = sounds[i]!
    const next = sounds[i + 1]?.symbol ?? ''
    const after = sounds[i + 2]?.symbol ?? ''
    if (nucleus === false) {
      out += softened(out[out.length - 1] ?? '', symbol, next, after)
      continue
    }
    if (nucleus === 'weak') {
      out += symbol
      if (syllable > 0) syllable++
      continue
    }
    const isStressed = syllable === before
    if (isStressed) out += 'ˈ'
    else if (syllable % 2 === 0 && syllable <= before - 2) out += 'ˌ'
    out += symbol === 'e' && isStressed && !marked && next === 'n' && 'tdsθɡ'.includes(after || '-') ? 'ɛ' : symbol
    syllable++
  }
  return out
}

/** A consonant as it sounds between its neighbours: b, d and g are soft save after a nasal. */
function softened(before: string, symbol: string, next: string, after: string): string {
  if (symbol === 'n')
    return 'bpf'.includes(next || '-') ? 'm' : 'ɡx'.includes(next || '-') || (next === 'k' && after === '') ? 'ŋ' : 'n'
  if (symbol === 'ɡ' && before === 'ŋ' && next === '') return ''
  if (before === '' || before === 'm' || before === 'n' || before === 'ŋ') return symbol
  if (symbol === 'b') return next === '' || 'tdbm'.includes(next) ? 'b' : 'β'
  if (symbol === 'd') return next === '' || 'mnk'.includes(next) ? 'd' : 'ð'
  if (symbol === 'ɡ') return next === '' || 'nmd'.includes(next) ? 'ɡ' : 'ɣ'
  return symbol
}

const SOFT: Readonly<Record<string, string>> = { b: 'β', d: 'ð', ɡ: 'ɣ' }

/** How a word begins after another one without a pause: its sound and the last one of the word before. */
export function joinWords(before: string, word: string): { before: string; word: string } {
  const last = before[before.length - 1] ?? ''
  const first = word.replace(/^[ˈˌ]+/, '')[0] ?? ''
  if (last === 'n') {
    if ('bpf'.includes(first || '-')) return { before: `${before.slice(0, -1)}m`, word }
    if (first === 'ɡ') return { before: `${before.slice(0, -1)}ŋ`, word }
    if (first === 'ʝ') return { before, word: word.replace('ʝ', 'ʤ') }
    return { before, word }
  }
  if (last === 'd' && 'aeiouɛIAWj'.includes(first || '-')) return { before: `${before.slice(0, -1)}ð`, word }
  const soft = word.startsWith('dw') ? undefined : SOFT[word[0] ?? '']
  return soft !== undefined && last !== 'm' ? { before, word: soft + word.slice(1) } : { before, word }
}
