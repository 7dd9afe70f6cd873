/** The fields of OpenAI's speech API and our own, as schemas. Other dialects use those of single fields. */
import { z } from 'zod'
import { OUTPUT_RATES } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import { FORMATS, MAX_SEED } from '../../src/synthesis/index.ts'
import { lexiconSound, MAX_LEXICON_ENTRIES, MAX_LEXICON_PHONEMES, MAX_LEXICON_WORD } from '../../src/text/index.ts'
import { VOCODERS } from '../../src/vocoder/vocoder.ts'
import { RequestError } from '../http-errors.ts'
import { nameSchema } from '../voices.ts'
import { STREAM_FORMATS } from './speech-answer.ts'

/** Model names that requests may give; all mean the same. */
export const MODELS = ['sparsewave', 'tts-1', 'tts-1-hd', 'gpt-4o-mini-tts'] as const
/** Also understood: the name that clients of Kokoro-FastAPI give. */
const UNLISTED = ['kokoro'] as const

/** The dates of models: tts-1-1106, gpt-4o-mini-tts-2025-12-15. */
const DATE = /-(?:\d{4}|\d{4}-\d{2}-\d{2})$/

/** The model as a metric's label: a known name, so that the label stays bounded. Throws MODEL_NOT_FOUND. */
export function checkModel(model: string): string {
  const undated = model.replace(DATE, '')
  const known = [...MODELS, ...UNLISTED].find((name) => undated === name)
  if (known) return known
  throw new RequestError(
    'MODEL_NOT_FOUND',
    `There is no model "${model}"; this server has ${MODELS.join(', ')}.`,
    'model',
  )
}

/** Longest text of one request, characters. */
export const MAX_INPUT = 4096

/** `null` for an optional field means its default, as clients that fill in every field expect. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))
}

const known = FORMATS.join(', ')

export const speedSchema = z.number().min(0.25).max(4)
export const seedSchema = z.int().min(0).max(MAX_SEED)
export const vocoderSchema = z.enum(VOCODERS)
/** A voice's name, or OpenAI's newer form {id}. */
export const voiceSchema = z.union([nameSchema, z.object({ id: nameSchema }).transform(({ id }) => id)])

export const pitchSchema = z.number().min(0.5).max(2)

/** A word, or several in a row, and its phonemes. */
export const lexiconSchema = z
  .record(z.string().trim().min(1).max(MAX_LEXICON_WORD), z.string().max(MAX_LEXICON_PHONEMES))
  .check(({ value, issues }) => {
    const fault = (message: string, path: string[] = []): void => {
      issues.push({ code: 'custom', message, path, input: value })
    }
    const entries = Object.entries(value)
    if (entries.length > MAX_LEXICON_ENTRIES) {
      fault(`at most ${MAX_LEXICON_ENTRIES} words`)
      return
    }
    for (const [word, phonemes] of entries) {
      try {
        lexiconSound(phonemes)
      } catch (error) {
        if (!(error instanceof SparsewaveError)) throw error
        fault(`${error.message} ${error.remedy}`, [word])
      }
    }
  })

/** Without `input_type`, input that begins with <speak> is SSML. */
const INPUT_TYPES = ['text', 'ssml'] as const

const sampleRateSchema = z.union(OUTPUT_RATES.map((rate) => z.literal(rate)))

export const speechSchema = z.object({
  model: nameSchema.default('sparsewave'),
  input: z.string().max(MAX_INPUT, `at most ${MAX_INPUT} characters can be spoken in one request`),
  voice: voiceSchema.optional(),
  response_format: z
    .enum(FORMATS, {
      error: ({ input }) => `${JSON.stringify(input)?.slice(0, 40)} is not supported; this server makes ${known}`,
    })
    .default('mp3'),
  speed: speedSchema.default(1),
  stream_format: z.enum(STREAM_FORMATS).default('audio'),
  instructions: z.string().max(MAX_INPUT).optional(),
  seed: seedSchema.optional(),
  pitch: pitchSchema.default(1),
  input_type: z.enum(INPUT_TYPES).optional(),
  lexicon: lexiconSchema.optional(),
  vocoder: vocoderSchema.optional(),
  sample_rate: sampleRateSchema.optional(),
})
export type SpeechBody = z.output<typeof speechSchema>

/** The body of POST /v1/audio/speech/timestamps. */
export const timestampsSchema = speechSchema.omit({ stream_format: true, response_format: true }).extend({
  response_format: speechSchema.shape.response_format.unwrap().default('pcm'),
  audio: z.boolean().default(true),
})

/** The query of GET /v1/audio/speech: the same fields as texts. Credentials stand beside them. */
const { shape } = speechSchema
export const speechQuerySchema = speechSchema.omit({ stream_format: true, lexicon: true, instructions: true }).extend({
  voice: nameSchema.optional(),
  speed: z.coerce.number().pipe(speedSchema).default(1),
  pitch: z.coerce.number().pipe(pitchSchema).default(1),
  seed: z.coerce.number().pipe(seedSchema).optional(),
  sample_rate: z.coerce.number().pipe(shape.sample_rate.unwrap()).optional(),
})
