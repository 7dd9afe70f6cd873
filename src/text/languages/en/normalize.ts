/**
 * Written sentence to spoken words. Every word and mark knows the characters [start, end) of the original it stands
 * for; words that one number or abbreviation becomes share its range.
 */
import { isSpelled } from './acronyms.ts'
import { clean } from './clean.ts'
import { type Lexicon, lexicon } from './lexicon.ts'
import { withoutMarkup } from './markup.ts'
import { DIGIT_RULES, LETTER_RULES, type Reading, type Rule, SIGN_RULES } from './rules/index.ts'

export interface Token {
  readonly kind: 'word' | 'punctuation'
  /** Letters and apostrophes, or one of the marks , . ; : ! ? — ( ) “ ”. */
  readonly text: string
  /** Characters [start, end) of the original text. */
  readonly start: number
  readonly end: number
  /** White space, or a reading's own boundary, precedes it. */
  readonly spaceBefore: boolean
  /** The word with its accents, where it is written with some that `text` lacks. */
  readonly accented?: string
  /** Spoken letter by letter. */
  readonly spelled: boolean
  /** Written with a hyphen and another word directly after it. */
  readonly hyphenAfter: boolean
}

const WORD = /[A-Za-z]+(?:'[A-Za-z]+)*/y
const COMPOUND = /[A-Za-z]{1,20}(?:-[A-Za-z]{1,20}){1,4}(?![A-Za-z-])/y
const MARKS: Readonly<Record<string, string>> = {
  ',': ',',
  ';': ';',
  ':': ':',
  '!': '!',
  '?': '?',
  '(': '(',
  ')': ')',
  '[': '(',
  ']': ')',
  '{': '(',
  '}': ')',
  // Quotes of both sides are written as closing ones, as in the corpus that voices are trained on.
  '“': '”',
  '”': '”',
  '"': '”',
  '—': '—',
}

/** Words and marks of one sentence. Never throws; time is linear in the length. */
export function normalize(sentence: string, dictionary: Lexicon = lexicon()): Token[] {
  const { text, accented, origin } = clean(withoutMarkup(sentence))
  const shouting = isShouting(text, dictionary)
  const tokens: Token[] = []
  let spaceBefore = false
  let previousWord = ''

  const emit = (read: readonly string[], start: number, end: number): void => {
    const hyphenAfter = text[end] === '-' && /[A-Za-z]/.test(text[end + 1] ?? '')
    for (const item of read) {
      const spelled = item.startsWith('~')
      const word = spelled ? item.slice(1) : item
      const kind = /^[A-Za-z]/.test(word) ? 'word' : 'punctuation'
      // Capitals with a number are a code: BA249.
      const code = /^[A-Z]{1,3}$/.test(word) && (/\d/.test(text[end] ?? '') || /\d/.test(text[start - 1] ?? ''))
      const letters = spelled || code || (kind === 'word' && isSpelled(word, shouting, dictionary))
      tokens.push({
        kind,
        text: shouting && !letters && word.length > 1 ? word.toLowerCase() : word,
        start: origin[start]!,
        end: Math.max(origin[start]! + 1, origin[end]!),
        spaceBefore: spaceBefore && kind === 'word',
        spelled: letters,
        hyphenAfter,
        ...(word.length === end - start &&
          accented.slice(start, end) !== word && { accented: accented.slice(start, end) }),
      })
      spaceBefore = true
    }
    spaceBefore = false
  }

  let at = 0
  while (at < text.length) {
    const character = text[at]!
    if (character === ' ') {
      spaceBefore = true
      at++
      continue
    }
    const applied = apply(rulesFor(character), text, at, previousWord)
    if (applied !== undefined) {
      emit(applied.words, at, applied.end)
      if (applied.words.length > 0) previousWord = text.slice(at, applied.end).trim().slice(-40)
      at = applied.end
      continue
    }
    const word = compoundAt(text, at, dictionary) ?? wordAt(text, at)
    if (word !== undefined) {
      emit([word], at, at + word.length)
      previousWord = word
      at += word.length
      // Letters and digits that touch are words of their own: "MP3" is M P three.
      if (/\d/.test(text[at] ?? '')) spaceBefore = true
      continue
    }
    const end = endOfMark(text, at)
    const mark = markAt(text, at, end)
    if (mark !== undefined) {
      const opens = mark === '(' || (mark === '”' && spaceBefore)
      tokens.push({
        kind: 'punctuation',
        text: mark,
        start: origin[at]!,
        end: Math.max(origin[at]! + 1, origin[end]!),
        spaceBefore: opens && spaceBefore,
        spelled: false,
        hyphenAfter: false,
      })
      spaceBefore = false
      previousWord = ''
    } else if (character !== "'") {
      // A sign that is not read still parts the words around it; a hyphen is such a sign.
      spaceBefore = true
      if (character !== '-') previousWord = ''
    }
    at = end
  }
  return tokens
}

/** The spoken words in one line, for people and tests: spelled words with spaces between the letters. */
export function spokenText(tokens: readonly Token[]): string {
  let out = ''
  for (const token of tokens) {
    const text = token.spelled ? spokenLetters(token.text) : token.text
    const tight = token.kind === 'punctuation' && !'(“—'.includes(token.text)
    out += (out === '' || tight || /[(“]$/.test(out) ? '' : ' ') + text
  }
  return out
}

const spokenLetters = (word: string): string =>
  (/^[A-Z]+'?s$/.test(word) ? word : word.toUpperCase()).split(/(?<=[A-Za-z])(?=[A-Z])/).join(' ')

function wordAt(text: string, at: number): string | undefined {
  WORD.lastIndex = at
  return WORD.exec(text)?.[0]
}

/** Words with hyphens that the dictionary has as one: Coca-Cola, grown-up. */
function compoundAt(text: string, at: number, dictionary: Lexicon): string | undefined {
  COMPOUND.lastIndex = at
  const word = COMPOUND.exec(text)?.[0]
  if (word === undefined) return undefined
  return dictionary.has(word) || dictionary.has(word.toLowerCase()) ? word : undefined
}

function rulesFor(character: string): readonly Rule[] {
  if (character >= '0' && character <= '9') return DIGIT_RULES
  return /[A-Za-z]/.test(character) ? LETTER_RULES : SIGN_RULES
}

function apply(
  rules: readonly Rule[],
  text: string,
  at: number,
  previousWord: string,
): { words: readonly string[]; end: number } | undefined {
  for (const { pattern, read } of rules) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match === null || match[0] === '') continue
    const end = at + match[0].length
    const reading: Reading | undefined = read(match, { text, start: at, end, previousWord })
    if (reading === undefined) continue
    if (!('words' in reading)) return { words: reading, end }
    if (reading.end > at) return { words: reading.words, end: reading.end }
  }
  return undefined
}

/** Runs of full stops, dashes and doubled marks count as one. */
function endOfMark(text: string, at: number): number {
  const character = text[at]!
  let end = at + 1
  if (character === '.' || character === '-' || character === '!' || character === '?') {
    const run = character === '!' || character === '?' ? '!?' : character
    while (end < text.length && run.includes(text[end]!)) end++
  }
  return end
}

function markAt(text: string, at: number, end: number): string | undefined {
  const character = text[at]!
  if (character === '.') return end - at > 1 || !/[A-Za-z\d]/.test(text[end] ?? '') ? '.' : undefined
  if (character === '!' || character === '?') return text.slice(at, end).includes('?') ? '?' : '!'
  if (character === '–' || character === '-') {
    const apart = (text[at - 1] ?? ' ') === ' ' && (text[end] ?? ' ') === ' '
    return apart || end - at > 1 || (character === '–' && text[at - 1] === ' ') ? '—' : undefined
  }
  return MARKS[character]
}

/** Mostly capitals, so that capitals do not mean acronyms. */
function isShouting(text: string, dictionary: Lexicon): boolean {
  const words = text.match(/[A-Za-z]{2,}/g) ?? []
  const capitals = words.filter((word) => word === word.toUpperCase())
  if (words.length <= 2 || capitals.length * 2 <= words.length) return false
  // Acronyms are not shouted: some of the words are ordinary ones.
  const ordinary = capitals.filter((word) => word.length > 2 && dictionary.get(word.toLowerCase())?.checked)
  return ordinary.length > 1 && ordinary.length * 2 >= capitals.length
}
