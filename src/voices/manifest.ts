/**
 * The schema of voice.json, the manifest of a voice: everything a program needs before it opens the other files.
 */
import { z } from 'zod'
import { SAMPLE_RATE } from '../frames.ts'
import type { ModelFile } from '../onnx/model.ts'
import { levelMatchingSchema } from '../vocoder/level-matching/parameters.ts'
import { BANDS, netConfigSchema } from '../vocoder/sparse-wavernn/config.ts'
import { VOCODERS } from '../vocoder/vocoder.ts'
import type { Mixture } from './mixture.ts'

export const VOICE_FORMAT = 'sparsewave-voice-1'

export const MANIFEST_FILE = 'voice.json'
/** Files that every package has. */
export const VOICE_FILES = ['acoustic.onnx', 'conditioning.onnx', 'vocoder.safetensors'] as const

const voiceName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, . _ - only')

/** What is said of a voice to those who choose one. */
const about = {
  description: z.string().default(''),
  /** BCP 47, for example en-US. */
  language: z.string().min(2),
  sex: z.enum(['female', 'male']).optional(),
  /** Other names that mean this voice. */
  aliases: z.array(z.string().min(1)).default([]),
  /** Which of the acoustic model's speakers it is. */
  speaker: z.string().min(1).optional(),
}

const bandValues = z.array(z.number().min(0).max(4)).length(BANDS)

export const voiceManifestSchema = z.strictObject({
  format: z.literal(VOICE_FORMAT),
  /** Name of the voice and of its folder. */
  name: voiceName,
  ...about,
  /** The voices of a package of several. They share its files, and its own name means the first. */
  voices: z.array(z.strictObject({ name: voiceName, ...about, speaker: z.string().min(1) })).default([]),
  /** Whether its recordings were synthetic speech. */
  synthetic: z.boolean().optional(),
  sampleRate: z.literal(SAMPLE_RATE),
  /** SPDX expression of the voice's files. */
  licence: z.string().min(1),
  /** Phoneme table of the acoustic model: symbol i is the i-th character (code point). */
  symbols: z.string().min(1),
  /** Speakers of the acoustic model, in its order; none in a model of one voice. */
  speakers: z.array(z.string().min(1)).default([]),
  /** The vocoder used when a request names none. */
  vocoder: z.enum(VOCODERS).default('sparse-wavernn'),
  net: netConfigSchema,
  /** Factor on the logistic noise of each band. */
  temperature: z
    .strictObject({ voiced: bandValues.default([1, 1, 1, 1]), unvoiced: bandValues.default([1, 1, 1, 1]) })
    .prefault({}),
  /** Spectral level matching of the net's signal to the source-filter signal (src/vocoder/level-matching). */
  levelMatching: levelMatchingSchema,
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

/** The manifest as of each of its package's voices: named, described and spoken as that one. */
export const viewsOf = (manifest: VoiceManifest): VoiceManifest[] =>
  manifest.voices.length === 0 ? [manifest] : manifest.voices.map((voice) => ({ ...manifest, ...voice }))

/** The view of one of them. The package's own name means the first. */
export function viewOf(manifest: VoiceManifest, name: string): VoiceManifest | undefined {
  const views = viewsOf(manifest)
  return name === manifest.name ? views[0] : views.find((view) => view.name === name)
}

/** A checked voice's files, wherever they lie. */
export interface VoiceFiles {
  readonly manifest: VoiceManifest
  /** Other voices of the package that speak along, and their shares; absent when the voice speaks alone. */
  readonly mixture?: Mixture | undefined
  /** What errors call a file. */
  nameOf(file: string): string
  read(file: string): Promise<Uint8Array>
  model(file: string): Promise<ModelFile>
}

/** What an exporter passes: the manifest without checksums, defaults left out where they fit. */
export type VoiceDescription = Omit<z.input<typeof voiceManifestSchema>, 'files' | 'format' | 'sampleRate' | 'checksum'>
