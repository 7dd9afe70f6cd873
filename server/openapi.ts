/** GET /openapi.json: the HTTP interface as OpenAPI 3.1, made from the schemas that requests are parsed with. */
import { z } from 'zod'
import type { HttpExtension } from '../src/extension.ts'
import { FORMATS, mediaTypeOf, type SentenceTime } from '../src/synthesis/index.ts'
import { packageVersion } from '../src/version.ts'
import type { ErrorBody } from './http-errors.ts'
import { speechSchema, timestampsSchema } from './routes/speech-request.ts'

const seconds = z.number().describe('Seconds from the start of the audio.')
const character = z.int().describe('UTF-16 units from the start of the input.')
const span = { start: character, end: character, from: seconds, to: seconds }

const errorSchema: z.ZodType<ErrorBody> = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string().nullable() }),
})
const sentenceSchema: z.ZodType<SentenceTime> = z.object({
  index: z.int(),
  text: z.string(),
  ...span,
  words: z.array(
    z.object({
      text: z.string(),
      ...span,
      phonemes: z.array(z.object({ phoneme: z.string(), from: seconds, to: seconds })),
    }),
  ),
})
const modelSchema = z.object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })

/** What the answers look like; tests hold the server to them. */
export const ANSWERS = {
  Error: errorSchema,
  TimestampLine: z.union([
    z.object({ type: z.literal('sentence') }).and(sentenceSchema),
    z.object({ type: z.literal('audio'), audio: z.base64() }),
    z.object({ type: z.literal('done'), seconds, seed: z.int() }),
    z.object({ type: z.literal('error') }).and(errorSchema),
  ]),
  Model: modelSchema,
  Models: z.object({ object: z.literal('list'), data: z.array(modelSchema) }),
  Voices: z.object({
    voices: z.array(
      z.object({
        name: z.string(),
        language: z.string(),
        description: z.string().optional(),
        aliases: z.array(z.string()).optional(),
      }),
    ),
    default: z.string(),
    aliases: z.array(z.string()).describe("OpenAI's voice names, which mean the default voice."),
    browser: z.boolean().describe("Whether a voice's files are given, at `/v1/audio/voices/VOICE/FILE`."),
  }),
  Health: z.looseObject({ status: z.string() }),
}

const REQUESTS = { SpeechRequest: speechSchema, TimestampsRequest: timestampsSchema }

const ERRORS = {
  400: 'A field is wrong: `param` names it.',
  401: 'The server asks for an API key, and none or a wrong one came.',
  404: 'There is no such model.',
  429: 'A limit is used up, or all streams are taken; `Retry-After` tells when to come back.',
  500: "The server's fault.",
  503: 'The server is stopping.',
} as const

const ref = (name: keyof typeof ANSWERS | keyof typeof REQUESTS) => ({ $ref: `#/components/schemas/${name}` })
const json = (name: keyof typeof ANSWERS | keyof typeof REQUESTS) => ({ 'application/json': { schema: ref(name) } })

const errors = (...statuses: (keyof typeof ERRORS)[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      String(status),
      {
        description: ERRORS[status],
        content: json('Error'),
        ...((status === 429 || status === 503) && {
          headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } },
        }),
      },
    ]),
  )

const get = (summary: string, answer: keyof typeof ANSWERS, more: object = {}, open = false) => ({
  get: {
    summary,
    ...(open && { security: [] }),
    responses: { '200': { description: 'OK', content: json(answer) }, ...more },
  },
})

const speak = (summary: string, request: keyof typeof REQUESTS, content: object) => ({
  post: {
    summary,
    requestBody: { required: true, content: json(request) },
    responses: {
      '200': {
        description: 'Sent while it is made.',
        headers: { 'X-Seed': { description: 'Gives the same bytes again.', schema: { type: 'integer' } } },
        content,
      },
      ...errors(400, 401, 404, 429, 500, 503),
    },
  },
})

/** The paths that speak. */
function speechPaths(): Record<string, object> {
  const model = { name: 'model', in: 'path', required: true, example: 'tts-1', schema: { type: 'string' } }
  const audio = Object.fromEntries(FORMATS.map((format) => [mediaTypeOf(format), {}]))
  return {
    '/v1/audio/speech': speak('Text to audio', 'SpeechRequest', {
      ...audio,
      'text/event-stream': {},
    }),
    '/v1/audio/speech/timestamps': speak('Text to audio with the times of words and phonemes', 'TimestampsRequest', {
      'application/x-ndjson': { schema: ref('TimestampLine') },
    }),
    '/v1/models': get('Model names', 'Models', errors(401)),
    '/v1/models/{model}': { parameters: [model], ...get('A model', 'Model', errors(400, 401, 404)) },
    '/v1/audio/voices': get('Voices', 'Voices', errors(401)),
  }
}

/** The document of a server that speaks, has an extension, or both. */
export function openApiDocument({
  speech = true,
  extension,
}: {
  speech?: boolean
  extension?: HttpExtension
} = {}): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'sparsewave',
      version: packageVersion(),
      description: `${speech ? 'Streaming text-to-speech.' : 'Training of voices.'} OpenAI's clients work with \`/v1\` as their base URL.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { header: [] }, {}],
    paths: {
      ...(speech && speechPaths()),
      ...extension?.openApi.paths,
      '/health/live': get('Whether the process answers', 'Health', {}, true),
      '/health/ready': get(
        'Whether a voice is loaded',
        'Health',
        { '503': { description: 'Not ready.', content: json('Health') } },
        true,
      ),
      '/metrics': {
        get: {
          summary: 'Metrics for Prometheus',
          security: [],
          responses: { '200': { description: 'OK', content: { 'text/plain': { schema: { type: 'string' } } } } },
        },
      },
      '/openapi.json': {
        get: {
          summary: 'This document',
          security: [],
          responses: { '200': { description: 'OK', content: { 'application/json': { schema: { type: 'object' } } } } },
        },
      },
      '/docs': {
        get: {
          summary: 'This document, to read',
          security: [],
          responses: { '200': { description: 'OK', content: { 'text/html': { schema: { type: 'string' } } } } },
        },
      },
    },
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'xi-api-key' },
      },
      schemas: {
        ...(speech && schemasOf(REQUESTS, 'input')),
        ...schemasOf(speech ? ANSWERS : { Error: ANSWERS.Error, Health: ANSWERS.Health }, 'output'),
        ...extension?.openApi.schemas,
      },
    },
  }
}

const schemasOf = (schemas: Record<string, z.ZodType>, io: 'input' | 'output') =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema, ...rest } = z.toJSONSchema(schema, { io })
      return [name, rest]
    }),
  )
