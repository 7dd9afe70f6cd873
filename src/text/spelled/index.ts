/**
 * The front end of languages whose spelling tells their sound. A language gives its wording and pronunciation, and this
 * makes it a Language: sentence to tokens, tokens to sounds, every word with its place in the text.
 */
import { assemble, withGiven } from '../assemble.ts'
import type { Language, Phonemized, WordSource } from '../language.ts'
import { unreadable } from '../languages/en/scripts.ts'
import { clean } from './clean.ts'
import { type Rule, rulesOf } from './rules.ts'
import { splitter } from './sentences.ts'
import type { Wording } from './wording.ts'

export { folded } from './clean.ts'
export type { Currency, Noun, Wording } from './wording.ts'

interface Token {
  readonly kind: 'word' | 'mark'
  readonly text: string
  readonly start: number
  readonly end: number
  readonly spelled: boolean
  readonly spaceBefore: boolean
  readonly sound?: string
}

const WORD = /\p{L}[\p{L}\p{M}]{0,60}(?:'\p{L}[\p{L}\p{M}]{0,60})*'?/uy
const MARKS: Readonly<Record<string, string>> = {
  '.': '.',
  ',': ',',
  ';': ';',
  ':': ':',
  '!': '!',
  '?': '?',
  '…': '.',
  '—': '—',
  '(': '(',
  ')': ')',
  '[': '(',
  ']': ')',
  '“': '“',
  '”': '”',
}

/** How many capitals in a row a word in capitals may have to be spelled. */
const LONGEST_ACRONYM = 5

export function spelledLanguage(
  about: Pick<Language, 'tag' | 'name' | 'folder' | 'data' | 'symbols'>,
  wording: Wording,
): Language {
  let rules: readonly Rule[] | undefined
  const tokens = (sentence: string): Token[] => {
    rules ??= rulesOf(wording)
    return tokenize(sentence, rules, wording)
  }
  return {
    ...about,
    splitSentences: splitter(wording.neverFinal),
    spokenText: (sentence) => spoken(tokens(sentence)),
    phonemize(sentence, given = []) {
      const all = withGiven<Token>(tokens(sentence), given, ({ start, end, phonemes }) => ({
        kind: 'word',
        text: sentence.slice(start, end),
        start,
        end,
        spelled: false,
        spaceBefore: true,
        sound: phonemes,
      }))
      return phonemize(sentence, all, wording)
    },
    unreadable,
    spell: (letters) => spell(letters, wording),
    cardinal: (digits) => wording.cardinal(digits),
    ordinal: (digits) => wording.ordinal(digits, false),
    spellDigits: (digits) => Array.from(digits, (d) => wording.digits[Number(d)]!),
  }
}

/** Tokens of a sentence. Time is linear in its length. */
function tokenize(sentence: string, rules: readonly Rule[], wording: Wording): Token[] {
  const { text, origin } = clean(sentence)
  const shouting = isShouting(text)
  const out: Token[] = []
  let spaceBefore = false
  let previous = ''
  const push = (kind: Token['kind'], word: string, start: number, end: number, spelled = false): void => {
    out.push({
      kind,
      text: word,
      start: origin[start]!,
      end: Math.max(origin[start]! + 1, origin[end]!),
      spelled,
      spaceBefore,
    })
    spaceBefore = kind === 'word'
  }
  for (let at = 0; at < text.length; ) {
    const character = text[at]!
    if (character === ' ') {
      spaceBefore = true
      at++
      continue
    }
    const applied = apply(rules, text, at, previous)
    if (applied !== undefined) {
      for (const item of applied.words) {
        if (item === ',') push('mark', item, at, applied.end)
        else push('word', item.replace('~', ''), at, applied.end, item.startsWith('~'))
      }
      previous = text.slice(Math.max(at, applied.end - 40), applied.end)
      at = applied.end
      continue
    }
    WORD.lastIndex = at
    const word = WORD.exec(text)?.[0]
    if (word !== undefined) {
      push('word', word, at, at + word.length, isSpelled(word, shouting, wording))
      previous = word
      at += word.length
      continue
    }
    let end = at + 1
    while (end < text.length && text[end] === character && '.!?-'.includes(character)) end++
    while (end < text.length && '!?'.includes(character) && '!?'.includes(text[end]!)) end++
    const isDash = character === '-' && ((text[at - 1] ?? ' ') === ' ' || end - at > 1) && (text[end] ?? ' ') === ' '
    const mark = isDash ? '—' : '!?'.includes(character) && text.slice(at, end).includes('?') ? '?' : MARKS[character]
    if (mark !== undefined && !(character === '.' && end - at === 1 && /[\p{L}\d]/u.test(text[end] ?? '')))
      push('mark', mark, at, end)
    else spaceBefore = true
    if (mark !== undefined) previous = ''
    at = end
  }
  return out
}

function apply(
  rules: readonly Rule[],
  text: string,
  at: number,
  previous: string,
): { words: readonly string[]; end: number } | undefined {
  // A rule reads whole words: none begins within one.
  if (/\p{L}/u.test(text[at]!) && /\p{L}/u.test(text[at - 1] ?? '')) return undefined
  for (const { pattern, read } of rules) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null || match[0] === '') continue
    const end = at + match[0].length
    const reading = read(match, { text, start: at, end, previous })
    if (reading !== undefined)
      return { words: reading.words.filter(Boolean), end: Math.max(at + 1, reading.end ?? end) }
  }
  return undefined
}

/** Capitals that are read letter by letter: those that cannot be a word, and those that are known to be spelled. */
function isSpelled(word: string, shouting: boolean, wording: Wording): boolean {
  if (!/^\p{Lu}+$/u.test(word)) return word.length > 1 && word.length < 7 && !/[aeiouyáéíóúàèìòùü']/i.test(word)
  if (word.length === 1) return !(word.toLowerCase() in SINGLE) && !shouting
  if (wording.acronymsAsWords.has(word)) return false
  if (wording.acronymsAsLetters.has(word)) return true
  if (shouting) return !/[AEIOUÁÉÍÓÚÀÈÌÒÙ]/.test(word)
  if (word.length < 3) return true
  // Consonants that no word has together, or no vowel among them.
  return (
    word.length <= LONGEST_ACRONYM &&
    !/^(?:[BCDFGPT][LR]|[BCDFGHJLMNPQRSTVZ])?[AEIOU](?:[LNRS]?(?:[BCDFGPT][LR]|[BCDFGJLMNPRSTVZ])[AEIOU]){0,2}[DLNRSZ]?$/.test(
      word,
    )
  )
}
/** Letters that are words. */
const SINGLE: Readonly<Record<string, true>> = {
  a: true,
  e: true,
  o: true,
  y: true,
  i: true,
  è: true,
  é: true,
  à: true,
}

function isShouting(text: string): boolean {
  const words = text.match(/\p{L}{2,}/gu) ?? []
  const capitals = words.reduce((n, word) => n + (word === word.toUpperCase() ? 1 : 0), 0)
  return words.length > 2 && capitals * 2 > words.length
}

function spoken(tokens: readonly Token[]): string {
  let out = ''
  for (const { kind, text, spelled } of tokens) {
    const tight = kind === 'mark' && !'(“—'.includes(text)
    out +=
      (out === '' || tight || /[(“]$/.test(out) ? '' : ' ') +
      (spelled ? Array.from(text.toUpperCase()).join(' ') : text)
  }
  return out
}

const spell = (letters: string, wording: Wording): string =>
  Array.from(letters.toLowerCase())
    .flatMap((letter) => (wording.letters[letter] ?? wording.letters[letter.normalize('NFD')[0]!] ?? '').split(' '))
    .filter(Boolean)
    .map((name) => wording.pronounce(name).sound)
    .join(' ')

/** How a token sounds; `next` follows it. */
function soundOf(token: Token, next: Token | undefined, wording: Wording): { sound: string; source?: WordSource } {
  if (token.kind === 'mark') return { sound: token.text }
  if (token.sound !== undefined) return { sound: token.sound, source: 'given' }
  if (token.spelled) return { sound: spell(token.text, wording), source: 'spelled' }
  const small = token.text.toLowerCase()
  // A word with no other after it before a pause keeps its stress.
  const weak = next?.kind === 'word' ? wording.weak(small) : undefined
  return weak === undefined ? wording.pronounce(small) : { sound: weak, source: 'context' }
}

function phonemize(sentence: string, tokens: readonly Token[], wording: Wording): Phonemized {
  if (!tokens.some(({ kind }) => kind === 'word')) return { phonemes: '', words: [] }
  const pieces = tokens.map((token, i) => {
    const { kind, start, end, spaceBefore } = token
    return { isWord: kind === 'word', start, end, spaceBefore, ...soundOf(token, tokens[i + 1], wording) }
  })
  for (let i = 0; i + 1 < tokens.length; i++) {
    if (tokens[i]!.kind !== 'word' || tokens[i + 1]!.kind !== 'word' || tokens[i]!.sound || tokens[i + 1]!.sound)
      continue
    const { before, word } = wording.join(pieces[i]!.sound, pieces[i + 1]!.sound)
    pieces[i]!.sound = before
    pieces[i + 1]!.sound = word
  }
  return assemble(sentence, pieces, { glued: '“', closing: ')”' })
}
