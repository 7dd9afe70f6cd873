/** Letters that are not words: titles and other abbreviations, initials, Roman numerals, names with signs and digits. */
import { cardinal, ordinal, romanValue } from '../numbers.ts'
import { ABBREVIATIONS, BEFORE_NAME, GIVEN_NAMES, NUMBERED, REGNAL, STATES } from '../tables.ts'
import { keepFinalStop, nameNumber, type Place, type Rule, rule, textAfter, textBefore, words } from './rule.ts'

const readVersion = (version: string): string[] =>
  version.split('.').flatMap((part, i) => [...(i > 0 ? ['point'] : []), ...cardinal(part)])

/** "Elizabeth I" is a queen, "Mary, I" and "George I think" are not. */
const isPronoun = (numeral: string, place: Place): boolean =>
  numeral === 'I' &&
  /^ [a-z]/.test(textAfter(place)) &&
  !/^ (?:was|of|and|is|had|became|in|to|who|at|by|[a-z]{3,}ed)\b/.test(textAfter(place))

/** What a Roman numeral is read as, by the word before it. */
function readRoman(numeral: string, place: Place): string[] | undefined {
  const value = romanValue(numeral)
  if (value === undefined || value > 200) return undefined
  const previous = place.previousWord
  const before = previous.toLowerCase()
  const isName = /^[A-Z]/.test(previous)
  if (/^\s(?:century|centuries|dynasty|arrondissement)\b/.test(textAfter(place))) return ordinal(String(value))
  if (REGNAL.has(before) && isName) {
    if (isPronoun(numeral, place) || (numeral === 'X' && before === 'malcolm')) return undefined
    return ['the', ...ordinal(String(value))]
  }
  if (NUMBERED.has(before)) {
    if (numeral === 'I' && /^ [a-z]/.test(textAfter(place)) && !isName) return undefined
    return cardinal(String(value))
  }
  if (numeral.length < 2 || !/^[IVX]+$/.test(numeral) || !/^[A-Z][a-z']/.test(previous)) return undefined
  // John Smith III: a given name, a surname, and the generation.
  const given = /([A-Z][a-z]+) (?:[A-Z]\. )?[A-Z][a-z'-]+,? $/.exec(textBefore(place))?.[1]
  const initials = /(?:^|[^A-Za-z])(?:[A-Z]\. ?){1,3}[A-Z][A-Za-z'-]+,? $/.test(textBefore(place))
  if (value < 6 && (initials || (given !== undefined && GIVEN_NAMES.has(given.toLowerCase()))))
    return ['the', ...ordinal(String(value))]
  return cardinal(String(value))
}

/** A possessive numeral: the third's. */
const possessive = (read: string[], ending: string | undefined): string[] =>
  ending ? [...read.slice(0, -1), `${read.at(-1)}'s`] : read

export const NAME_RULES: readonly Rule[] = [
  rule('world war', String.raw`WW(II|I|[12])(?![A-Za-z\d])`, (m) => [
    'world',
    'war',
    m[1]!.length > 1 || m[1] === '2' ? 'two' : 'one',
  ]),
  rule('number sign in letters', String.raw`(No|Nos|no|nos)\.\s?(?=\d)`, (m) => [
    m[1]!.length > 2 ? 'numbers' : 'number',
  ]),
  rule('version', String.raw`v(?:er)?\.?\s?(\d{1,9}(?:\.\d{1,9}){0,6})(?!\.?\d|[A-Za-z])`, (m, place) => {
    const read = readVersion(m[1]!)
    return place.previousWord.toLowerCase() === 'version' ? read : ['version', ...read]
  }),
  rule('public law', String.raw`Pub\. ?L\. ?(?:No\. ?)?(\d{1,3})-(\d{1,4})(?!\d)`, (m) => [
    ...words('public law'),
    ...nameNumber(m[1]!),
    ',',
    ...nameNumber(m[2]!),
  ]),
  rule(
    'mark of a school',
    String.raw`([A-DF])-(?= (?:grade|average|student|rating|range)\b|["')\]]*[.,;]?$)`,
    (m, place) =>
      /\b(?:[A-F][+-]?,|grade|got|an?|earned|gets?|received|rated|from|to|of|or):? $/i.test(textBefore(place)) ||
      / (?:grade|average|student|rating|range)/.test(textAfter(place))
        ? [`~${m[1]}`, 'minus']
        : undefined,
  ),
  rule('sharp', String.raw`([A-GJ])#(?![A-Za-z\d])`, (m) => [`~${m[1]}`, 'sharp']),
  rule('plus plus', String.raw`(C|G|Notepad)\+\+`, (m) => [m[1]!.length > 1 ? m[1]! : `~${m[1]}`, 'plus', 'plus']),
  rule('doctor', String.raw`Dr\.?(?![A-Za-z])`, (_, place) =>
    /[A-Za-z]$/.test(place.previousWord) && /^[A-Z]/.test(place.previousWord) && !/^ [A-Z]/.test(textAfter(place))
      ? keepFinalStop(place, ['drive'])
      : ['doctor'],
  ),
  rule('saint or street', String.raw`St(?:\.|(?![A-Za-z']))`, (_, place) =>
    /^ [A-Z]/.test(textAfter(place)) && !/^[A-Z\d]/.test(place.previousWord)
      ? ['saint']
      : keepFinalStop(place, ['street']),
  ),
  rule('name with ampersand', "([A-Z]{1,3})&([A-Z]{1,3}(?:'s)?)(?![A-Za-z])", (m) => [`~${m[1]}`, 'and', `~${m[2]}`]),
  rule('versus', String.raw`vs\.?(?![A-Za-z])`, () => ['versus']),
  rule('et al.', String.raw`et al\.?(?![A-Za-z])`, (_, place) => keepFinalStop(place, ['et', 'al'])),
  rule('latin', String.raw`(e\.g\.|eg\.|i\.e\.|ie\.),?`, (m) => (m[1]![0] === 'e' ? ['for', 'example'] : ['~IE']), 'i'),
  rule('degree', String.raw`(Ph\.?D|M\.?D|B\.?A|M\.?A|B\.?Sc|M\.?Sc)\.?(?![A-Za-z.])`, (m, place) => {
    if (!m[1]!.includes('.') && m[1] !== 'PhD') return undefined
    return keepFinalStop(place, [`~${m[1]!.replace('.', '').toUpperCase()}`])
  }),
  rule(
    'initials with full stops',
    String.raw`(?:[A-Za-z]\.){2,12}(?![A-Za-z])|(?:[A-Za-z]\.){1,12}[A-Za-z](?![A-Za-z'.])`,
    (m, place) => keepFinalStop(place, [`~${m[0].replaceAll('.', '').toUpperCase()}`]),
  ),
  rule('initial of a name', String.raw`([A-Z])\.(?= ?[A-Z])`, (m, place) =>
    m[1] === 'I' && !/^[A-Z]/.test(place.previousWord) ? undefined : [`~${m[1]}`],
  ),
  rule('state', String.raw`(${Object.keys(STATES).join('|')})\.`, (m, place) =>
    /[A-Z][a-z]+, $/.test(textBefore(place)) ? keepFinalStop(place, [STATES[m[1]!]!]) : undefined,
  ),
  rule('abbreviation', String.raw`([A-Za-z]{1,7})\.`, (m, place) => {
    const key = m[1]!.toLowerCase()
    const full = ABBREVIATIONS[`${key}.`]
    if (full === undefined) return undefined
    if (BEFORE_NAME.has(key)) {
      const name = /^ ?(?:[A-Z]|\d)/.test(textAfter(place))
      const written = m[1]![0] !== m[1]![0]!.toLowerCase()
      const numeric = /^(?:fig|ch|sec|p|temp|max|min|est|ca|v|ed|art|ep|cl|ex|fl|rm|def|rt|fn)$/.test(key)
      // "the min. wage"
      if (/^(?:min|max)$/.test(key) && /^ [a-z]/.test(textAfter(place))) return words(full)
      // Exhibit A, but "my ex. Alice"; floor 3, but "fl. Paris".
      if (
        /^(?:ex|cl|fl|ep|rm|ch|rt|fn)$/.test(key) &&
        !/^ ?(?:\d|[A-Z](?![A-Za-z])|[ivxIVX]+\b)/.test(textAfter(place))
      )
        return undefined
      if (key === 'ch') return words(full)
      if (!name || !(written || numeric)) return undefined
    }
    if (key === 'co' && !/^[A-Z&]/.test(place.previousWord)) return undefined
    return keepFinalStop(place, words(full))
  }),
  rule('Roman numeral', String.raw`([IVXLCDM]{1,9})('s)?(?![A-Za-z\d'-])`, (m, place) => {
    const read = readRoman(m[1]!, place)
    return read && possessive(read, m[2])
  }),
  rule('small Roman numeral', String.raw`([ivx]{1,5})(?![A-Za-z\d'-])`, (m, place) => {
    const value = romanValue(m[1]!.toUpperCase())
    const numbered = NUMBERED.has(place.previousWord.toLowerCase())
    // "(iii)" before an item.
    const isItem =
      (place.start === place.text.search(/\S/) && textAfter(place).startsWith(',')) ||
      (/\($/.test(textBefore(place)) && textAfter(place).startsWith(')'))
    if (value !== undefined && m[1]!.length > 1 && isItem) return cardinal(String(value))
    if (
      value !== undefined &&
      /^[Cc]h\. ?$/.test(place.text.slice(Math.max(0, place.start - 4), place.start).trimStart())
    )
      return cardinal(String(value))
    return value !== undefined && numbered && (m[1] !== 'i' || /^[\s)]*(?:$|[.,;:)])/.test(textAfter(place)))
      ? cardinal(String(value))
      : undefined
  }),
  rule('short for with', String.raw`w\/(o?)(?= ?[A-Za-z\d])`, (m) => [m[1] ? 'without' : 'with']),
  rule('and/or', String.raw`and\/or(?![A-Za-z])`, () => ['and', 'or'], 'i'),
]

export const VERSION_RULES: readonly Rule[] = [
  rule('version', String.raw`\d{1,9}(?:\.\d{1,9}){2,6}(?!\.?\d)`, (m) =>
    // Groups of three are thousands: 1.000.000.
    /^\d{1,3}(?:\.\d{3}){2,}$/.test(m[0]) ? undefined : readVersion(m[0]),
  ),
]
