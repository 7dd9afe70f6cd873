/** The body of POST /v1/audio/speech: OpenAI's fields, and `seed` and `vocoder` of our own. */
import { z } from 'zod'
import { SparsewaveError } from '../../src/errors.ts'
import { FORMATS, MAX_SEED } from '../../src/synthesis/index.ts'
import { lexiconSound, MAX_LEXICON_ENTRIES, MAX_LEXICON_PHONEMES, MAX_LEXICON_WORD } from '../../src/text/index.ts'
import { VOCODERS } from '../../src/vocoder/vocoder.ts'
import { RequestError } from '../http-errors.ts'
import { nameSchema } from '../voices.ts'
import { STREAM_FORMATS } from './speech-answer.ts'

/** Model names that requests may give; all mean the same. */
export const MODELS = ['sparsewave', 'tts-1', 'tts-1-hd', 'gpt-4o-mini-tts'] as const

/** The model as a metric's label: a known name, so that the label stays bounded. Throws MODEL_NOT_FOUND. */
export function checkModel(model: string): string {
  const known = MODELS.find((name) => model === name || model.startsWith(`${name}-20`))
  if (known) return known
  throw new RequestError(
    'MODEL_NOT_FOUND',
    `There is no model "${model}"; this server has ${MODELS.join(', ')}.`,
    'model',
  )
}

export const MAX_INPUT = 4096

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
})
export type SpeechBody = z.output<typeof speechSchema>

/** The body of POST /v1/audio/speech/timestamps. */
export const timestampsSchema = speechSchema.omit({ stream_format: true, response_format: true }).extend({
  response_format: speechSchema.shape.response_format.unwrap().default('pcm'),
  audio: z.boolean().default(true),
})
