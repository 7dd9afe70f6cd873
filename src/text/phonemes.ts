/**
 * The phoneme symbols: one character each, American English. The order is fixed forever, since trained models
 * store ids: id = index in PHONEMES + 1, and 0 is padding. Stress marks stand directly before their vowel.
 */

/** All symbols: space, punctuation, stress, consonants, vowels. Never reorder; append only. */
export const PHONEMES = ' ,.;:!?—()“”ˈˌbdfhjklmnpstvwzðŋɡɹʃʒθʤʧTAIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ'

export const PRIMARY = 'ˈ'
export const SECONDARY = 'ˌ'
export const PUNCTUATION: ReadonlySet<string> = new Set(',.;:!?—()“”')
export const CONSONANTS: ReadonlySet<string> = new Set('bdfhjklmnpstvwzðŋɡɹʃʒθʤʧT')
export const VOWELS: ReadonlySet<string> = new Set('AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ')

/** Symbols of British English that American English has no use for. Voices of it list them after PHONEMES. */
export const BRITISH_SYMBOLS = 'Qaɒː'

/**
 * Symbols of Spanish and Italian that English has no use for, as Kokoro's voices of them know them: espeak-ng's IPA with
 * affricates as one symbol and S for a long s. Voices of these languages list them after PHONEMES and BRITISH_SYMBOLS.
 */
export const ROMANCE_SYMBOLS = 'eoxrɾβɣʎɲʝʦʣS'

/**
 * One ASCII character for each symbol inside a word, for the data files: index for index with WORD_SYMBOLS.
 * None of them is a tab, newline, `|` or `:`.
 */
export const WORD_SYMBOLS = PHONEMES.slice(PHONEMES.indexOf(PRIMARY)) + BRITISH_SYMBOLS + ROMANCE_SYMBOLS
const ASCII = "',bdfhjklmnpstvwzDNgrSZ0JCTAIOWYiu&Eac@e3xUV^!Qoq+12456789BFGHK"

const toAscii = new Map(Array.from(WORD_SYMBOLS, (symbol, i) => [symbol, ASCII[i]!]))
const fromAscii = new Map(Array.from(WORD_SYMBOLS, (symbol, i) => [ASCII[i]!, symbol]))

/** A word's phonemes as ASCII; undefined when one of them is not in the set. */
export function encodeAscii(phonemes: string): string | undefined {
  let out = ''
  for (const symbol of phonemes) {
    const ascii = toAscii.get(symbol)
    if (ascii === undefined) return undefined
    out += ascii
  }
  return out
}

/** Inverse of `encodeAscii`. */
export function decodeAscii(text: string): string {
  let out = ''
  for (const c of text) out += fromAscii.get(c) ?? ''
  return out
}
