/** Text to streamed audio. */
export { encodeChunks, FORMATS, type Format, isMeasured, mediaTypeOf } from './format.ts'
export { loadSynthesizer } from './load.ts'
export { MAX_SEED, randomSeed, sentenceSeed } from './seed.ts'
export { LiveText, type Mark, type Sentence, sentencesOf } from './sentences.ts'
export {
  type Chunk,
  type Scheduler,
  type SentenceTime,
  type SpeechOptions,
  type Stage,
  Synthesizer,
  type SynthesizerParts,
  type WordTime,
} from './synthesizer.ts'
