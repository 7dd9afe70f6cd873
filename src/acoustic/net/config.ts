/** Shape of the acoustic net. Every size in the net comes from here. */
import { z } from 'zod'
import { PHONEMES } from '../../text/phonemes.ts'

/** Frames of 5 ms in the 25 ms units that durations are counted in. */
export const FRAMES_PER_UNIT = 5
/** Fields of a unit's pitch: normalised ln F0 of its frames, then their voicing. */
export const PITCH_FIELDS = 2 * FRAMES_PER_UNIT
/** Scales, in symbols, of the sines that encode a symbol's distance to the sentence's start and end. */
export const POSITION_SCALES = [4, 8, 16, 32, 64, 128] as const
export const POSITION_FIELDS = 4 * POSITION_SCALES.length
/** Units below which a rate shortens no sound. */
export const SHORTEST = 2
/** Values of a speaker that the net takes its voice from: what training learns about each. */
export const SPEAKER_FIELDS = 64
/** Place of a unit in its symbol: fraction, ln of the symbol's units, units since its start / 10. */
export const UNIT_FIELDS = 3
const blocks = z.number().int().min(1).max(16)
const channels = z.number().int().min(4).max(1024)

export const acousticConfigSchema = z.strictObject({
  /** Symbols in the order of their ids; id = index + 1, and 0 is silence. */
  symbols: z.string().min(1).default(PHONEMES),
  /** Names of the speakers that it was trained on; none = it has one voice. */
  speakers: z.array(z.string().min(1)).default([]),
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
