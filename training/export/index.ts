/**
 * Compaction: a trainer's parameters and masks become the files that the vocoder runs.
 */
export { exportConditioning } from './conditioning.ts'
export { compactMatrix, prefixSums } from './matrix.ts'
export { compactVocoder, exportVocoder } from './vocoder.ts'
