/**
 * Sounds that the caller gives instead of the dictionary's: phonemes in the voices' alphabet or in IPA, for a stretch
 * of a sentence (SSML) or for every place where a word is written (a request's lexicon).
 */
import { SparsewaveError } from '../errors.ts'
import { CONSONANTS, PHONEMES, PRIMARY, SECONDARY, VOWELS } from './phonemes.ts'

/** How characters [start, end) of a sentence are to sound. */
export interface GivenSound {
  readonly start: number
  readonly end: number
  /** Symbols of PHONEMES, spoken in place of the characters. */
  readonly phonemes?: string
  /** Stress of the words that stand there. */
  readonly emphasis?: 'strong' | 'reduced'
}

export const ALPHABETS = ['x-sparsewave', 'ipa'] as const
export type Alphabet = (typeof ALPHABETS)[number]

/** IPA as people write American English to the symbols voices know; longer ones first. '' = passed over. */
const IPA: readonly (readonly [string, string])[] = [
  ['aɪ', 'I'],
  ['aʊ', 'W'],
  ['eɪ', 'A'],
  ['oʊ', 'O'],
  ['əʊ', 'O'],
  ['ɔɪ', 'Y'],
  ['tʃ', 'ʧ'],
  ['dʒ', 'ʤ'],
  ['ɜr', 'ɜɹ'],
  ['l\u0329', 'ᵊl'],
  ['n\u0329', 'ᵊn'],
  ['m\u0329', 'ᵊm'],
  ['ɚ', 'əɹ'],
  ['ɝ', 'ɜɹ'],
  ['ɾ', 'T'],
  ['r', 'ɹ'],
  ['g', 'ɡ'],
  ['a', 'ɑ'],
  ['e', 'ɛ'],
  ['o', 'ɔ'],
  ['y', 'u'],
  ['ɒ', 'ɑ'],
  ['ɨ', 'ᵻ'],
  ['ɫ', 'l'],
  ['x', 'k'],
  ['ʍ', 'w'],
  ['ʦ', 'ts'],
  ["'", PRIMARY],
  ['ː', ''],
  ['ˑ', ''],
  ['.', ''],
  ['ʰ', ''],
]

/** The entries by their first character, so that a text is not compared with all of them at each of its own. */
const IPA_BY_FIRST = new Map<string, (readonly [string, string])[]>()
for (const entry of IPA) {
  const first = entry[0].charAt(0)
  const known = IPA_BY_FIRST.get(first)
  if (known) known.push(entry)
  else IPA_BY_FIRST.set(first, [entry])
}

const SPOKEN = new Set([...CONSONANTS, ...VOWELS])

/**
 * Phonemes as a caller wrote them, checked and in the voices' alphabet. In IPA a stress mark stands before its syllable
 * and is moved to the vowel. Throws REQUEST_INVALID naming the symbol that is wrong.
 */
export function parsePhonemes(written: string, alphabet: Alphabet = 'x-sparsewave'): string {
  const sounds = alphabet === 'ipa' ? fromIpa(written) : written.normalize('NFC').trim().replace(/\s+/g, ' ')
  for (let i = 0; i < sounds.length; i++) {
    const symbol = sounds[i]!
    if (symbol === PRIMARY || symbol === SECONDARY) {
      if (!VOWELS.has(sounds[i + 1] ?? ''))
        throw wrong(written, `the stress mark ${symbol} must stand directly before a vowel`)
    } else if (symbol !== ' ' && !SPOKEN.has(symbol)) {
      const name = String.fromCodePoint(sounds.codePointAt(i)!)
      throw wrong(written, `"${name}" is not a ${alphabet === 'ipa' ? 'sound these voices have' : 'phoneme'}`)
    }
  }
  if (!Array.from(sounds).some((symbol) => SPOKEN.has(symbol))) throw wrong(written, 'there is no sound in it')
  return sounds
}

const wrong = (written: string, why: string): SparsewaveError =>
  new SparsewaveError('REQUEST_INVALID', `The phonemes "${written}" cannot be spoken: ${why}.`, {
    remedy: `Phonemes are ${PHONEMES.slice(PHONEMES.indexOf(PRIMARY))}; docs/reference/phonemes.md shows how words are written in them.`,
  })

function fromIpa(written: string): string {
  // Ties and the mark of a vowel that is no syllable of its own say nothing here.
  const text = written
    .normalize('NFC')
    .trim()
    .replace(/[\u0361\u035c\u032f]/g, '')
    .replace(/^[/[]|[/\]]$/g, '')
  let out = ''
  let stress = ''
  for (let at = 0; at < text.length; ) {
    const known = IPA_BY_FIRST.get(text.charAt(at))?.find(([ipa]) => text.startsWith(ipa, at))
    const sounds = known ? known[1] : text[at]!
    at += known ? known[0].length : 1
    if (sounds === PRIMARY || sounds === SECONDARY) {
      stress = sounds
      continue
    }
    for (const symbol of sounds) {
      if (stress !== '' && VOWELS.has(symbol)) {
        out += stress
        stress = ''
      }
      out += symbol
    }
  }
  return (out + stress).replace(/\s+/g, ' ').trim()
}
