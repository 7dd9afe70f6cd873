/**
 * Numbers, dates, money, units, abbreviations, addresses and signs to words, in a language's wording. A rule is a sticky,
 * bounded pattern and its reading; the first that reads something counts. `~` before a word: letter by letter.
 */
import type { Noun, Wording } from './wording.ts'

export interface Place {
  readonly text: string
  readonly start: number
  readonly end: number
  /** The word before, as written; '' at the start or after punctuation. */
  readonly previous: string
}
export type Reading = { readonly words: readonly string[]; readonly end?: number } | undefined
export interface Rule {
  readonly pattern: RegExp
  readonly read: (match: RegExpExecArray, place: Place) => Reading
}

/** A number as the language writes it: 1.234.567,8 or 1 234 or 12,5; digits alone; 3.14 as others write it. */
const NUMBER = String.raw`\d{1,3}(?:\.\d{3}){1,8}(?!\d)(?:,\d{1,12})?|[1-9]\d{0,2}(?: \d{3}){1,8}(?![\d ]\d|\d)(?:,\d{1,12})?|\d{1,40}(?:,\d{1,12}(?!\d))?`
const NEXT_WORD = /^ ?(\p{L}{1,30})/u
const ROMAN = /^(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$/
const ROMAN_VALUES: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 }

export function romanValue(text: string): number | undefined {
  if (!ROMAN.test(text)) return undefined
  let sum = 0
  for (let i = 0; i < text.length; i++) {
    const value = ROMAN_VALUES[text[i]!]!
    sum += value < (ROMAN_VALUES[text[i + 1]!] ?? 0) ? -value : value
  }
  return sum
}

const escaped = (text: string): string => text.replace(/[.*+?^$()|[\]\\{}/]/g, '\\$&')
/** Longest first, so that the first that fits is the right one. */
const alternatives = (keys: readonly string[]): string =>
  [...keys]
    .sort((a, b) => b.length - a.length)
    .map(escaped)
    .join('|')

/** All rules of a language, in the order they are tried. */
export function rulesOf(wording: Wording): readonly Rule[] {
  const { words, currencies, units } = wording
  const rule = (pattern: string, read: Rule['read'], flags = ''): Rule => ({
    pattern: new RegExp(pattern, `yu${flags}`),
    read,
  })
  const spellDigits = (digits: string): string[] => Array.from(digits, (d) => wording.digits[Number(d)]!)
  const plain = (text: string): string => text.replace(/[. ]/g, '')

  /** Words of a written number, and whether it is exactly one. */
  const number = (written: string, noun?: Noun | 'masculine' | 'feminine'): { read: string[]; one: boolean } => {
    const [whole = '', part] = written.split(',')
    const digits = plain(whole)
    const zeros = digits.length > 1 && digits[0] === '0'
    const base = zeros || digits.length > 15 ? spellDigits(digits) : wording.cardinal(digits)
    if (part !== undefined) {
      const decimals = part[0] === '0' || part.length > 2 ? spellDigits(part) : wording.cardinal(part)
      return { read: [...base, words.comma, ...decimals], one: false }
    }
    const feminine = noun === 'feminine' || (typeof noun === 'object' && noun.feminine === true)
    return { read: noun === undefined ? base : wording.beforeNoun(base, feminine), one: digits === '1' }
  }
  const counted = (written: string, noun: Noun): string[] => {
    const { read, one } = number(written, noun)
    return [...read, ...(one ? noun.one : noun.many).split(' ')]
  }
  /** Digits in groups, each with a short pause after it. */
  const groups = (written: string): string[] =>
    written
      .split(/\D+/)
      .filter(Boolean)
      .flatMap((group, i) => [...(i > 0 ? [','] : []), ...spellDigits(group)])

  const money = (amount: string, sign: string): string[] => {
    const currency = currencies[sign]!
    const [whole, part] = amount.split(',')
    if (part === undefined || part.length > 2) return counted(amount, currency)
    const cents = String(Number(part.padEnd(2, '0')))
    const base = counted(whole!, currency)
    return cents === '0' ? base : [...base, words.and, ...counted(cents, currency.cent)]
  }
  const currencySigns = alternatives(Object.keys(currencies))
  const unitNames = alternatives(Object.keys(units))
  const magnitude = alternatives(wording.magnitudes)
  const notLetter = String.raw`(?![\p{L}\d])`

  /** Parts of an address: words, digits, and its signs by name. Short runs of consonants are spelled. */
  const address = (text: string): string[] =>
    (text.match(/\p{L}+|\d{1,6}|[^\p{L}\d]/gu) ?? []).flatMap((part) => {
      if (/^\d/.test(part)) return part.length > 4 || part[0] === '0' ? spellDigits(part) : wording.cardinal(part)
      const named: Readonly<Record<string, string>> = {
        '.': words.point,
        '@': words.at,
        '/': words.slash,
        '-': words.dash,
        _: words.underscore,
      }
      if (named[part] !== undefined) return named[part]!.split(' ')
      if (!/\p{L}/u.test(part)) return (wording.signs[part] ?? '').split(' ').filter(Boolean)
      return /[aeiouáéíóúàèìòù]/i.test(part) && part.length > 2 ? [part.toLowerCase()] : [`~${part}`]
    })

  const perUnit = (one: string): string[] =>
    words.per.endsWith('l') && /^[aeiou]/.test(one) ? `${words.per}l'${one}`.split(' ') : [words.per, ...one.split(' ')]
  const unit = (name: string, power: string): Noun => {
    const noun = units[name]!
    if (power === '') return noun
    const [masculine, feminine] = /[2²]/.test(power) ? words.square : words.cubic
    const word = noun.feminine ? feminine : masculine
    return { ...noun, one: `${noun.one} ${word}`, many: `${noun.many} ${plural(word)}` }
  }
  const plural = (word: string): string =>
    words.of === 'de' ? `${word}s` : word.replace(/[oa]$/, (end) => (end === 'o' ? 'i' : 'e'))

  return [
    // Addresses of the web and of mail.
    rule(
      String.raw`(?:https?:\/\/(?:www\.)?|www\.)([^\s<>"“”]{1,300})`,
      (m, { start }) => {
        const body = m[1]!.replace(/[.,;:!?)\]]+$/, '')
        return { words: address(body.replace(/\/$/, '')), end: start + m[0].length - (m[1]!.length - body.length) }
      },
      'i',
    ),
    rule(String.raw`[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}`, (m) => ({
      words: address(m[0]),
    })),
    rule(
      String.raw`[A-Za-z][A-Za-z0-9-]{1,62}(?:\.[A-Za-z0-9-]{2,62}){0,3}\.(?:com|org|net|es|it|eu|info|io|edu|gov|mx|ar)(?:\/[A-Za-z0-9._\/-]{0,200}[A-Za-z0-9])?${notLetter}`,
      (m) => ({ words: address(m[0]) }),
    ),
    // Dates.
    rule(String.raw`(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])`, (m) =>
      isDate(Number(m[3]), Number(m[2])) ? { words: wording.date(Number(m[3]), Number(m[2]), m[1]!) } : undefined,
    ),
    rule(String.raw`(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-]|[.,]\d)`, (m) =>
      isDate(Number(m[1]), Number(m[3]))
        ? { words: wording.date(Number(m[1]), Number(m[3]), fullYear(m[4]!)) }
        : undefined,
    ),
    rule(
      String.raw`(\d{1,2})[°º]?(?: de)? (${alternatives(wording.months)})(?:(?: del? | )(\d{4})(?!\d))?${notLetter}`,
      (m) =>
        isDate(Number(m[1]), 1)
          ? { words: wording.date(Number(m[1]), wording.months.indexOf(m[2]!.toLowerCase()) + 1, m[3] ?? '') }
          : undefined,
      'i',
    ),
    // Times.
    rule(String.raw`([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?: ?(?:h|hs|hrs|horas|ore))?${notLetter}`, (m) => ({
      words: wording.time(Number(m[1]), Number(m[2]), m[3] === undefined ? undefined : Number(m[3])),
    })),
    rule(String.raw`([01]?\d|2[0-4])[.h]([0-5]\d)(?: ?h)?(?![\d\p{L}]|[.,]\d)`, (m, { previous }) =>
      m[0].includes('h') || /^(?:las|la|alle|ore|dalle|le|delle)$/i.test(previous)
        ? { words: wording.time(Number(m[1]), Number(m[2]), undefined) }
        : undefined,
    ),
    // Telephone numbers and other groups of digits.
    rule(String.raw`(\+?)(\d{1,4}(?:[ -]\d{2,4}){2,6})(?![\d-]|[.,]\d)`, (m) => {
      if (m[1] === '' && /^\d{1,3}(?: \d{3})+$/.test(m[2]!) && m[2]![0] !== '9' && m[2]![0] !== '6') return undefined
      return { words: [...(m[1] ? (wording.signs['+'] ?? '').split(' ') : []), ...groups(m[2]!)] }
    }),
    rule(String.raw`(\d{1,3}(?:\.\d{1,3}){3})(?![\d.]\d|\d)`, (m) =>
      // Three digits in every group are thousands.
      /^\d{1,3}(?:\.\d{3})+$/.test(m[1]!)
        ? undefined
        : {
            words: m[1]!.split('.').flatMap((part, i) => [...(i > 0 ? [words.point] : []), ...wording.cardinal(part)]),
          },
    ),
    // Money.
    rule(`(-?)(${currencySigns}) ?(${NUMBER})(?: (${magnitude}))?`, (m) => {
      if (/\p{L}/u.test(m[2]!) && m[2]!.length < 3) return undefined
      const sign = m[1] ? [words.minus] : []
      return {
        words: [
          ...sign,
          ...(m[4]
            ? [...number(m[3]!, 'masculine').read, m[4], words.of, ...currencies[m[2]!]!.many.split(' ')]
            : money(m[3]!, m[2]!)),
        ].filter(Boolean),
      }
    }),
    rule(`(${NUMBER})(?: (${magnitude})(?: (?:de|di))?)? ?(${currencySigns})${notLetter}`, (m) =>
      m[2]
        ? { words: [...number(m[1]!, 'masculine').read, m[2], words.of, ...currencies[m[3]!]!.many.split(' ')] }
        : { words: money(m[1]!, m[3]!) },
    ),
    // Percent, degrees, units.
    rule(String.raw`(${NUMBER}|\d{1,9}\.\d{1,2}) ?(%|‰)`, (m) => ({
      words: [
        ...number(m[1]!.replace(/\.(\d{1,2})$/, ',$1')).read,
        ...(m[2] === '%' ? words.percent : words.permille).split(' '),
      ],
    })),
    rule(`(${NUMBER}) ?[°º] ?([CF])${notLetter}`, (m) => ({
      words: [...counted(m[1]!, words.degrees), m[2] === 'C' ? 'celsius' : 'fahrenheit'],
    })),
    rule(
      String.raw`(${NUMBER}) ?(${unitNames})([²³23]?)(?:\/(${unitNames})([²³]?))?${notLetter}`,
      (m, { text, start }) => {
        const single = m[2]!.length === 1 && !/[mgltkKVWAhs]/.test(m[2]!)
        if (single && m[4] === undefined && text[start + m[1]!.length] === ' ') return undefined
        const per = m[4] === undefined ? [] : perUnit(unit(m[4], m[5] ?? '').one)
        return { words: [...counted(m[1]!, unit(m[2]!, m[3] ?? '')), ...per] }
      },
    ),
    // Ordinals: 1.º, 3ª, 2°.
    rule(String.raw`(\d{1,4})\.?(?:([ºo°])|([ªa]))(?![\p{L}\d])`, (m) => {
      if (/^\d+[oa]$/.test(m[0])) return undefined
      // The sign of degrees after a small number is an ordinal's in haste.
      if (m[2] === '°' && Number(m[1]) > 12) return { words: counted(m[1]!, words.degrees) }
      return { words: wording.ordinal(m[1]!, m[3] !== undefined) }
    }),
    rule(String.raw`(\d{1,4})\.?(er|ro|ra|do|da|to|ta|mo|ma|vo|va|no|na)(?![\p{L}\d])`, (m) => {
      const read = wording.ordinal(m[1]!, m[2]!.endsWith('a'))
      return { words: m[2] === 'er' ? read.map((w) => w.replace(/(prim|terc)ero$/, '$1er')) : read }
    }),
    // Fractions, scores and ranges.
    rule(String.raw`(\d{1,3}) ?([½¼¾])`, (m) => ({
      words: [...wording.cardinal(m[1]!), words.and, ...vulgar(wording, m[2]!)],
    })),
    rule('[½¼¾]', (m) => ({ words: vulgar(wording, m[0]) })),
    rule(String.raw`(\d{1,2})\/(\d{1,3})(?![\d/])`, (m) =>
      m[1] === '24' && m[2] === '7'
        ? { words: [...wording.cardinal('24'), words.slash, ...wording.cardinal('7')] }
        : Number(m[2]) > 1
          ? { words: wording.fraction(Number(m[1]), Number(m[2])) }
          : undefined,
    ),
    rule(String.raw`(\d{1,4})[-—](\d{1,4})(?![\d\p{L}-])`, (m, { text, start }) => {
      if (/[\p{L}\d]/u.test(text[start - 1] ?? '')) return undefined
      const noun = wording.nounGender(
        NEXT_WORD.exec(text.slice(start + m[0].length, start + m[0].length + 32))?.[1] ?? '',
      )
      return { words: [...wording.cardinal(m[1]!), ...(words.to ? [words.to] : []), ...number(m[2]!, noun).read] }
    }),
    rule(String.raw`(\d{1,4}) ?[x×] ?(\d{1,4})(?!\d)`, (m) => ({
      words: [...wording.cardinal(m[1]!), wording.signs['×']!, ...wording.cardinal(m[2]!)],
    })),
    // Numbers that stand alone.
    rule(String.raw`-(?=\d)`, (_, { text, start }) =>
      /[\p{L}\d]/u.test(text[start - 1] ?? '') ? undefined : { words: [words.minus] },
    ),
    rule(String.raw`(\d{1,9})\.(\d{1,2}|\d{4,9})(?!\d|\.\d)`, (m) => ({
      words: [...wording.cardinal(m[1]!), words.point, ...number(m[2]!).read],
    })),
    rule(NUMBER, (m, { text, end }) => {
      const noun = wording.nounGender(NEXT_WORD.exec(text.slice(end, end + 32))?.[1] ?? '')
      return { words: number(m[0], noun).read }
    }),
    // Abbreviations, numerals, letters.
    rule(String.raw`(?:${alternatives(Object.keys(wording.abbreviations))})(?!\p{L})`, (m, { text, end }) => {
      const read = wording.abbreviations[m[0]] ?? wording.abbreviations[m[0].toLowerCase()]
      if (read === undefined) return undefined
      // The full stop also ends the sentence when nothing but closing marks follows.
      const isFinal = m[0].endsWith('.') && /^["'”’»)\]\s]*$/.test(text.slice(end, end + 40)) && text.length - end < 40
      return { words: read.split(' '), end: isFinal ? end - 1 : end }
    }),
    rule(String.raw`[MDCLXVI]{1,12}(?![\p{L}\d'])`, (m, { text, end, previous }) => {
      const value = romanValue(m[0])
      if (value === undefined) return undefined
      const read = wording.roman(
        value,
        previous.toLowerCase(),
        NEXT_WORD.exec(text.slice(end, end + 32))?.[1]?.toLowerCase() ?? '',
      )
      return read && { words: read }
    }),
    rule(String.raw`(?:\p{Lu}\.){2,8}`, (m) => ({ words: [`~${m[0].replaceAll('.', '')}`] })),
    rule('[#@]?[+=<>&%§©®™×÷±≈≠≤≥→°@#√∞‰*/]', (m, { text, start, end }) => {
      const sign = m[0].at(-1)!
      const name = wording.signs[sign]
      if (name === undefined || m[0].length > 1) return undefined
      if (sign === '*' || (sign === '/' && !/\d/.test(text[start - 1] ?? '') && !/\d/.test(text[end] ?? '')))
        return undefined
      return { words: name.split(' ') }
    }),
  ]
}

const isDate = (day: number, month: number): boolean => day >= 1 && day <= 31 && month >= 1 && month <= 12
const fullYear = (year: string): string => (year.length === 4 ? year : Number(year) < 50 ? `20${year}` : `19${year}`)
const vulgar = (wording: Wording, sign: string): string[] =>
  sign === '½' ? wording.fraction(1, 2) : sign === '¼' ? wording.fraction(1, 4) : wording.fraction(3, 4)
