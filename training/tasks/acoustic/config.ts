/**
 * Shape of the acoustic model, and what a `task: acoustic` job file may say. Every size in the net comes from here.
 */
import { z } from 'zod'
import { ENVELOPE_POINTS } from '../../../src/frames.ts'
import { PHONEMES } from '../../../src/text/phonemes.ts'
import { FRAMES_PER_UNIT } from '../../data/corpus.ts'

/** Fields of a unit's pitch: normalised ln F0 of its frames, then their voicing. */
export const PITCH_FIELDS = 2 * FRAMES_PER_UNIT
/** Scales, in symbols, of the sines that tell a symbol's place from the sentence's start and end. */
export const POSITION_SCALES = [4, 8, 16, 32, 64, 128] as const
export const POSITION_FIELDS = 4 * POSITION_SCALES.length
/** Place of a unit in its symbol: share, ln of the symbol's units, units since its start / 10. */
export const UNIT_FIELDS = 3
export { ENVELOPE_POINTS, FRAMES_PER_UNIT }

const blocks = z.number().int().min(1).max(16)
const channels = z.number().int().min(4).max(1024)

export const acousticConfigSchema = z.strictObject({
  /** Symbols in the order of their ids; id = index + 1, and 0 is silence. */
  symbols: z.string().min(1).default(PHONEMES),
  /** Channels of the encoder and of the decoder at 25 ms. */
  channels: channels.multipleOf(4).default(192),
  encoderBlocks: blocks.default(4),
  /** Attention heads; an attention layer follows every second block of the encoder. */
  heads: z.number().int().min(1).max(16).default(4),
  durationChannels: channels.default(128),
  pitchChannels: channels.default(128),
  pitchBlocks: blocks.default(3),
  decoderBlocks: blocks.default(5),
  /** Channels and blocks at 5 ms. */
  frameChannels: channels.default(96),
  frameBlocks: blocks.default(2),
  /** Width of the convolutions, odd. */
  kernel: z
    .number()
    .int()
    .min(1)
    .max(15)
    .refine((k) => k % 2 === 1, 'must be odd')
    .default(5),
})
export type AcousticConfig = z.output<typeof acousticConfigSchema>

export const acousticJobSchema = z.strictObject({
  task: z.literal('acoustic'),
  /** Folder with corpus.jsonl that has phonemes and durations. */
  corpus: z.string(),
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
