/** The acoustic model's training task. */
export { type AcousticConfig, type AcousticJob, acousticConfigSchema, acousticJobSchema } from './config.ts'
export { type AcousticMeasures, measureAcoustic, openPredictor, Predictor } from './evaluate.ts'
export { cachedExamples } from './example.ts'
export { acousticGraph, exportAcoustic } from './export.ts'
export { measureSharpening, type Sharpening } from './sharpen.ts'
export { trainAcoustic } from './train.ts'
