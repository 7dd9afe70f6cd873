/** The source-filter vocoder. */
export { type EventEngine, LEVEL_SIZE, LEVEL_STEP } from './engines/index.ts'
export { createSourceFilter } from './source-filter.ts'
