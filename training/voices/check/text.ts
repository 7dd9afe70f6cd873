/** What a text says about its recording before anybody listens: symbols to speak, words that no dictionary has, other scripts. */
import type { Language } from 'sparsewave/internal/text/index'

export interface TextFacts {
  readonly words: number
  /** Symbols of its phonemes, spaces and marks not counted. */
  readonly symbols: number
  /** Share of words in small letters that no dictionary has as they are. */
  readonly unknown: number
  /** Share of words that are among the language's most common ones. */
  readonly common: number
  /** Scripts that the language does not read. */
  readonly scripts: readonly string[]
  /** The text in small letters without marks: what is the same is said twice. */
  readonly key: string
}

/** Words that any few sentences have, by folder of the language. */
const COMMON: Readonly<Record<string, ReadonlySet<string>>> = {
  en: new Set(
    `the of and to a in is it you that he was for on are with as i his they be at one have this from or had by not but what all were we
    when your can said there use an each which she do how their if will up other about out many then them these so some her would make
    like him into time has look two more go see no way could my than first been who its now find long down day did get come made may
    please press enter call number after before where here been our us me very just over also back any most only been being am`.split(
      /\s+/,
    ),
  ),
}

export function textFacts(text: string, language: Language): TextFacts {
  let words = 0
  let symbols = 0
  let unknown = 0
  let common = 0
  for (const sentence of language.splitSentences(text)) {
    const phonemized = language.phonemize(sentence.text)
    words += phonemized.words.length
    for (const { text: word, source } of phonemized.words) {
      const small = word.toLowerCase()
      if (COMMON[language.folder]?.has(small)) common++
      // Names have a capital letter and are in no dictionary either.
      if (word === small && (source === 'letters' || source === 'derived')) unknown++
    }
    symbols += phonemized.phonemes.replace(/[ ,.;:!?—()“”ˈˌ]/gu, '').length
  }
  return {
    words,
    symbols,
    unknown: unknown / Math.max(1, words),
    common: COMMON[language.folder] ? common / Math.max(1, words) : 1,
    scripts: [...new Set(language.unreadable(text).map((u) => u.script))],
    key: text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim(),
  }
}
