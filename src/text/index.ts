/** English text to phonemes: sentences, normalisation, pronunciation. */
export { ALPHABETS, type Alphabet, type GivenSound, parsePhonemes } from './given.ts'
export { normalize, spokenText, type Token } from './normalize.ts'
export { PHONEMES } from './phonemes.ts'
export { type Phonemized, type PhonemizedWord, phonemize } from './phonemize.ts'
export {
  lexiconSound,
  MAX_LEXICON_ENTRIES,
  MAX_LEXICON_PHONEMES,
  MAX_LEXICON_WORD,
  RequestLexicon,
} from './request-lexicon.ts'
export { MAX_SENTENCE, type SentenceSpan, splitSentences } from './sentences.ts'
