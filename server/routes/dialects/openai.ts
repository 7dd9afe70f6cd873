/** OpenAI's speech API, with fields of our own: seed, pitch, vocoder, lexicon, input_type, sample_rate. */
import type { Request } from 'express'
import { missingEncoder, type OutputRate } from '../../../src/audio/encoders/index.ts'
import { FORMATS, mediaTypeOf } from '../../../src/synthesis/index.ts'
import type { ServerDeps } from '../../deps.ts'
import { parseWith } from '../../http-errors.ts'
import { describeVoice, resolveVoice, VOICE_ALIASES, type VoiceCatalogue } from '../../voices.ts'
import type { HttpDialect, SpokenRequest } from '../dialect.ts'
import { phonemesRoute } from '../phonemes.ts'
import { STREAM_WRITERS, timestampsWriter } from '../speech-answer.ts'
import {
  checkModel,
  MODELS,
  type SpeechBody,
  speechQuerySchema,
  speechSchema,
  timestampsSchema,
  withoutNulls,
} from '../speech-request.ts'

export const openai: HttpDialect = {
  name: 'OpenAI',
  routes: [
    {
      method: 'post',
      path: '/v1/audio/speech',
      summary: 'Text to audio',
      request: { name: 'SpeechRequest', schema: speechSchema },
      mediaTypes: [...FORMATS.map(mediaTypeOf), 'text/event-stream'],
      read(req, voices) {
        const body = parseWith(withoutNulls(req.body ?? {}), speechSchema)
        return { ...spokenOf(body, voices), writer: STREAM_WRITERS[body.stream_format] }
      },
    },
    {
      method: 'get',
      path: '/v1/audio/speech',
      summary: 'Text to audio, for the address of a media element',
      query: speechQuerySchema,
      examples: { input: 'Hello there.' },
      keyInQuery: true,
      read(req, voices) {
        const body = parseWith(req.query, speechQuerySchema)
        const headers = mayBeEmbedded(req) ? { 'Cross-Origin-Resource-Policy': 'cross-origin' } : {}
        return { ...spokenOf({ ...body, stream_format: 'audio' }, voices), headers }
      },
    },
    {
      method: 'post',
      path: '/v1/audio/speech/timestamps',
      summary: 'Text to audio with the times of words and phonemes',
      request: { name: 'TimestampsRequest', schema: timestampsSchema },
      mediaTypes: ['application/x-ndjson'],
      read(req, voices) {
        const { audio, ...body } = parseWith(withoutNulls(req.body ?? {}), timestampsSchema)
        return { ...spokenOf({ ...body, stream_format: 'audio' }, voices), writer: timestampsWriter(audio) }
      },
    },
    phonemesRoute,
    { method: 'get', path: '/v1/models', summary: 'Model names', answer: models },
    // Where Open WebUI looks for them.
    { method: 'get', path: '/v1/audio/models', summary: 'Model names, where Open WebUI asks', answer: models },
    {
      method: 'get',
      path: '/v1/models/:model',
      summary: 'A model',
      examples: { model: 'tts-1' },
      answer: (req) => model(checkModel(String(req.params.model))),
    },
    { method: 'get', path: '/v1/audio/voices', summary: 'Voices', answer: voices },
  ],
}

const model = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'sparsewave' })

function models(req: Request): object {
  const list = { object: 'list', data: MODELS.map(model) }
  return req.path.endsWith('/audio/models') ? { ...list, models: MODELS.map((id) => ({ id, name: id })) } : list
}

function voices(_req: Request, { catalogue, config }: ServerDeps): object {
  const { voices, defaultVoice } = catalogue
  return {
    voices: voices.map((voice) => describeVoice(voice, catalogue)),
    default: defaultVoice,
    formats: FORMATS.filter((format) => missingEncoder(format) === undefined),
    aliases: [...new Set([...VOICE_ALIASES, ...Object.keys(catalogue.aliases ?? {})])],
    browser: config.givesVoices,
  }
}

/** A page of another origin may play what a key or a signature allows. */
const mayBeEmbedded = ({ query }: Request): boolean => query.key !== undefined || query.signature !== undefined

function spokenOf(body: SpeechBody, voices: VoiceCatalogue): SpokenRequest {
  const model = checkModel(body.model)
  return {
    text: body.input,
    textField: 'input',
    model,
    voice: resolveVoice(body.voice, voices),
    output: {
      format: body.response_format,
      ...(body.sample_rate !== undefined && { sampleRate: body.sample_rate as OutputRate }),
    },
    inputType: body.input_type,
    seed: body.seed,
    speed: body.speed,
    pitch: body.pitch,
    lexicon: body.lexicon,
    vocoder: body.vocoder,
  }
}
