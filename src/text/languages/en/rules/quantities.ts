/** Amounts with units, in any case and compound: 12KG, 9.8 m/s², 1/2 tsp, 100 million kg, $20/mo. */
import { cardinal, fraction } from '../numbers.ts'
import { MAGNITUDES, TOUCHING_UNITS, UNITS } from '../tables.ts'
import {
  describesNoun,
  isOne,
  NUMBER,
  nameNumber,
  type Place,
  type Reading,
  type Rule,
  readNumber,
  rule,
  textAfter,
  textBefore,
  words,
} from './rule.ts'

/** By small letters, for units written in another case; the first of those that differ by case alone counts. */
const BY_SMALL = new Map<string, readonly [string, string]>()
for (const [unit, names] of Object.entries(UNITS))
  if (unit.length > 1 && !BY_SMALL.has(unit.toLowerCase())) BY_SMALL.set(unit.toLowerCase(), names)

/** Units of time and the like after "per". */
const PER: Readonly<Record<string, string>> = {
  mo: 'month',
  month: 'month',
  yr: 'year',
  y: 'year',
  year: 'year',
  wk: 'week',
  d: 'day',
  day: 'day',
  hr: 'hour',
  h: 'hour',
  min: 'minute',
  s: 'second',
  sec: 'second',
  ea: 'each',
  pp: 'person',
  px: 'pixel',
  doz: 'dozen',
  dz: 'dozen',
}

const ATOM = '(?:[A-Za-zµΩ]{1,6}|°[CFK]?|%|‰)'
const POWER = String.raw`(?:\^?[23]|[²³])?`
const UNIT = new RegExp(
  String.raw`(?:(sq|cu|fl)\.?\s?(ft|in|mi|m|km|cm|yd|oz)|(${ATOM})(${POWER}))(?:(\/|·|\*)(${ATOM})(${POWER}))?(?:\/(${ATOM}))?(?![A-Za-z\d²³]|'[A-Za-z])`,
  'y',
)

type Names = readonly [string, string]

const nameOf = (atom: string): Names | undefined =>
  Object.hasOwn(UNITS, atom) ? UNITS[atom] : BY_SMALL.get(atom.toLowerCase())

const isLength = ([one]: Names): boolean => /(?:meter|foot|inch|yard|mile)$/.test(one)

/** A unit with a power: square and cubic for lengths, squared and cubed for others. */
function powered(names: Names, power: string): Names {
  if (power === '') return names
  const isSquare = /[2²]/.test(power)
  if (isLength(names))
    return [`${isSquare ? 'square' : 'cubic'} ${names[0]}`, `${isSquare ? 'square' : 'cubic'} ${names[1]}`]
  return [`${names[0]} ${isSquare ? 'squared' : 'cubed'}`, `${names[1]} ${isSquare ? 'squared' : 'cubed'}`]
}

/** The unit at a place of the text, singular and plural, and where it ends. */
export function unitAt(
  text: string,
  at: number,
): { readonly names: Names; readonly end: number; readonly written: string } | undefined {
  UNIT.lastIndex = at
  const match = UNIT.exec(text)
  if (match === null) return undefined
  const end = at + match[0].length
  const [written, kind, of, atom, power = '', joint, second, secondPower = '', third] = match
  if (kind !== undefined) {
    const base = nameOf(of!)!
    const names: Names = kind === 'fl' ? ['fluid ounce', 'fluid ounces'] : powered(base, kind === 'sq' ? '2' : '3')
    return { names, end, written }
  }
  const whole = Object.hasOwn(UNITS, written) ? UNITS[written] : BY_SMALL.get(written.toLowerCase())
  if (whole !== undefined) return { names: whole, end, written }
  const base = nameOf(atom!)
  if (base === undefined) return undefined
  let names = powered(base, power)
  if (joint === undefined) return { names, end, written }
  const under = joint === '/' ? (PER[second!] ?? nameOf(second!)?.[0]) : nameOf(second!)?.[0]
  if (under === undefined) return undefined
  if (joint === '/') {
    const denominator =
      secondPower === ''
        ? under
        : isLength([under, under])
          ? powered([under, under], secondPower)[0]
          : `${under} ${/[2²]/.test(secondPower) ? 'squared' : 'cubed'}`
    names = [`${names[0]} per ${denominator}`, `${names[1]} per ${denominator}`]
  } else names = [`${base[0]} ${under}`, `${base[0]} ${nameOf(second!)![1]}`]
  const last = third === undefined ? undefined : (PER[third] ?? nameOf(third)?.[0])
  if (last !== undefined) names = [`${names[0]} per ${last}`, `${names[1]} per ${last}`]
  return { names, end, written }
}

/** Letters that are no unit with a space before them unless the place is sure. */
function isDoubtful(unit: string, gap: string, text: string, end: number): boolean {
  if (/^in$/i.test(unit)) {
    const rest = text.slice(end, end + 14)
    return !/^(?:\.?["')\]]*$|[.,;:)]|\s?(?:[x×*]|by)\s?\d|\s(?:wide|tall|long|deep|thick|high|diameter|screens?|displays?|pipes?)\b)/.test(
      rest,
    )
  }
  if (gap === '') return false
  if (unit === 'L' || unit === 'V' || unit === 'W') return /^\.? [A-Z\d]/.test(text.slice(end, end + 3))
  return TOUCHING_UNITS.has(unit)
}

/** `~` before single capitals, which units such as psi are read as. */
const spelled = (read: string[]): string[] => read.map((w) => (/^[A-Z]$/.test(w) ? `~${w}` : w))

const ROAD_BEFORE = /\b(?:I-|Interstate |Hwy\.? |Highway |Route |Rte\.? |US )$/

/** An amount's words with the unit that follows it at `at`, if one does. */
function withUnit(place: Place, at: number, amount: readonly string[], one: boolean): Reading | undefined {
  const gap = /^[ -]?/.exec(place.text.slice(at, at + 1))![0]
  const unit = unitAt(place.text, at + gap.length)
  if (unit === undefined) return undefined
  // A hyphen before a unit makes an adjective: a six-foot fence.
  if (gap === '-' && !/^(?:\.?\s[a-z]|\.?\)|\.\s)/.test(place.text.slice(unit.end, unit.end + 3))) return undefined
  // A road and where it leads: I-40 W.
  if (/^[NSEW]$/.test(unit.written) && ROAD_BEFORE.test(textBefore(place))) return undefined
  if (isDoubtful(unit.written, gap, place.text, unit.end)) return undefined
  const single = one || gap === '-' || describesNoun(place, unit.end) || isTurn(unit.written, place.text, unit.end)
  const read = spelled([...amount, ...words(unit.names[single ? 0 : 1])])
  // A full stop after an abbreviated unit belongs to it, unless the sentence ends.
  const dotted = place.text[unit.end] === '.' && /^\. *[a-z,;)\d]/.test(place.text.slice(unit.end, unit.end + 12))
  return { words: read, end: dotted && /[a-z]$/i.test(unit.written) ? unit.end + 1 : unit.end }
}

/** "a 30° angle", without its article. */
const isTurn = (unit: string, text: string, end: number): boolean =>
  unit === '°' && /^ (?:angle|turn|incline|slope|bend|rotation|corner|view)\b/.test(text.slice(end, end + 12))

/** Words before "2/5" that count: two of five. */
const OF_CUE =
  /\b(?:retry|attempt|step|page|part|slide|try|round|day|lesson|question|lap|test|stage|task|item|photo|week) #?$/i

/** A quote that can close nothing is the sign of inches. */
const isInches = (place: Place, at: number): boolean =>
  place.text[at] === '"' && place.text.slice(0, place.start).split(/(?<!\d)"/).length % 2 === 1

const withInches = (place: Place, read: readonly string[]): Reading | undefined =>
  isInches(place, place.end) && !isDimension(place) ? { words: [...read, 'inch'], end: place.end + 1 } : undefined

const KITCHEN: Readonly<Record<string, readonly [string, string]>> = {
  c: ['cup', 'cups'],
  T: ['tablespoon', 'tablespoons'],
  t: ['teaspoon', 'teaspoons'],
}

/** After feet or a factor: 6'2", 3x5". */
const isDimension = (place: Place): boolean => /\d\s?'\s?$/.test(textBefore(place))

/** Nouns after which x/10 or x/5 is a mark out of so many. */
const SCORE_AFTER = /^\s?(?:stars?|points?|marks?|rating|score|on\b|for\b|from\b|by\b|in the\b|would\b|[.,;!?)]|$)/i
const SCORE_CUE =
  /\b(?:rat(?:e|ed|es|ing)|scor(?:e|ed|es|ing)|gave|give|gives|got|get|grade|graded|mark|marks)\s(?:(?:it|him|her|them|this|that|an?|is|was|of|as|at|the|solid|perfect|:)\s){0,3}$/i

export const QUANTITY_RULES: readonly Rule[] = [
  rule('two frequencies or voltages', String.raw`(\d{2,3})\/(\d{2,3})(?=\s?(?:Hz|V)(?![A-Za-z]))`, (m, place) =>
    withUnit(place, place.end, [...cardinal(m[1]!), ',', ...cardinal(m[2]!)], false),
  ),
  rule('shares of a hundred', String.raw`(\d0|\d5)\/(\d0|\d5)(?![\d/]|\.\d|\s?(?:mm|in)\b)`, (m) =>
    Number(m[1]) + Number(m[2]) === 100 ? [...cardinal(m[1]!), ...cardinal(m[2]!)] : undefined,
  ),
  rule('eight, seven Central', String.raw`(\d{1,2})\/(\d{1,2})c(?![A-Za-z\d])`, (m) => [
    ...cardinal(m[1]!),
    ',',
    ...cardinal(m[2]!),
    'Central',
  ]),
  rule('home runs', String.raw`(\d{1,3}) HRs?(?![A-Za-z])`, (m, place) =>
    m[0].endsWith('s') || /\b(?:RBIs?|hits?|hit|BA|AVG)\b/.test(textAfter(place) + textBefore(place))
      ? [...cardinal(m[1]!), 'home', isOne(m[1]!) ? 'run' : 'runs']
      : undefined,
  ),
  rule('standard of wireless nets', String.raw`802\.(\d{1,2})([a-z]{1,2})?(?![A-Za-z\d])`, (m) => [
    ...words('eight oh two dot'),
    ...cardinal(m[1]!),
    ...(m[2] ? [`~${m[2].toUpperCase()}`] : []),
  ]),
  rule('a variable', String.raw`(\d{1,6})x(?=\s?[-+=^)<>*]\s?[\d(a-z]|\s?=|\^|²|³)`, (m) => [...cardinal(m[1]!), '~X']),
  rule('model number', String.raw`(\d{3,4})-(\d{2,4})(?![\d:/-]|[.,]\d|%| BCE?\b|[A-Za-z]{2})`, (m, place) =>
    // A range goes up; a pair of years may go up in its last two digits.
    Number(m[1]) > Number(m[2]) && m[2]!.length > 2 && !/[$€£]\s?$/.test(textBefore(place))
      ? [...nameNumber(m[1]!), ',', ...nameNumber(m[2]!)]
      : undefined,
  ),
  rule('inches of a size', String.raw`(${NUMBER})"(?!\s?(?:[x×]|by\b|wide|tall|long|deep|thick|high))`, (m, place) => {
    // Not the end of what is quoted.
    if (!isInches(place, place.end - 1) || isDimension(place)) return undefined
    const noun =
      /^ [A-Za-z\d]/.test(textAfter(place)) && !/^ (?:and|or|in|is|was|of|to|from|at|on|for)\b/.test(textAfter(place))
    return [...readNumber(m[1]!), isOne(m[1]!) || noun ? 'inch' : 'inches']
  }),
  rule('measure of a kitchen', String.raw`(\d{1,2}|\d\/\d) ?(c|T|t)\.? (?=[a-z]{3,})`, (m, place) => {
    const names = KITCHEN[m[2]!]!
    if (m[2] !== 'T' && !m[0].includes('.')) return undefined
    const [top, bottom] = m[1]!.split('/')
    const amount = bottom ? fraction(top!, bottom) : cardinal(top!)
    return { words: [...amount, names[bottom !== undefined || isOne(m[1]!) ? 0 : 1]], end: place.end - 1 }
  }),
  rule('warmth without its sign', String.raw`(${NUMBER}) ?([FC])(?![A-Za-z\d'-])`, (m, place) => {
    const isSure =
      (/^\d{3}F$/.test(m[0]) && !/[-A-Za-z]$/.test(textBefore(place).trimEnd().slice(-1).replace('-', ''))) ||
      /\b(?:temp(?:erature)?|oven|heat(?:ed)?|preheat|bake|roast|fever|high|low|degrees|to|at|of|@)\b[^.]{0,14}$/i.test(
        textBefore(place),
      )
    return isSure && Number(m[1]) < 600
      ? [...readNumber(m[1]!), 'degrees', m[2] === 'F' ? 'Fahrenheit' : 'Celsius']
      : undefined
  }),
  rule('thousands', String.raw`(\d{1,3}\.\d|\d{3})K(?![A-Za-z\d/-])`, (m) => [...readNumber(m[1]!), 'thousand']),
  rule('fifty fifty', String.raw`50-50(?![\d-])`, () => words('fifty fifty')),
  rule('always', String.raw`24\/7(?:\/365)?(?![\d/])`, (m) =>
    words(m[0].length > 4 ? 'twenty four seven three sixty five' : 'twenty four seven'),
  ),
  rule('nine eleven', String.raw`9\/11(?![\d/]|\s?(?:of|"|inch|in\b|cups?))`, () => words('nine eleven')),
  rule('mixed fraction', String.raw`(\d{1,9}) (\d{1,3})\/(\d{1,3})(?![\d/])`, (m, place) => {
    if (Number(m[2]) >= Number(m[3])) return undefined
    const part = fraction(m[2]!, m[3]!)
    if (part[0] === 'one' && part.length === 2) part[0] = part[1] === 'eighth' ? 'an' : 'a'
    const read = [...cardinal(m[1]!), 'and', ...part]
    return withInches(place, read) ?? withUnit(place, place.end, read, false) ?? read
  }),
  rule('score', String.raw`(\d{1,3}(?:\.\d)?)\/(100|10|5)(?![\d/]|\.\d)`, (m, place) => {
    const isScore =
      m[2] === '5'
        ? SCORE_CUE.test(textBefore(place)) || /^\s?(?:stars?|points?)/.test(textAfter(place))
        : SCORE_AFTER.test(textAfter(place)) || SCORE_CUE.test(textBefore(place))
    if (!isScore || /^\s?(?:of|"|in\.|inch)/.test(textAfter(place)) || Number(m[1]) > 2 * Number(m[2])) return undefined
    return [...readNumber(m[1]!), 'out', 'of', ...cardinal(m[2]!)]
  }),
  rule('division', String.raw`(${NUMBER})\s?\/\s?(${NUMBER})(?=\s?=)`, (m) => [
    ...readNumber(m[1]!),
    'divided',
    'by',
    ...readNumber(m[2]!),
  ]),
  rule('fraction', String.raw`(\d{1,9})\/(\d{1,9})(?![\d/])`, (m, place) => {
    if (Number(m[1]) < Number(m[2])) {
      if (OF_CUE.test(textBefore(place))) return [...cardinal(m[1]!), 'of', ...cardinal(m[2]!)]
      if (
        m[1] === '20' &&
        (/\bvision\b|20\/\d/i.test(textBefore(place)) || /^ (?:vision|O[DSU]\b)/i.test(textAfter(place)))
      )
        return [...cardinal(m[1]!), ...cardinal(m[2]!)]
      const read = fraction(m[1]!, m[2]!)
      return withInches(place, read) ?? withUnit(place, place.end, read, true) ?? read
    }
    if (m[1] === m[2]) return [...cardinal(m[1]!), ...cardinal(m[2]!)]
    const read = [...cardinal(m[1]!), 'over', ...cardinal(m[2]!)]
    return withUnit(place, place.end, read, false) ?? read
  }),
  rule('feet and inches', String.raw`(\d{1,2})'\s?(\d{1,2})(?:"|''|”)`, (m) => [
    ...cardinal(m[1]!),
    'foot',
    ...cardinal(m[2]!),
  ]),
  rule(
    'feet or inches',
    String.raw`(${NUMBER})("|''|')(?=\s?(?:[x×]|by|tall|wide|long|deep|thick|high|screen|display|pipe|TV|monitor))`,
    (m) => [...readNumber(m[1]!), m[2] === "'" ? (isOne(m[1]!) ? 'foot' : 'feet') : isOne(m[1]!) ? 'inch' : 'inches'],
  ),
  rule('power of ten', String.raw`(\d+(?:\.\d+)?)[eE]([+-]?\d{1,3})(?![A-Za-z\d])`, (m) => [
    ...readNumber(m[1]!),
    ...words('times ten to the power of'),
    ...(m[2]!.startsWith('-') ? ['minus'] : []),
    ...cardinal(m[2]!.replace(/[+-]/, '')),
  ]),
  rule('range', String.raw`(${NUMBER})(%?)\s?–\s?(?=\d|[$€£¥])|(${NUMBER})(%?)-(?=\d)`, (m, place) => {
    const left = m[1] ?? m[3]!
    // A dash with spaces in a sum is a minus.
    if (/ – $/.test(m[0]) && /^[\d.,]{1,12}\s?=/.test(textAfter(place))) return [...readNumber(left), 'minus']
    // The second year of a pair in short form: 1939-45.
    return [...readNumber(left, true), ...((m[2] ?? m[4]) ? ['percent'] : []), 'to']
  }),
  rule('difference', String.raw`(${NUMBER}) [-] (?=-?\d)`, (m) => [...readNumber(m[1]!), 'minus']),
  rule('product', String.raw`(${NUMBER})(?:\s?×\s?|\s?x\s?|\s?\*\s?)(?=\d)`, (m, place) => {
    const isSum =
      m[0].includes('*') ||
      /^[\d.,\s×x*^÷/+-]{1,20}=/.test(textAfter(place)) ||
      /^10\^/.test(textAfter(place)) ||
      m[1]!.includes('.')
    return [...readNumber(m[1]!), isSum ? 'times' : 'by']
  }),
  rule('ratio', String.raw`(\d{1,9}):(\d{1,9})(?![\d:])`, (m) => [...cardinal(m[1]!), 'to', ...cardinal(m[2]!)]),
  rule('large amount with a unit', String.raw`(${NUMBER})\s(hundred|thousand|million|billion|trillion)\s`, (m, place) =>
    withUnit(place, place.end - 1, [...readNumber(m[1]!), m[2]!], false),
  ),
  rule('magnitude', String.raw`(${NUMBER})(k|M|B|bn|mn|tn)(?![A-Za-z\d/])`, (m, place) =>
    m[2] === 'k' && /^ (?:video|resolution|TV|display|screen|monitor)/i.test(textAfter(place))
      ? [...readNumber(m[1]!), '~K']
      : [...readNumber(m[1]!), MAGNITUDES[m[2]!]!],
  ),
  rule('unit', `${NUMBER}(?=[ -]?[A-Za-zµΩ°%‰])`, (m, place) => {
    const dimension = /^\s?[x×]\s?\d/.test(textAfter(place))
    return dimension ? undefined : withUnit(place, place.end, readNumber(m[0]), isOne(m[0]))
  }),
]

export const QUANTITY_LETTER_RULES: readonly Rule[] = [
  rule(
    'unit after per',
    String.raw`(km|kg|hr|lb|oz|mi|ml|mL|yr|GB|MB|TB|kWh|sec|min|cm|mm|ft|yd|gal|dL)(?![A-Za-z\d/²³])`,
    (m, place) => (/\bper $/i.test(textBefore(place)) ? words(nameOf(m[1]!)![0]) : undefined),
  ),
  rule(
    'unit by itself',
    String.raw`(?:km|mi|m|mg|kg|g|kB|MB|GB|Mbit|kbit)\/(?:h|hr|s|sec|L|dL|ml|min|day|kg|gal)(?![A-Za-z\d])`,
    (m, place) => {
      const unit = unitAt(place.text, place.start)
      return unit === undefined || unit.end !== place.start + m[0].length ? undefined : words(unit.names[1])
    },
  ),
]

export const QUANTITY_SIGN_RULES: readonly Rule[] = [
  rule(
    'so much in so much',
    String.raw`\/(?=\d{1,4}(?:\.\d{1,3})?\s?(?:m?[lLg]|oz|hrs?|h|min|days?|kg)(?![A-Za-z]))`,
    (_, place) =>
      /^\d[\d.,]*\s?(?:m?c?g|µg|m[lL]|kg|mmol|units?|IU|oz|mi|km)$/.test(place.previousWord) ? ['per'] : undefined,
  ),
  rule('per', String.raw`\/(${ATOM})(${POWER})(?![A-Za-z\d²³])`, (m, place) => {
    if (
      !/^\^\d+$|\d[a-zA-Z%]{0,4}$/.test(place.previousWord) &&
      !/\s(?:hundred|thousand|million|billion)$/.test(place.previousWord)
    )
      return undefined
    const unit = PER[m[1]!] ?? nameOf(m[1]!)?.[0]
    return unit === undefined || (m[1]!.length === 1 && !/^[hsdyL]$/.test(m[1]!))
      ? undefined
      : unit === 'each'
        ? ['each']
        : {
            words: ['per', ...words(m[2] ? powered([unit, unit], m[2])[0] : unit)],
            // The full stop of an abbreviation: $5/hr. minimum.
            end: place.end + (/^\. [a-z]/.test(textAfter(place)) ? 1 : 0),
          }
  }),
]
