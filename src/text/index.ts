/** Text to phonemes, by language: sentences, normalisation, pronunciation. */
export { ALPHABETS, type Alphabet, type GivenSound, parsePhonemes } from './given.ts'
export type { Language, Phonemized, PhonemizedWord, SentenceSpan, Unreadable, WordSource } from './language.ts'
export { WORD_SOURCES } from './language.ts'
export { normalize, spokenText, type Token } from './languages/en/normalize.ts'
export { phonemize } from './languages/en/phonemize.ts'
export { MAX_SENTENCE, splitSentences } from './languages/en/sentences.ts'
export { DEFAULT_LANGUAGE, LANGUAGE_TAGS, languageFor } from './languages/index.ts'
export { PHONEMES } from './phonemes.ts'
export {
  readSentences,
  readText,
  type SentenceReading,
  scriptsOf,
  type TextReading,
  unreadableMessage,
} from './reading.ts'
export {
  lexiconSound,
  MAX_LEXICON_ENTRIES,
  MAX_LEXICON_PHONEMES,
  MAX_LEXICON_WORD,
  RequestLexicon,
} from './request-lexicon.ts'
