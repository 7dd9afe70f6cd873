/** Stress of words: a mark stands directly before its vowel, ˈ primary and ˌ secondary. */
import { PRIMARY, SECONDARY, VOWELS } from '../../phonemes.ts'

export const isStressed = (phonemes: string): boolean => phonemes.includes(PRIMARY) || phonemes.includes(SECONDARY)

export const unstressed = (phonemes: string): string => phonemes.replace(/[ˈˌ]/g, '')

/** Primary stress becomes secondary, secondary goes. */
export const demoted = (phonemes: string): string =>
  phonemes.includes(PRIMARY) ? phonemes.replaceAll(SECONDARY, '').replaceAll(PRIMARY, SECONDARY) : phonemes

/** A word without any stress gets `mark` on its first vowel. */
export function withStress(phonemes: string, mark: string): string {
  if (isStressed(phonemes)) return phonemes
  for (let i = 0; i < phonemes.length; i++) {
    if (VOWELS.has(phonemes[i]!)) return phonemes.slice(0, i) + mark + phonemes.slice(i)
  }
  return phonemes
}

/** A word written in capitals: its strongest stress becomes primary. */
export function emphasized(phonemes: string): string {
  if (phonemes.includes(PRIMARY)) return phonemes
  if (phonemes.includes(SECONDARY)) return phonemes.replaceAll(SECONDARY, PRIMARY)
  return withStress(phonemes, PRIMARY)
}

/** Parts spoken as one word: the last keeps its primary stress, those before it only secondary. */
export function joinSpelled(parts: readonly string[]): string {
  return parts
    .map((part, i) => {
      const plain = unstressed(part)
      return withStress(plain, i === parts.length - 1 ? PRIMARY : SECONDARY)
    })
    .join('')
}
