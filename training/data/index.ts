/** Corpora and their cached features. */
export { buildCache, type Cached, type CacheProgress, readCached } from './cache.ts'
export {
  DURATION_UNIT,
  readCorpus,
  readUtterance,
  type Split,
  split,
  type Utterance,
} from './corpus.ts'
