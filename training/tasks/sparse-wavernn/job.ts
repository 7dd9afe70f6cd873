/**
 * What a `task: sparse-wavernn` job file may say. Every key has a default but the corpus and the run's folder.
 */

import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { z } from 'zod'
import { augmentSchema } from '../../data/augment.ts'

const keys = z.strictObject({
  task: z.literal('sparse-wavernn'),
  /** Folder with corpus.jsonl, or with metadata.csv and wavs/ (LJSpeech). */
  corpus: z.string(),
  /** Where checkpoints and logs go. */
  run: z.string(),
  /** Where extracted features are kept. */
  cache: z.string().default('runs/cache'),
  engine: z.string().default('auto'),
  /** Native threads; 0 = one a core. */
  threads: z.number().int().min(0).max(256).default(0),
  /** Worker processes that share every batch, one thread each; 0 = none, the engine's threads. */
  workers: z.number().int().min(0).max(256).default(0),
  /** Threads that make batches ahead; 0 = the trainer's own. Default: one a core but one, with more than 2 cores and 32 lanes. */
  batchThreads: z.number().int().min(0).max(256).optional(),
  seed: z.number().int().min(0).max(0xffffffff).default(1),
  net: netConfigSchema.prefault({}),
  /** A method of training/masks and its own options, which that method checks. */
  masks: z.looseObject({ method: z.string().default('random') }).prefault({}),
  /** Run folder, checkpoint or voice whose weights, masks and normalisation this run starts from. */
  from: z.string().optional(),
  /** Train on this acoustic model's envelopes (run folder or checkpoint) instead of the recordings' own. */
  acoustic: z.string().optional(),
  /** Sharpening of those envelopes, as for `sparsewave compact`. */
  sharpen: z.number().min(0).max(3).default(1.4),
  /** Folders of further corpora to train on, other voices say; their held-out ids are left out. */
  more: z.array(z.string()).default([]),
  /** Altered copies of all training recordings, beside them. */
  augment: augmentSchema.optional(),
  /** Only the first so many training recordings of `corpus`; 0 = all. */
  utterances: z.number().int().min(0).default(0),
  training: z
    .strictObject({
      /** Parameter updates of the whole schedule. */
      updates: z.number().int().min(1).default(100_000),
      /**
       * Ends the schedule by multiply-accumulates (1e9) instead, so that methods of different cost get equal compute; `updates`
       * stays the limit.
       */
      gmacs: z.number().positive().optional(),
      /** Sequences side by side, a multiple of 16. */
      lanes: z.number().int().multipleOf(16).min(16).default(32),
      /** Steps of truncated backpropagation, a multiple of 30. */
      steps: z.number().int().multipleOf(30).min(30).default(150),
      learningRate: z.number().positive().default(2e-3),
      /** Learning rate at the end, as a share of the initial one. */
      finalRate: z.number().min(0).max(1).default(0.05),
      warmup: z.number().int().min(0).default(300),
      beta1: z.number().min(0).lt(1).default(0.9),
      beta2: z.number().min(0).lt(1).default(0.99),
      epsilon: z.number().positive().default(1e-8),
      clip: z.number().positive().default(1),
      /** Decay of the moving average of the weights, which is what is exported. */
      average: z.number().min(0).lt(1).default(0.9995),
      /** Largest noise on the past, in residual gains. */
      noise: z.number().min(0).default(0.3),
    })
    .prefault({}),
  validation: z
    .strictObject({
      /** Updates between validations. */
      every: z.number().int().min(1).default(2000),
      /** Recordings used, a multiple of 16. */
      utterances: z.number().int().multipleOf(16).min(16).default(16),
      /** Of these, how many are synthesized at each validation, to listen to. */
      samples: z.number().int().min(0).max(16).default(0),
    })
    .prefault({}),
  checkpoint: z.strictObject({ minutes: z.number().positive().default(3) }).prefault({}),
})
export const sparseWavernnJobSchema = keys
  .refine((job) => !(job.augment && job.acoustic), {
    path: ['augment'],
    message: 'cannot be had together with acoustic: altered recordings have no predicted envelopes',
  })
  .refine((job) => !(job.more.length > 0 && job.acoustic), {
    path: ['more'],
    message: 'cannot be had together with acoustic, which knows the voice of corpus alone',
  })
export type SparseWavernnJob = z.output<typeof sparseWavernnJobSchema>
