/** Addresses of the web, mail and hosts, and names of files. */
import { spellDigits } from '../numbers.ts'
import { DOMAINS, SPELLED_PARTS } from '../tables.ts'
import { nameNumber, type Place, type Reading, type Rule, readNumber, rule, words } from './rule.ts'

const SEPARATORS: Readonly<Record<string, string>> = {
  '.': 'dot',
  '/': 'slash',
  '-': 'dash',
  _: 'underscore',
  '@': 'at',
  ':': 'colon',
  '?': 'question mark',
  '=': 'equals',
  '&': 'and',
  '#': 'hash',
  '~': 'tilde',
  '%': 'percent',
  '+': 'plus',
}

const readAddressNumber = (digits: string): string[] =>
  digits.length > 4
    ? spellDigits(digits)
    : digits.length === 4 && (digits < '1100' || digits >= '2100')
      ? nameNumber(digits)
      : readNumber(digits, true)

/** An address read part by part: "example.com/a" -> example dot com slash A. */
function readAddress(address: string): string[] {
  return (address.match(/[A-Za-z]+|\d+|[^A-Za-z\d]/g) ?? []).flatMap((part) => {
    if (/^\d/.test(part)) return readAddressNumber(part)
    if (/^[A-Za-z]/.test(part))
      return SPELLED_PARTS.has(part.toLowerCase()) || part.length === 1 ? `~${part.toUpperCase()}` : part
    return words(SEPARATORS[part] ?? '').filter((w) => w !== '')
  })
}

const trimAddress = (match: RegExpExecArray, place: Place, skip: number): Reading => {
  const address = match[0].replace(/[.,;:!?)'\]]+$/, '')
  return { words: readAddress(address.slice(skip).replace(/\/$/, '')), end: place.start + address.length }
}

/** Endings of files, and whether they are words of their own. */
const FILE_ENDINGS: Readonly<Record<string, string>> = Object.fromEntries(
  'sh cpp hpp java kt swift tsx jsx vue toml cfg conf lock rst ipynb bin dmg deb rpm msi webp heic webm mkv avi flac ogg aac bak tmp js ts py rb go rs css html php sql xml yml md pdf txt csv tsv jpg jpeg png gif svg mp3 mp4 wav mov doc docx xls xlsx ppt pptx tar gz exe dll apk iso json yaml zip env log ini bat'
    .split(' ')
    .map((ending) => [
      ending,
      /^(?:json|yaml|zip|tar|doc|log|bat|env|gif|go|java|swift|lock|bin|conf|vue|deb|tmp)$/.test(ending)
        ? ending
        : `~${ending}`,
    ]),
)

const readEnding = (ending: string): string[] => {
  const read = FILE_ENDINGS[ending.toLowerCase()]!
  if (!read.startsWith('~')) return [read]
  return (read.slice(1).match(/[a-z]+|\d+/g) ?? []).map((part) =>
    /\d/.test(part) ? readNumber(part)[0]! : `~${part.toUpperCase()}`,
  )
}

export const ADDRESS_RULES: readonly Rule[] = [
  rule(
    'url',
    String.raw`(?:https?:\/\/(?:www\.)?|www\.)[^\s<>"“”]{1,500}`,
    (m, place) => trimAddress(m, place, /^(?:https?:\/\/)?(?:www\.)?/i.exec(m[0])![0].length),
    'i',
  ),
  rule('e-mail', String.raw`[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}`, (m) =>
    readAddress(m[0]),
  ),
  rule(
    'domain',
    String.raw`(?:[A-Za-z0-9-]{2,63}\.){1,4}(?:${DOMAINS.join('|')})(?:\/[^\s<>"“”]{0,500})?(?![A-Za-z0-9-])`,
    (m, place) => (/[A-Za-z]/.test(m[0].split('.')[0]!) ? trimAddress(m, place, 0) : undefined),
  ),
  rule('local host', String.raw`localhost(?::(\d{1,5}))?(\/[^\s<>"“”]{0,300})?(?![A-Za-z0-9])`, (m, place) => {
    const rest = (m[2] ?? '').replace(/[.,;:!?)'\]]+$/, '')
    return {
      words: ['localhost', ...(m[1] ? ['port', ...nameNumber(m[1])] : []), ...readAddress(rest === '/' ? '' : rest)],
      end: place.end - ((m[2] ?? '').length - rest.length),
    }
  }),
  rule(
    'file',
    String.raw`([A-Za-z][A-Za-z0-9_-]{0,40})\.(?:(tar|min|test|d|spec)\.)?(${Object.keys(FILE_ENDINGS).join('|')})(?![A-Za-z0-9])`,
    (m) => [
      ...readAddress(m[1]!)
        .map((part) => (part === 'underscore' || part === 'dash' ? '' : part))
        .filter((w) => w !== ''),
      ...(m[2] ? ['dot', m[2].length < 2 ? `~${m[2].toUpperCase()}` : m[2]] : []),
      'dot',
      ...readEnding(m[3]!),
    ],
  ),
]

/** Paths of several parts that begin with a slash. */
export const PATH_RULES: readonly Rule[] = [
  rule('path', String.raw`(?:~|\.\.?)?\/[A-Za-z0-9_.-]{1,60}(?:\/[A-Za-z0-9_.-]{1,60}){1,12}\/?`, (m, place) =>
    /(?:^|[\s("'=])$/.test(place.text.slice(Math.max(0, place.start - 1), place.start))
      ? trimAddress(m, place, 0)
      : undefined,
  ),
]

/** Hosts by number are read digit by digit, with their port. */
export const HOST_RULES: readonly Rule[] = [
  rule(
    'address of a host',
    String.raw`(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d{1,5}))?(?:\/(\d{1,2}))?(?!\.?\d)`,
    (m) => [
      ...m.slice(1, 5).flatMap((part, i) => [...(i > 0 ? ['dot'] : []), ...spellDigits(part)]),
      ...(m[5] ? [',', 'port', ...spellDigits(m[5])] : []),
      ...(m[6] ? ['slash', ...readNumber(m[6])] : []),
    ],
  ),
]
