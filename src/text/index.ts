/** English text to phonemes: sentences, normalisation, pronunciation. */
export { ALPHABETS, type Alphabet, type GivenSound, parsePhonemes } from './given.ts'
export { normalize, spokenText, type Token } from './languages/en/normalize.ts'
export { type Phonemized, type PhonemizedWord, phonemize } from './languages/en/phonemize.ts'
export { MAX_SENTENCE, type SentenceSpan, splitSentences } from './languages/en/sentences.ts'
export { PHONEMES } from './phonemes.ts'
export {
  lexiconSound,
  MAX_LEXICON_ENTRIES,
  MAX_LEXICON_PHONEMES,
  MAX_LEXICON_WORD,
  RequestLexicon,
} from './request-lexicon.ts'
