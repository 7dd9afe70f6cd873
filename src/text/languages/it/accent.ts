/**
 * Which vowel of an Italian word is stressed, and whether a stressed e or o is open: written accents, a list of words
 * (data/it.stress), words that a listed one is the base of, and endings learned from the list.
 */
import { readData } from '../../data-file.ts'
import { OWN_ACCENTS } from './exceptions.ts'

export interface Accent {
  /** Index of the stressed letter. */
  readonly letter: number
  /** For e and o. */
  readonly open: boolean
  /** Where it comes from. */
  readonly from: 'written' | 'list' | 'derived' | 'ending'
}

interface Endings {
  readonly [ending: string]: { readonly place: number; readonly open: boolean }
}

const LONGEST_ENDING = 7
const MARKS: Readonly<Record<string, { plain: string; open: boolean }>> = Object.fromEntries([
  ...Array.from('àèìòù', (letter, i) => [letter, { plain: 'aeiou'[i]!, open: true }] as const),
  ...Array.from('áéíóú', (letter, i) => [letter, { plain: 'aeiou'[i]!, open: false }] as const),
])

/** A word as it is written and its accent, from the word with an accent on the stressed vowel. */
function parse(written: string, from: Accent['from']): [string, Accent] {
  for (let i = 0; i < written.length; i++) {
    const mark = MARKS[written[i]!]
    if (mark) return [written.slice(0, i) + mark.plain + written.slice(i + 1), { letter: i, open: mark.open, from }]
  }
  throw new Error(`${written} has no accent`)
}

const OWN: ReadonlyMap<string, Accent> = new Map(OWN_ACCENTS.map((written) => parse(written, 'list')))

let opened: { words: ReadonlyMap<string, Accent>; endings: Endings } | undefined

/** The list and the endings, read when the first word needs them. */
function data(): { words: ReadonlyMap<string, Accent>; endings: Endings } {
  if (opened) return opened
  const [list, table] = new TextDecoder().decode(readData('it', 'it.stress')).trimEnd().split('\n\n')
  const words = new Map<string, Accent>()
  let before = ''
  for (const line of list!.split('\n')) {
    const written = before.slice(0, Number(line[0])) + line.slice(1)
    before = written
    words.set(...parse(written, 'list'))
  }
  const endings: Record<string, { place: number; open: boolean }> = {}
  for (const line of table!.split('\n')) {
    const [ending, place, open] = line.split(' ')
    endings[ending!] = { place: Number(place), open: open === '1' }
  }
  opened = { words, endings }
  return opened
}

const derived = (accent: Accent): Accent => ({ ...accent, from: 'derived' })

/** Words that one may be an inflection of, by its ending: what the ending becomes. */
const INFLECTIONS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/chi$/, ['co', 'ca']],
  [/ghi$/, ['go', 'ga']],
  [/che$/, ['ca']],
  [/ghe$/, ['ga']],
  [/[aeo]$/, ['o', 'a', 'e']],
  [/i$/, ['o', 'e', 'io', 'a']],
]

/** Persons of verbs whose stress is the stem's: parlano, prendono; by infinitive. */
const PLURAL_VERB = /^(.{2,})(?:ano|ono|ino)$/
const SINGULAR_VERB = /^(.{2,})(?:o|i|a|e)$/
/** Forms with a stress of their own, as places from the end. */
const STRESSED_FORM = /(?:iamo|[ei]remo|[aei]mmo|[aei]vamo|[aei]vano|[aei]rono|[aei]ssero|ebbero|rebbero)$/

/** Imperatives with a pronoun: ascoltami, guardala. */
const IMPERATIVE = /^(.{3,})a(?:mi|ci|lo|la|li|le)$/

const CLITICS =
  /^(.+(?:[aei]r|ando|endo|[aei]te|iamo))(?:(?:me|te|ce|ve|se|glie)(?:lo|la|li|le|ne)|mi|ti|ci|vi|si|lo|la|li|le|gli|ne)$/

/** Numbers are written as one word, whose last number has the stress: ventiquattro, duecento, tremila. */
const NUMBER_TAIL =
  /(?<=(?:due|tre|quattro|cinque|sei|sette|otto|nove|cento|vent|ant|rent)[ai]?)(uno|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici|tredici|quattordici|quindici|sedici|diciassette|diciotto|diciannove|venti|trenta|quaranta|cinquanta|sessanta|settanta|ottanta|novanta|cento|mila)$/

const listed = (word: string): Accent | undefined => OWN.get(word) ?? data().words.get(word)

/** The accent of a listed word's inflection, or of a verb's form. */
function fromListed(word: string): Accent | undefined {
  const clitic = CLITICS.exec(word)?.[1]
  if (clitic !== undefined) {
    const base = listed(clitic.endsWith('r') ? `${clitic}e` : clitic)
    if (base) return derived(base)
    const gerund = /^.+([ae])ndo$/.exec(clitic)
    if (gerund) return { letter: clitic.length - 4, open: gerund[1] === 'e', from: 'derived' }
    if (clitic.endsWith('r')) return { letter: clitic.length - 2, open: false, from: 'derived' }
  }
  const form = STRESSED_FORM.exec(word)
  if (form) {
    const whole = form[0]
    const within = whole === 'iamo' ? 1 : /^(?:[aei]vamo|[ei]remo)$/.test(whole) ? 2 : /^r/.test(whole) ? 1 : 0
    return { letter: word.length - whole.length + within, open: whole.includes('ebb'), from: 'derived' }
  }
  const plural = PLURAL_VERB.exec(word)?.[1]
  if (plural !== undefined) {
    const isVerb = ['are', 'ere', 'ire'].some((end) => listed(plural + end))
    const stem = isVerb ? stemOf(plural) : undefined
    if (stem) return stem
  }
  const imperative = IMPERATIVE.exec(word)?.[1]
  if (imperative !== undefined && listed(`${imperative}are`)) {
    const stem = stemOf(imperative)
    if (stem) return stem
  }
  for (const [pattern, ends] of INFLECTIONS) {
    const match = pattern.exec(word)
    if (match === null) continue
    const stem = word.slice(0, match.index)
    for (const end of ends) {
      const base = listed(stem + end)
      // A stressed ending is another word's: parlò is no base of parla.
      if (base && base.letter < stem.length) return derived(base)
    }
  }
  const singular = SINGULAR_VERB.exec(word)?.[1]
  return singular === undefined ? undefined : stemOf(singular)
}

/** The accent of a verb's stem, if one is listed: by its short forms, then by an infinitive with the stress on the stem. */
function stemOf(stem: string): Accent | undefined {
  for (const end of ['o', 'a', 'e', 'i']) {
    const base = listed(stem + end)
    if (base && base.letter < stem.length) return derived(base)
  }
  const infinitive = listed(`${stem}ere`)
  if (infinitive && infinitive.letter < stem.length) return derived(infinitive)
  if (infinitive || listed(`${stem}are`) || listed(`${stem}ire`) || listed(`${stem}arsi`)) {
    // The stem's last vowel, unless it is the i of "cambiare".
    for (let i = stem.length - 1; i >= 0; i--)
      if ('aeou'.includes(stem[i]!) || (stem[i] === 'i' && i < stem.length - 1))
        return { letter: i, open: isOpen(stem, i), from: 'derived' }
  }
  return undefined
}

/** Whether a verb's stem is open: as the ending that it has in -o tells. */
function isOpen(stem: string, at: number): boolean {
  const guessed = byEnding(`${stem}o`)
  return guessed.letter === at && guessed.open
}

function byEnding(word: string): Accent {
  const { endings } = data()
  const marked = `^${word}`
  for (let length = Math.min(LONGEST_ENDING, marked.length); length > 0; length--) {
    const ending = marked.slice(-length)
    if (!Object.hasOwn(endings, ending)) continue
    const { place, open } = endings[ending]!
    return { letter: word.length - place, open, from: 'ending' }
  }
  let seen = 0
  for (let i = word.length - 1; i >= 0; i--)
    if ('aeiou'.includes(word[i]!) && ++seen === 2) return { letter: i, open: false, from: 'ending' }
  return { letter: 0, open: false, from: 'ending' }
}

/** The accent of a word in small letters. */
export function accentOf(word: string): Accent {
  for (let i = word.length - 1; i >= 0; i--) {
    const mark = MARKS[word[i]!]
    // An i or u with a mark says nothing of openness.
    if (mark) return { letter: i, open: mark.open, from: 'written' }
  }
  const tail = NUMBER_TAIL.exec(word)
  if (tail) return { ...accentOf(tail[1]!), letter: tail.index + accentOf(tail[1]!).letter, from: 'derived' }
  const found = listed(word) ?? fromListed(word) ?? byEnding(word)
  // The stress of "uo" before a consonant is the o's: luogo, buono.
  const isUo = word.slice(found.letter, found.letter + 2) === 'uo' && found.letter + 2 < word.length
  return isUo ? { ...found, letter: found.letter + 1, open: true } : found
}
