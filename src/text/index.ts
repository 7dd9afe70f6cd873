/** English text to phonemes: sentences, normalisation, pronunciation. */
export { normalize, spokenText, type Token } from './normalize.ts'
export { PHONEMES } from './phonemes.ts'
export { type Phonemized, type PhonemizedWord, phonemize } from './phonemize.ts'
export { MAX_SENTENCE, type SentenceSpan, splitSentences } from './sentences.ts'
