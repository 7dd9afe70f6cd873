/**
 * Other ways to say a word, for the aligner to choose from: the dictionary's readings by part of speech, strong and weak forms, and the
 * tapped t. The front end's own reading comes first.
 */
import type { Language } from 'sparsewave/internal/text/index'
import { lexicon } from 'sparsewave/internal/text/languages/en/lexicon'

const WEAK_AND_STRONG: Readonly<Record<string, readonly string[]>> = {
  a: ['ɐ', 'ˈA'],
  an: ['ɐn', 'ˈæn'],
  and: ['ænd', 'ənd', 'ən'],
  are: ['ɑɹ', 'əɹ'],
  as: ['æz', 'əz'],
  at: ['æt', 'ət'],
  can: ['kæn', 'kən'],
  for: ['fɔɹ', 'fəɹ'],
  from: ['fɹʌm', 'fɹəm'],
  has: ['hæz', 'həz'],
  of: ['ʌv', 'əv'],
  the: ['ðə', 'ði'],
  to: ['tə', 'tu', 'tʊ'],
  your: ['jʊɹ', 'jɔɹ', 'jəɹ'],
}

/** At most so many readings of one word. */
const MOST = 5
const TAPPED = /(?<=[AIOWYiuæɐɑɔəɛɜɪʊʌɹ])[td](?=[ˌ]?[AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ])/gu

/** Readings of a word, the given one first. */
export function wordVariants(word: string, sound: string, language: Language): string[] {
  const found = new Set([sound])
  if (language.folder === 'en') {
    const small = word.toLowerCase()
    for (const form of WEAK_AND_STRONG[small] ?? []) found.add(form)
    // A number or an abbreviation is several words; the dictionary has entries for single ones.
    const entry = lexicon(language.data.find((file) => file.endsWith('.lexicon'))).find(small)
    if (entry) for (const other of [entry.phonemes, ...Object.values(entry.byTag)]) if (other) found.add(other)
    if (language.tag === 'en-US')
      for (const form of [...found]) {
        found.add(form.replace(TAPPED, 'T'))
        found.add(form.replaceAll('T', 't'))
      }
  }
  return [...found].slice(0, MOST)
}
