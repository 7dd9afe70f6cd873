/** The source-filter vocoder. */
export { createSourceFilter } from './source-filter.ts'
