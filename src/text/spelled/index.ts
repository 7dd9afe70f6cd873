/**
 * The front end of languages whose spelling tells their sound. A language gives its wording and pronunciation, and this
 * makes it a Language: sentence to tokens, tokens to sounds, every word with its place in the text.
 */
import type { GivenSound } from '../given.ts'
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
    phonemize: (sentence, given = []) => phonemize(sentence, withGiven(sentence, tokens(sentence), given), wording),
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

/** The tokens with those of each given stretch replaced by one. Of two that overlap the first counts. */
function withGiven(sentence: string, tokens: readonly Token[], given: readonly GivenSound[]): readonly Token[] {
  const sounds = given.filter((g) => g.phonemes !== undefined).sort((a, b) => a.start - b.start)
  if (sounds.length === 0) return tokens
  const out: Token[] = []
  let i = 0
  let covered = 0
  for (const { start, end, phonemes } of sounds) {
    if (start < covered) continue
    while (i < tokens.length && tokens[i]!.end <= start) out.push(tokens[i++]!)
    while (i < tokens.length && tokens[i]!.start < end) i++
    out.push({
      kind: 'word',
      text: sentence.slice(start, end),
      start,
      end,
      spelled: false,
      spaceBefore: true,
      sound: phonemes!,
    })
    covered = end
  }
  return [...out, ...tokens.slice(i)]
}

/** Of several pause marks in a row the strongest is kept. */
const STRENGTH = ',:;—.!?'

function phonemize(sentence: string, tokens: readonly Token[], wording: Wording): Phonemized {
  if (!tokens.some(({ kind }) => kind === 'word')) return { phonemes: '', words: [] }
  const sounds: string[] = []
  const sources: (WordSource | undefined)[] = []
  tokens.forEach((token, i) => {
    if (token.kind === 'mark') {
      sounds.push(token.text)
      sources.push(undefined)
      return
    }
    const small = token.text.toLowerCase()
    const next = tokens[i + 1]
    // A word with no other after it before a pause keeps its stress.
    const weak = next?.kind === 'word' ? wording.weak(small) : undefined
    if (token.sound !== undefined) sounds.push(token.sound)
    else if (token.spelled) sounds.push(spell(token.text, wording))
    else sounds.push(weak ?? wording.pronounce(small).sound)
    sources.push(
      token.sound !== undefined
        ? 'given'
        : token.spelled
          ? 'spelled'
          : weak !== undefined
            ? 'context'
            : wording.pronounce(small).source,
    )
  })
  for (let i = 0; i + 1 < tokens.length; i++) {
    if (tokens[i]!.kind !== 'word' || tokens[i + 1]!.kind !== 'word' || tokens[i]!.sound || tokens[i + 1]!.sound)
      continue
    const { before, word } = wording.join(sounds[i]!, sounds[i + 1]!)
    sounds[i] = before
    sounds[i + 1] = word
  }
  const words: (Phonemized['words'][number] & { phonemeEnd: number })[] = []
  const pieces: string[] = []
  let length = 0
  let last = ''
  const add = (piece: string): void => {
    if (piece === '') return
    pieces.push(piece)
    length += piece.length
    last = piece[piece.length - 1]!
  }
  tokens.forEach((token, i) => {
    const sound = sounds[i]!
    if (token.kind === 'word') {
      if (sound === '') return
      if (last !== '' && !'(— '.includes(last) && (last !== '“' || token.spaceBefore)) add(' ')
      const phonemeStart = length
      add(sound)
      const word = words[words.length - 1]
      if (word !== undefined && word.start === token.start && word.end === token.end) word.phonemeEnd = length
      else {
        const { start, end } = token
        const source = sources[i]
        words.push({
          text: sentence.slice(start, end),
          start,
          end,
          phonemeStart,
          phonemeEnd: length,
          ...(source && { source }),
        })
      }
      return
    }
    if (STRENGTH.includes(sound)) {
      if (words.length === 0) return
      if (STRENGTH.includes(last)) {
        if (STRENGTH.indexOf(sound) > STRENGTH.indexOf(last)) pieces[pieces.length - 1] = last = sound
        return
      }
    } else if (token.spaceBefore && last !== '' && !' (—'.includes(last) && sound !== ')' && sound !== '”') add(' ')
    add(sound)
  })
  return { phonemes: pieces.join('').trimEnd(), words }
}
