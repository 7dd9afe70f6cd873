/** Deepgram's HTTP API, /v1/speak and /v2/speak: the query says how the text in the body is spoken. */
import type { Request } from 'express'
import { z } from 'zod'
import { type EncodingName, OUTPUT_RATES, type Output, type OutputRate } from '../../../src/audio/encoders/index.ts'
import { messageOf, parseJson, parseWith, RequestError } from '../../http-errors.ts'
import { nameSchema, resolveVoice, type VoiceCatalogue } from '../../voices.ts'
import type { HttpDialect, SpeechRoute, SpokenRequest } from '../dialect.ts'
import { speedSchema } from '../speech-request.ts'

type Container = 'none' | 'wav' | 'ogg'

interface Encoding {
  /** What each container holds; the default first. */
  readonly containers: Partial<Record<Container, EncodingName>>
  /** Hz, the default first. */
  readonly rates: readonly OutputRate[]
  /** Bits per second unless asked for. */
  readonly bitrate?: number
}

const ANY_RATE = (first: OutputRate): OutputRate[] => [first, ...OUTPUT_RATES.filter((rate) => rate !== first)]

const ENCODINGS = {
  linear16: { containers: { wav: 'wav', none: 'pcm' }, rates: ANY_RATE(24000) },
  mulaw: { containers: { wav: 'wav-mulaw', none: 'mulaw' }, rates: [8000, 16000] },
  alaw: { containers: { wav: 'wav-alaw', none: 'alaw' }, rates: [8000, 16000] },
  mp3: { containers: { none: 'mp3' }, rates: ANY_RATE(22050), bitrate: 48_000 },
  opus: { containers: { ogg: 'opus' }, rates: [48000], bitrate: 12_000 },
  flac: { containers: { none: 'flac' }, rates: ANY_RATE(48000) },
  aac: { containers: { none: 'aac' }, rates: ANY_RATE(22050), bitrate: 48_000 },
} as const satisfies Record<string, Encoding>

const querySchema = z.object({
  model: nameSchema.optional(),
  encoding: z.enum(Object.keys(ENCODINGS) as (keyof typeof ENCODINGS)[]).default('mp3'),
  container: z.enum(['none', 'wav', 'ogg']).optional(),
  sample_rate: z.coerce.number().optional(),
  bit_rate: z.coerce.number().min(4000).max(650_000).optional(),
  speed: z.coerce.number().pipe(speedSchema).optional(),
  callback: z.string().optional(),
})

const bodySchema = z.object({ text: z.string() })

export const deepgram: HttpDialect = {
  name: 'Deepgram',
  errorBody: (error, requestId) => ({
    err_code: error.code,
    err_msg: messageOf(error),
    request_id: requestId,
  }),
  routes: [speak('/v1/speak'), speak('/v2/speak')],
}

function speak(path: string): SpeechRoute {
  return {
    method: 'post',
    path,
    summary: 'Text to audio',
    query: querySchema,
    request: { name: 'DeepgramSpeech', schema: bodySchema },
    mediaTypes: ['audio/mpeg', 'audio/wav', 'audio/ogg', 'audio/flac', 'audio/aac', 'audio/pcm', 'audio/basic'],
    body: 'text',
    read: spokenOf,
  }
}

function spokenOf(req: Request, voices: VoiceCatalogue): SpokenRequest {
  const query = parseWith(req.query, querySchema)
  if (query.callback !== undefined)
    throw new RequestError('REQUEST_INVALID', 'Audio is sent in the answer, not to a callback.', 'callback', {
      remedy: 'Leave `callback` out.',
    })
  const text = textOf(req)
  const voice = resolveVoice(query.model, voices)
  return {
    text,
    textField: 'text',
    inputType: 'text',
    voice,
    output: outputOf(query),
    speed: query.speed,
    headers: {
      'dg-model-name': query.model ?? voice,
      'dg-char-count': String(text.length),
      'dg-request-id': req.res?.get('X-Request-Id') ?? '',
    },
  }
}

/** The text of a body: JSON, or the text itself. */
function textOf({ body, headers }: Request): string {
  const isText = /^text\//.test(headers['content-type'] ?? '')
  if (isText && typeof body === 'string') return body
  const json = typeof body === 'string' ? parseJson(body) : (body ?? {})
  if (typeof json === 'object' && json !== null && 'url' in json)
    throw new RequestError('REQUEST_INVALID', 'Texts are not fetched from a URL.', 'url', { remedy: 'Send `text`.' })
  return parseWith(json, bodySchema).text
}

function outputOf({ encoding, container, sample_rate, bit_rate }: z.output<typeof querySchema>): Output {
  const { containers, rates, bitrate }: Encoding = ENCODINGS[encoding]
  const held = Object.keys(containers) as Container[]
  // A format that brings its own container takes `none` too.
  const chosen = container !== undefined && held.length > 1 ? container : held[0]!
  const format = containers[chosen]
  if (!format || (container !== undefined && container !== 'none' && !held.includes(container)))
    throw new RequestError(
      'REQUEST_INVALID',
      `${encoding} can be had in the container ${held.join(' or ')}.`,
      'container',
      {
        remedy: 'Leave `container` out, or name one of these.',
      },
    )
  const sampleRate = sample_rate ?? rates[0]!
  if (!(rates as readonly number[]).includes(sampleRate))
    throw new RequestError('REQUEST_INVALID', `${encoding} can be had at ${rates.join(', ')} Hz.`, 'sample_rate', {
      remedy: 'Leave `sample_rate` out, or name one of these.',
    })
  const bits = bit_rate ?? bitrate
  return { format, sampleRate: sampleRate as OutputRate, ...(bits !== undefined && { bitrate: bits }) }
}
