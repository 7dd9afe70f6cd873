/** Corpora and their cached features. */
export { readUtterance } from './audio.ts'
export { buildCache, type Cached, type CacheProgress, readCached } from './cache.ts'
export {
  DURATION_UNIT,
  readCorpus,
  type Split,
  split,
  type Utterance,
} from './corpus.ts'
