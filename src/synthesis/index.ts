/** Text to streamed audio. */
export { encodeChunks, FORMATS, type Format, isMeasured, mediaTypeOf } from './format.ts'
export { loadSynthesizer } from './load.ts'
export { MAX_SEED, randomSeed, sentenceSeed } from './seed.ts'
export { LiveText, type Mark, type Sentence, sentencesOf } from './sentences.ts'
export { looksLikeSsml, SsmlError, ssmlSentences } from './ssml/index.ts'
export {
  type Chunk,
  type Scheduler,
  type SpeechOptions,
  type Stage,
  Synthesizer,
  type SynthesizerParts,
} from './synthesizer.ts'
export type { PhonemeTime, SentenceTime, WordTime } from './times.ts'
