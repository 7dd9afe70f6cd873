/**
 * Pronunciations of words the dictionary does not list but whose stem it does: inflections, clitics, suffixes,
 * prefixes and compounds. The rules of sound are those of English phonology (voicing agreement, tapping).
 */
import { SECONDARY } from '../../phonemes.ts'
import { demoted, isStressed, withStress } from './stress.ts'

/** Pronunciation of a word the caller knows, or undefined. */
export type Lookup = (word: string) => string | undefined

const TAPPING = new Set('AIOWYiuæɑəɛɪɹʊʌ')

/** Plural, possessive, third person. */
export function addS(stem: string): string {
  const last = stem[stem.length - 1]!
  if ('ptkfθ'.includes(last)) return `${stem}s`
  return 'szʃʒʧʤ'.includes(last) ? `${stem}ᵻz` : `${stem}z`
}

/** Past tense. */
export function addEd(stem: string): string {
  const last = stem[stem.length - 1]!
  if ('pkfθʃsʧ'.includes(last)) return `${stem}t`
  if (last === 'd') return `${stem}ᵻd`
  if (last !== 't') return `${stem}d`
  return `${tapped(stem)}ᵻd`
}

export const addIng = (stem: string): string => `${tapped(stem)}ɪŋ`

/** A t between a vowel or r and an unstressed vowel is a tap. */
const tapped = (stem: string): string =>
  stem.length > 1 && stem.endsWith('t') && TAPPING.has(stem[stem.length - 2]!) ? `${stem.slice(0, -1)}T` : stem

/** Spellings of the stem under an -s. */
function stemsOfS(word: string): string[] {
  const stems: string[] = []
  if (word.endsWith("'s")) return [word.slice(0, -2)]
  if (word.endsWith("s'")) return [word.slice(0, -1), ...stemsOfS(word.slice(0, -1))]
  if (!word.endsWith('s') || word.length < 3) return stems
  if (!word.endsWith('ss')) stems.push(word.slice(0, -1))
  if (word.length > 4 && word.endsWith('es') && !word.endsWith('ies')) stems.push(word.slice(0, -2))
  if (word.length > 4 && word.endsWith('ies')) stems.push(`${word.slice(0, -3)}y`)
  return stems
}

function stemsOfEd(word: string): string[] {
  if (!word.endsWith('d') || word.length < 4) return []
  const stems: string[] = []
  if (!word.endsWith('dd')) stems.push(word.slice(0, -1))
  if (word.length > 4 && word.endsWith('ed') && !word.endsWith('eed')) {
    stems.push(word.slice(0, -2))
    if (word.endsWith('ied')) stems.push(`${word.slice(0, -3)}y`)
    if (/([bdfgklmnprstvz])\1ed$/.test(word)) stems.push(word.slice(0, -3))
  }
  return word.endsWith('ed') || word.endsWith("'d") ? stems : []
}

function stemsOfIng(word: string): string[] {
  if (word.length < 5 || !word.endsWith('ing')) return []
  const stem = word.slice(0, -3)
  const stems = word.length > 5 ? [stem, `${stem}e`] : [`${stem}e`]
  if (/([bcdgklmnprstvxz])\1$|ck$/.test(stem) && word.length > 5) stems.push(stem.slice(0, -1))
  return stems
}

const first = (stems: readonly string[], known: Lookup): string | undefined => {
  for (const stem of stems) {
    const phonemes = known(stem)
    if (phonemes) return phonemes
  }
  return undefined
}

/** Inflections -s, -'s, -ed, -ing of a known word. */
export function inflect(word: string, known: Lookup): string | undefined {
  const s = first(stemsOfS(word), known)
  // A plural's bare apostrophe adds no sound.
  if (s !== undefined) return word.endsWith("s'") && known(word.slice(0, -1)) !== undefined ? s : addS(s)
  const ed = first(stemsOfEd(word), known)
  if (ed !== undefined) return addEd(ed)
  const ing = first(stemsOfIng(word), known)
  if (ing !== undefined) return addIng(isStressed(ing) ? ing : withStress(ing, SECONDARY))
  return undefined
}

const CLITICS: Readonly<Record<string, string>> = {
  "'ll": 'əl',
  "'ve": 'əv',
  "'re": 'əɹ',
  "'d": 'd',
  "n't": 'ᵊnt',
  "'m": 'm',
}

/** Suffixes: spelling, sound, what may replace the suffix to make the stem's spelling. */
const SUFFIXES: readonly (readonly [string, string, readonly string[]])[] = [
  ['ization', 'əzˈAʃən', ['ize']],
  ['iness', 'inəs', ['y']],
  ['ilessness', 'iləsnəs', ['y']],
  ['lessness', 'ləsnəs', ['']],
  ['fulness', 'fᵊlnəs', ['']],
  ['ability', 'əbˈɪləTi', ['able', '', 'e']],
  ['ness', 'nəs', ['']],
  ['less', 'ləs', ['']],
  ['ful', 'fᵊl', ['']],
  ['ship', 'ʃˌɪp', ['']],
  ['hood', 'hˌʊd', ['']],
  ['wise', 'wˌIz', ['']],
  ['like', 'lˌIk', ['']],
  ['ward', 'wəɹd', ['']],
  ['some', 'səm', ['']],
  ['ment', 'mᵊnt', ['']],
  ['ably', 'əbli', ['able']],
  ['able', 'əbᵊl', ['', 'e']],
  ['ible', 'əbᵊl', ['', 'e']],
  ['ically', 'ɪkli', ['ic']],
  ['ily', 'ᵊli', ['y']],
  ['ly', 'li', ['']],
  ['ier', 'iəɹ', ['y']],
  ['iest', 'iəst', ['y']],
  ['er', 'əɹ', ['', 'e']],
  ['est', 'əst', ['', 'e']],
  ['or', 'əɹ', ['', 'e']],
  ['ism', 'ˌɪzəm', ['', 'e', 'y']],
  ['ist', 'ɪst', ['', 'e', 'y']],
  ['ish', 'ɪʃ', ['', 'e']],
  ['ize', 'ˌIz', ['', 'y']],
  ['ise', 'ˌIz', ['', 'y']],
  ['y', 'i', ['', 'e']],
  ["in'", 'ɪn', ['ing']],
]

const PREFIXES: Readonly<Record<string, string>> = {
  anti: 'ˌæntI',
  auto: 'ˌɔTO',
  bio: 'bˌIO',
  co: 'kˌO',
  counter: 'kˌWntəɹ',
  cyber: 'sˌIbəɹ',
  de: 'di',
  dis: 'dɪs',
  eco: 'ˌikO',
  electro: 'əlˌɛktɹO',
  ex: 'ˌɛks',
  extra: 'ˌɛkstɹə',
  fore: 'fˌɔɹ',
  hyper: 'hˌIpəɹ',
  infra: 'ˌɪnfɹə',
  inter: 'ˌɪntəɹ',
  kilo: 'kˌɪlO',
  macro: 'mˌækɹO',
  mega: 'mˌɛɡə',
  meta: 'mˌɛTə',
  micro: 'mˌIkɹO',
  mid: 'mˌɪd',
  mis: 'mˌɪs',
  mono: 'mˌɑnO',
  multi: 'mˌʌlti',
  nano: 'nˌænO',
  neo: 'nˌiO',
  neuro: 'nˌʊɹO',
  non: 'nˌɑn',
  out: 'ˌWt',
  over: 'ˌOvəɹ',
  poly: 'pˌɑli',
  post: 'pˌOst',
  pre: 'pɹˌi',
  pro: 'pɹˌO',
  pseudo: 'sˌudO',
  psycho: 'sˌIkO',
  re: 'ɹˌi',
  semi: 'sˌɛmi',
  sub: 'sˌʌb',
  super: 'sˌupəɹ',
  techno: 'tˌɛknO',
  tele: 'tˌɛlə',
  trans: 'tɹænz',
  tri: 'tɹˌI',
  ultra: 'ˌʌltɹə',
  un: 'ˌʌn',
  under: 'ˌʌndəɹ',
  up: 'ˌʌp',
  vice: 'vˌIs',
}

/** Sound of a prefix before a stressed stem, if the letters are one. */
export const prefixSound = (letters: string): string | undefined =>
  Object.hasOwn(PREFIXES, letters) ? PREFIXES[letters] : undefined

/** Pronunciation from a stem that `known` or an inflection of it gives; undefined when no analysis is convincing. */
export function derive(word: string, known: Lookup, depth = 0): string | undefined {
  const inflected = inflect(word, known)
  if (inflected !== undefined) return inflected
  const inner: Lookup = (w) =>
    w.length < 3 ? undefined : (known(w) ?? (depth < 2 ? derive(w, known, depth + 1) : undefined))

  const apostrophe = word.lastIndexOf("'")
  if (apostrophe > 0) {
    for (const [spelling, sound] of Object.entries(CLITICS)) {
      if (!word.endsWith(spelling)) continue
      const stem = known(word.slice(0, -spelling.length)) ?? inner(word.slice(0, -spelling.length))
      if (stem) return stem + (spelling === "'d" && /[td]$/.test(stem) ? 'əd' : sound)
    }
    if (word.endsWith("'s")) {
      const stem = inner(word.slice(0, -2))
      if (stem) return addS(stem)
    }
  }
  if (apostrophe < 0 && depth < 2) {
    const own = inflect(word, inner)
    if (own !== undefined) return own
  }
  for (const [spelling, sound, endings] of SUFFIXES) {
    if (!word.endsWith(spelling)) continue
    const root = word.slice(0, -spelling.length)
    if (root.length < 3) continue
    for (const ending of endings) {
      const stem = inner(root + ending)
      if (stem) return attach(stem, sound, ending)
    }
    const single = /([bdfgklmnprtvz])\1$/.test(root) && /^[eiay]/.test(spelling) ? inner(root.slice(0, -1)) : undefined
    if (single) return attach(single, sound, '')
  }
  for (let cut = 2; cut <= 7 && cut <= word.length - 4; cut++) {
    const sound = prefixSound(word.slice(0, cut))
    if (sound === undefined) continue
    const stem = inner(word.slice(cut))
    if (stem) return sound + stem
  }
  return depth === 0 ? compound(word, known) : undefined
}

function attach(stem: string, sound: string, ending: string): string {
  // Final y or able of the stem is replaced with it.
  if (ending === 'y' && stem.endsWith('i')) stem = stem.slice(0, -1)
  else if (ending === 'able') stem = stem.replace(/əbᵊl$/, '')
  else if (ending === 'ize') stem = demoted(stem.replace(/[ˈˌ]?Iz$/, ''))
  else if (ending === 'ic') stem = stem.replace(/ɪk$/, '')
  else if (ending === 'ing') stem = stem.replace(/ɪŋ$/, '')
  if (/^l/.test(sound) && stem.endsWith('ᵊl')) return sound === 'li' ? `${stem}i` : stem + sound
  if (sound.includes('ˈ')) stem = demoted(stem)
  return (/^[əɪiIᵊ]/.test(sound) ? tapped(stem) : stem) + sound
}

/** Two known words of at least three letters written together: the first carries the stress. */
export function compound(word: string, known: Lookup): string | undefined {
  if (!/^[a-z]{6,}$/i.test(word)) return undefined
  const from = word.length - 3
  for (let cut = from; cut >= 3; cut--) {
    const left = known(word.slice(0, cut))
    if (!left?.includes('ˈ')) continue
    const rest = word.slice(cut)
    const right = known(rest) ?? (rest.length > 4 ? inflect(rest, known) : undefined)
    if (right?.includes('ˈ')) return left + demoted(right)
  }
  return undefined
}
