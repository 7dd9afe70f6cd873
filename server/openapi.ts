/** GET /openapi.json: the HTTP interface as OpenAPI 3.1, made from the schemas that requests are parsed with. */
import { z } from 'zod'
import { FORMATS, mediaTypeOf, type SentenceTime } from '../src/synthesis/index.ts'
import { type TextReading, WORD_SOURCES } from '../src/text/index.ts'
import { packageVersion } from '../src/version.ts'
import { FIELD_NOTES } from './field-notes.ts'
import type { ErrorBody } from './http-errors.ts'
import type { HttpDialect, Route } from './routes/dialect.ts'
import { routesByPath } from './routes/mount.ts'
import { UNREAD_HEADER } from './routes/speech-answer.ts'

const seconds = z.number().describe('Seconds from the start of the audio.')
const character = z.int().describe('UTF-16 units from the start of the input.')
const span = { start: character, end: character, from: seconds, to: seconds }

const errorSchema: z.ZodType<ErrorBody> = z.object({
  error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string().nullable() }),
})
export const sentenceSchema: z.ZodType<SentenceTime> = z.object({
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
const readingSchema: z.ZodType<TextReading & { language: string }> = z.object({
  language: z.string().describe('Tag of the language that the text was read in.'),
  sentences: z.array(
    z.object({
      text: z.string(),
      start: character,
      end: character,
      said: z.string().describe('What is said, in words.'),
      phonemes: z.string(),
      words: z.array(
        z.object({
          text: z.string(),
          start: character,
          end: character,
          phonemes: z.string(),
          source: z.enum(WORD_SOURCES).exactOptional().describe('Where the sound comes from.'),
        }),
      ),
    }),
  ),
  unreadable: z
    .array(z.object({ start: character, end: character, script: z.string() }))
    .describe('Stretches in scripts that the language does not read.'),
})
const modelSchema = z.object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })

/** What the answers look like; tests hold the server to them. */
export const ANSWERS = {
  Error: errorSchema,
  TimestampLine: z.union([
    z.object({ type: z.literal('sentence') }).and(sentenceSchema),
    z.object({ type: z.literal('warning'), code: z.string(), message: z.string() }),
    z.object({ type: z.literal('audio'), audio: z.base64() }),
    z.object({ type: z.literal('done'), seconds, seed: z.int() }),
    z.object({ type: z.literal('error') }).and(errorSchema),
  ]),
  Reading: readingSchema,
  Model: modelSchema,
  Models: z.object({ object: z.literal('list'), data: z.array(modelSchema) }),
  AudioModels: z.object({
    object: z.literal('list'),
    data: z.array(modelSchema),
    models: z.array(z.object({ id: z.string(), name: z.string() })),
  }),
  Voices: z.object({
    voices: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        language: z.string(),
        description: z.string().optional(),
        aliases: z.array(z.string()).optional(),
      }),
    ),
    default: z.string(),
    aliases: z.array(z.string()).describe("OpenAI's voice names and the operator's, which mean one of the voices."),
    formats: z.array(z.enum(FORMATS)).describe('Values of `response_format` that this server can encode.'),
    browser: z.boolean().describe("Whether a voice's files are given, at `/v1/audio/voices/VOICE/FILE`."),
  }),
  Health: z.looseObject({ status: z.string() }),
}

/** Answers of paths that are JSON of a known shape. */
const SHAPES: Readonly<Record<string, keyof typeof ANSWERS>> = {
  '/v1/models': 'Models',
  '/v1/audio/models': 'AudioModels',
  '/v1/models/:model': 'Model',
  '/v1/audio/voices': 'Voices',
  '/v1/audio/phonemes': 'Reading',
}

const ERRORS = {
  400: 'A field is wrong: `param` names it.',
  401: 'The server asks for an API key, and none or a wrong one came.',
  404: 'There is no such model.',
  429: 'A limit is used up, or all streams are taken; `Retry-After` tells when to come back.',
  500: "The server's fault.",
  503: 'The server is stopping.',
} as const

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const json = (name: string) => ({ 'application/json': { schema: ref(name) } })

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

/** A route of a dialect. */
function operationOf({ name: dialect }: HttpDialect, route: Route): object {
  const { path, summary, query, examples = {} } = route
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name: name!,
    in: 'path',
    required: true,
    example: examples[name!] ?? 'alloy',
    schema: { type: 'string' },
  }))
  const { properties = {}, required = [] } = query ? (z.toJSONSchema(query, { io: 'input' }) as ObjectSchema) : {}
  const inQuery = Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(examples[name] !== undefined && { example: examples[name] }),
    schema,
  }))
  const about = { summary, tags: [dialect], parameters: [...inPath, ...inQuery] }
  const { request } = route
  const body = request && { requestBody: { required: true, content: json(request.name) } }
  if ('answer' in route) {
    const shape = SHAPES[path]
    const content = shape ? json(shape) : { 'application/json': { schema: {} } }
    return { ...about, ...body, responses: { '200': { description: 'OK', content }, ...errors(400, 401, 404) } }
  }
  const { mediaTypes = FORMATS.map(mediaTypeOf) } = route
  return {
    ...about,
    ...body,
    responses: {
      '200': {
        description: 'Sent while it is made.',
        headers: {
          'X-Seed': { description: 'Gives the same bytes again.', schema: { type: 'integer' } },
          [UNREAD_HEADER]: {
            description: 'Scripts in the input that the voice does not read, where there are any.',
            schema: { type: 'string' },
          },
        },
        content: Object.fromEntries(
          mediaTypes.map((type) => [
            type,
            type === 'application/x-ndjson' && path === '/v1/audio/speech/timestamps'
              ? { schema: ref('TimestampLine') }
              : {},
          ]),
        ),
      },
      ...errors(400, 401, 404, 429, 500, 503),
    },
  }
}

interface ObjectSchema {
  properties?: Record<string, object>
  required?: string[]
}

/** The paths of the dialects. Of those that share one the first that takes any client is described. */
function dialectPaths(): { paths: Record<string, object>; requests: Record<string, z.ZodType> } {
  const paths: Record<string, object> = {}
  const requests: Record<string, z.ZodType> = {}
  for (const [path, routes] of routesByPath()) {
    const operations: Record<string, object> = {}
    for (const { dialect, route } of [...routes].sort(
      (a, b) => Number(!!a.route.isMeant) - Number(!!b.route.isMeant),
    )) {
      operations[route.method] ??= operationOf(dialect, route)
      if (route.request) requests[route.request.name] = route.request.schema
    }
    paths[path.replace(/:(\w+)/g, '{$1}')] = operations
  }
  return { paths, requests }
}

/** The document. */
export function openApiDocument(): object {
  const { paths, requests } = dialectPaths()
  return {
    openapi: '3.1.0',
    info: {
      title: 'sparsewave',
      version: packageVersion(),
      description: "Streaming text-to-speech. OpenAI's clients work with `/v1` as their base URL.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { header: [] }, {}],
    paths: {
      ...paths,
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
      '/asyncapi.json': {
        get: {
          summary: 'The WebSocket protocols as AsyncAPI',
          security: [],
          responses: { '200': { description: 'OK', content: { 'application/json': { schema: { type: 'object' } } } } },
        },
      },
      '/docs': {
        get: {
          summary: 'The interface, to read',
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
      schemas: { ...schemasOf(requests, 'input'), ...schemasOf(ANSWERS, 'output') },
    },
  }
}

/** A request's schema with a note at each field that has none. */
function withNotes(schema: z.core.JSONSchema.BaseSchema): object {
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    if (typeof property === 'object' && FIELD_NOTES[name]) property.description ??= FIELD_NOTES[name]
  return schema
}

const schemasOf = (schemas: Record<string, z.ZodType>, io: 'input' | 'output') =>
  Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const { $schema, ...rest } = z.toJSONSchema(schema, { io })
      return [name, io === 'input' ? withNotes(rest) : rest]
    }),
  )
