/**
 * The schema of voice.json, the manifest of a voice: everything a program needs before it opens the other files.
 */
import { z } from 'zod'
import { SAMPLE_RATE } from '../frames.ts'
import type { ModelFile } from '../onnx/model.ts'
import { levelMatchingSchema } from '../vocoder/level-matching/parameters.ts'
import { BANDS, netConfigSchema } from '../vocoder/sparse-wavernn/config.ts'
import { VOCODERS } from '../vocoder/vocoder.ts'

export const VOICE_FORMAT = 'sparsewave-voice-1'

export const MANIFEST_FILE = 'voice.json'
/** Files that every package has. */
export const VOICE_FILES = ['acoustic.onnx', 'conditioning.onnx', 'vocoder.safetensors'] as const

const bandValues = z.array(z.number().min(0).max(4)).length(BANDS)

export const voiceManifestSchema = z.strictObject({
  format: z.literal(VOICE_FORMAT),
  /** Name of the voice and of its folder. */
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, . _ - only'),
  description: z.string().default(''),
  /** BCP 47, for example en-US. */
  language: z.string().min(2),
  sampleRate: z.literal(SAMPLE_RATE),
  /** SPDX expression of the voice's files. */
  licence: z.string().min(1),
  /** Phoneme table of the acoustic model: symbol i is the i-th character (code point). */
  symbols: z.string().min(1),
  /** The vocoder used when a request names none. */
  vocoder: z.enum(VOCODERS).default('sparse-wavernn'),
  net: netConfigSchema,
  /** Factor on the logistic noise of each band. */
  temperature: z
    .strictObject({ voiced: bandValues.default([1, 1, 1, 1]), unvoiced: bandValues.default([1, 1, 1, 1]) })
    .prefault({}),
  /** Spectral level matching of the net's signal to the source-filter signal (src/vocoder/level-matching). */
  levelMatching: levelMatchingSchema,
  /** Other names that mean this voice. */
  aliases: z.array(z.string().min(1)).default([]),
  /** Seconds between sentences and between paragraphs. */
  pauses: z.strictObject({ sentence: z.number().min(0).max(5), paragraph: z.number().min(0).max(10) }).optional(),
  /** SHA-256 of voice.json itself, with zeros in the place of this value. */
  checksum: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** Every other file of the package. */
  files: z.record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'a file name without folders'),
    z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.number().int().nonnegative() }),
  ),
})

export type VoiceManifest = z.output<typeof voiceManifestSchema>

/** A checked voice's files, wherever they lie. */
export interface VoiceFiles {
  readonly manifest: VoiceManifest
  /** What errors call a file. */
  nameOf(file: string): string
  read(file: string): Promise<Uint8Array>
  model(file: string): Promise<ModelFile>
}

/** What an exporter passes: the manifest without checksums, defaults left out where they fit. */
export type VoiceDescription = Omit<z.input<typeof voiceManifestSchema>, 'files' | 'format' | 'sampleRate' | 'checksum'>
