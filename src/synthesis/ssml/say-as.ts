/** What SSML's say-as makes of its text. One kind is one entry here. */
import type { Language } from '../../text/index.ts'

/** Words to say; one whose sound is fixed has its phonemes. */
export interface Said {
  readonly text: string
  readonly phonemes?: string
}

const SIGNS: Readonly<Record<string, string>> = {
  '.': 'dot',
  ',': 'comma',
  '-': 'dash',
  _: 'underscore',
  '@': 'at',
  '/': 'slash',
  '\\': 'backslash',
  '+': 'plus',
  '*': 'star',
  '#': 'hash',
  '&': 'and',
  ':': 'colon',
  '!': 'exclamation mark',
  '?': 'question mark',
  '=': 'equals',
  '%': 'percent',
  $: 'dollar',
}

const words = (text: string): Said[] => [{ text }]

function characters(text: string, _: string, { spell, spellDigits }: Language): Said[] {
  return Array.from(text.normalize('NFKD').replace(/[\p{M}\s]/gu, '')).map((character) => {
    if (/[A-Za-z]/.test(character)) return { text: character.toUpperCase(), phonemes: spell(character) }
    return { text: /\d/.test(character) ? spellDigits(character)[0]! : (SIGNS[character] ?? character) }
  })
}

function digits(text: string, _: string, { spellDigits }: Language): Said[] {
  const readGroup = (group: string): string => group.replace(/\d+/g, (run) => ` ${spellDigits(run).join(' ')} `).trim()
  const groups = text.replace(/\+/g, ' plus ').split(/[\s().,/-]+/)
  return words(
    groups
      .filter((group) => group !== '')
      .map(readGroup)
      .join(', ')
      .replaceAll('plus, ', 'plus '),
  )
}

const number =
  (kind: 'cardinal' | 'ordinal') =>
  (text: string, _: string, language: Language): Said[] => {
    const plain = text.trim().replace(/[\s,]/g, '')
    const [, minus, whole] = /^([-−]?)(\d+)(?:st|nd|rd|th)?$/i.exec(plain) ?? []
    return words(whole === undefined ? text : `${minus ? 'minus ' : ''}${language[kind](whole).join(' ')}`)
  }

/** Puts a date's parts in the order year-month-day, which is read whatever the country. */
function date(text: string, format: string): Said[] {
  const parts = text.trim().split(/[\s./-]+/)
  const order = format
    .toLowerCase()
    .replace(/(.)\1+/g, '$1')
    .replace(/[^ymd]/g, '')
  if (order.length !== 3 || parts.length !== 3 || !parts.every((part) => /^\d{1,4}$/.test(part))) return words(text)
  const part = (letter: string): string => parts[order.indexOf(letter)] ?? ''
  const year = part('y').length === 2 ? `20${part('y')}` : part('y')
  return words(`${year}-${part('m').padStart(2, '0')}-${part('d').padStart(2, '0')}`)
}

/** Kinds not named here are read as they are written. */
const KINDS: Readonly<Record<string, (text: string, format: string, language: Language) => Said[]>> = {
  characters,
  'spell-out': characters,
  verbatim: characters,
  digits,
  telephone: digits,
  cardinal: number('cardinal'),
  number: number('cardinal'),
  ordinal: number('ordinal'),
  date,
  time: words,
  currency: words,
  unit: words,
  fraction: words,
  address: words,
}

export const SAY_AS = Object.keys(KINDS)

/** Undefined = there is no such kind. */
export const sayAs = (kind: string, text: string, format: string, language: Language): Said[] | undefined =>
  Object.hasOwn(KINDS, kind) ? KINDS[kind]!(text, format, language) : undefined
