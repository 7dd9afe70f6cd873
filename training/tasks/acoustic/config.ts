/** What a `task: acoustic` job file may say. The net's own shape is src/acoustic/net/config.ts. */

import { acousticConfigSchema } from 'sparsewave/internal/acoustic/net/config'
import { z } from 'zod'

export * from 'sparsewave/internal/acoustic/net/config'
export { ENVELOPE_POINTS } from 'sparsewave/internal/frames'

export const acousticJobSchema = z.strictObject({
  task: z.literal('acoustic'),
  /** Folder with corpus.jsonl that has phonemes and durations. */
  corpus: z.string(),
  /** Further corpora. */
  more: z.array(z.string()).default([]),
  /** Where checkpoints and logs go. */
  run: z.string(),
  /** Where extracted features are kept. */
  cache: z.string().default('runs/cache'),
  /** TensorFlow.js to use: native where it is set up, cpu for tests. */
  engine: z.enum(['auto', 'native', 'cpu']).default('auto'),
  threads: z.number().int().min(1).max(256).default(1),
  seed: z.number().int().min(0).max(0xffffffff).default(1),
  model: acousticConfigSchema.prefault({}),
  /** Run folder, checkpoint or voice whose weights and normalisation a new run starts from. */
  from: z.string().optional(),
  training: z
    .strictObject({
      /** Parameter updates of the whole schedule. */
      updates: z.number().int().min(1).default(8000),
      /** Units (25 ms) in a batch, padding included. */
      batchUnits: z.number().int().min(1).default(1600),
      learningRate: z.number().positive().default(1e-3),
      /** Learning rate at the end, as a share of the initial one. */
      finalRate: z.number().min(0).max(1).default(0.02),
      warmup: z.number().int().min(0).default(200),
      beta1: z.number().min(0).lt(1).default(0.9),
      beta2: z.number().min(0).lt(1).default(0.98),
      epsilon: z.number().positive().default(1e-8),
      clip: z.number().positive().default(1),
      /** Decay of the moving average of the weights, which is what is exported. */
      average: z.number().min(0).lt(1).default(0.998),
      /** Share of a block's channels left out, by utterance. */
      dropout: z.number().min(0).lt(1).default(0.1),
    })
    .prefault({}),
  validation: z
    .strictObject({
      /** Updates between validations. */
      every: z.number().int().min(1).default(500),
      /** Recordings used. */
      utterances: z.number().int().min(1).default(32),
    })
    .prefault({}),
  checkpoint: z.strictObject({ minutes: z.number().positive().default(3) }).prefault({}),
})
export type AcousticJob = z.output<typeof acousticJobSchema>
