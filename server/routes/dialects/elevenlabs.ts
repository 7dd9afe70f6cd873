/**
 * ElevenLabs' HTTP API: text to speech with its four paths, voices and models. Settings that have no meaning here are
 * accepted without effect.
 */
import type { Request } from 'express'
import { z } from 'zod'
import { type EncodingName, OUTPUT_RATES, type Output, type OutputRate } from '../../../src/audio/encoders/index.ts'
import type { SentenceTime } from '../../../src/synthesis/index.ts'
import type { ServerDeps } from '../../deps.ts'
import { errorBodyOf, parseWith, RequestError, sendError } from '../../http-errors.ts'
import { nameSchema, resolveVoice, type VoiceCatalogue, type VoiceInfo } from '../../voices.ts'
import type { HttpDialect, SpeechRoute, SpokenRequest } from '../dialect.ts'
import { audioInJson, audioWriter, pieces, type WriterFactory } from '../speech-answer.ts'
import { MAX_INPUT, seedSchema, speedSchema, withoutNulls } from '../speech-request.ts'

const querySchema = z.object({ output_format: nameSchema.default('mp3_44100_128') })

const voiceSettingsSchema = z.preprocess(withoutNulls, z.object({ speed: speedSchema.optional() }))
const bodySchema = z.object({
  text: z.string(),
  model_id: nameSchema.optional(),
  voice_settings: voiceSettingsSchema.optional(),
  seed: seedSchema.optional(),
})

export const elevenlabs: HttpDialect = {
  name: 'ElevenLabs',
  errorBody(error, requestId) {
    const { message, code, param, type } = errorBodyOf(error).error
    return { detail: { type, code, status: code, message, request_id: requestId, param } }
  },
  routes: [
    speak('', 'Text to audio', audioWriter),
    speak('/stream', 'Text to audio', audioWriter),
    speak('/with-timestamps', 'Text to audio and the times of its characters', alignedWriter, ['application/json']),
    speak('/stream/with-timestamps', 'The same in pieces', alignedPiecesWriter, ['application/x-ndjson']),
    {
      method: 'get',
      path: '/v1/voices',
      summary: 'Voices',
      answer: (_req, { catalogue }) => ({ voices: catalogue.voices.map(voiceOf) }),
    },
    {
      method: 'get',
      path: '/v2/voices',
      summary: 'Voices',
      answer: (_req, { catalogue }) => ({
        voices: catalogue.voices.map(voiceOf),
        has_more: false,
        total_count: catalogue.voices.length,
        next_page_token: null,
      }),
    },
    {
      method: 'get',
      path: '/v1/voices/:voice',
      summary: 'A voice',
      answer: (req, { catalogue }) => {
        const name = resolveVoice(parseWith(req.params.voice, nameSchema), catalogue)
        return voiceOf(catalogue.voices.find((voice) => voice.name === name)!)
      },
    },
    { method: 'get', path: '/v1/models', summary: 'Models', isMeant: isElevenLabsClient, answer: models },
  ],
}

/** Whether a request comes from a client of ElevenLabs: it sends its key in their header, or names their library. */
export function isElevenLabsClient({ headers }: Pick<Request, 'headers'>): boolean {
  const library = `${headers['x-fern-sdk-name'] ?? ''} ${headers['user-agent'] ?? ''}`
  return headers['xi-api-key'] !== undefined || /elevenlabs/i.test(library)
}

function speak(path: string, summary: string, writer: WriterFactory, mediaTypes?: readonly string[]): SpeechRoute {
  return {
    method: 'post',
    path: `/v1/text-to-speech/:voice${path}`,
    summary,
    query: querySchema,
    request: { name: 'ElevenLabsSpeech', schema: bodySchema },
    ...(mediaTypes && { mediaTypes }),
    read: (req, voices) => ({ ...spokenOf(req, voices), writer }),
  }
}

function spokenOf(req: Request, voices: VoiceCatalogue): SpokenRequest {
  const body = parseWith(withoutNulls(req.body ?? {}), bodySchema)
  return {
    text: body.text,
    textField: 'text',
    voice: resolveVoice(parseWith(req.params.voice, nameSchema), voices),
    output: outputOf(parseWith(req.query, querySchema).output_format),
    seed: body.seed,
    speed: body.voice_settings?.speed,
  }
}

const FORMATS: Readonly<Record<string, EncodingName>> = {
  mp3: 'mp3',
  pcm: 'pcm',
  wav: 'wav',
  ulaw: 'mulaw',
  alaw: 'alaw',
  opus: 'opus',
}

/** An output format by its name, codec_rate_kilobits. Throws REQUEST_INVALID. */
export function outputOf(name: string): Output {
  const [, codec, rate, kilobits] = /^([a-z0-9]+)_(\d+)(?:_(\d+))?$/.exec(name) ?? []
  const format = FORMATS[codec ?? '']
  const sampleRate = Number(rate) as OutputRate
  if (!format || !OUTPUT_RATES.includes(sampleRate) || (format === 'opus' && sampleRate !== 48000))
    throw new RequestError('REQUEST_INVALID', `There is no output format "${name}" here.`, 'output_format', {
      remedy: 'Ask for mp3_44100_128, pcm_24000, wav_24000, ulaw_8000, alaw_8000 or opus_48000_64.',
    })
  return { format, sampleRate, ...(kilobits !== undefined && { bitrate: 1000 * Number(kilobits) }) }
}

/** Settings of every voice: none of them but the speed has a meaning here. */
const SETTINGS = { stability: 0.5, similarity_boost: 0.75, style: 0, use_speaker_boost: true, speed: 1 }

function voiceOf({ name, language, description }: VoiceInfo): object {
  return {
    voice_id: name,
    name,
    category: 'premade',
    description: description ?? null,
    labels: { language, ...labelsOf(description ?? '') },
    samples: null,
    preview_url: null,
    available_for_tiers: [],
    settings: SETTINGS,
    high_quality_base_model_ids: [MODEL],
    verified_languages: [],
  }
}

/** What descriptions say in words, such as "American English, female". */
function labelsOf(description: string): Record<string, string> {
  const gender = /\b(female|male)\b/i.exec(description)?.[1]?.toLowerCase()
  const accent = /\b(American|British)\b/i.exec(description)?.[1]?.toLowerCase()
  return { ...(gender && { gender }), ...(accent && { accent }) }
}

const MODEL = 'sparsewave'

function models(_req: Request, { catalogue }: ServerDeps): object {
  const languages = [...new Set(catalogue.voices.map(({ language }) => language))]
  const model = {
    model_id: MODEL,
    name: MODEL,
    description: 'Speech from a sparse recurrent net. Every model name means this one.',
    can_be_finetuned: false,
    can_do_text_to_speech: true,
    can_do_voice_conversion: false,
    can_use_style: false,
    can_use_speaker_boost: false,
    serves_pro_voices: false,
    token_cost_factor: 1,
    requires_alpha_access: false,
    max_characters_request_free_user: MAX_INPUT,
    max_characters_request_subscribed_user: MAX_INPUT,
    maximum_text_length_per_request: MAX_INPUT,
    languages: languages.map((language) => ({ language_id: language.split('-')[0], name: language })),
    concurrency_group: 'standard',
  }
  return [model]
}

/** Characters of a text and when each is spoken, ms. */
export interface CharacterTimes {
  readonly chars: readonly string[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** Times of a sentence's characters, ms of the audio. A word's time is shared out evenly among its characters. */
export function characterTimes({ text, start, from, to, words }: SentenceTime): CharacterTimes {
  const chars = [...text]
  const starts: number[] = []
  const ms = (seconds: number): number => Math.round(1000 * seconds)
  let at = start
  let now = ms(from)
  for (const char of chars) {
    const word = words.find((w) => at >= w.start && at < w.end)
    if (word) now = ms(word.from + ((word.to - word.from) * (at - word.start)) / (word.end - word.start))
    else {
      const before = words.findLast((w) => w.end <= at)
      if (before) now = Math.max(now, ms(before.to))
    }
    starts.push(now)
    at += char.length
  }
  return { chars, starts, ends: starts.map((_, i) => starts[i + 1] ?? ms(to)) }
}

const alignmentOf = (times: CharacterTimes) => ({
  characters: times.chars,
  character_start_times_seconds: times.starts.map((ms) => ms / 1000),
  character_end_times_seconds: times.ends.map((ms) => ms / 1000),
})

export const joinTimes = (a: CharacterTimes | undefined, b: CharacterTimes): CharacterTimes =>
  a === undefined
    ? b
    : { chars: [...a.chars, ...b.chars], starts: [...a.starts, ...b.starts], ends: [...a.ends, ...b.ends] }

/** White space between sentences, which belongs to no sentence: it lasts no time at the end of the one before. */
export function withSpace(times: CharacterTimes): CharacterTimes {
  const end = times.ends.at(-1) ?? 0
  return { chars: [...times.chars, ' '], starts: [...times.starts, end], ends: [...times.ends, end] }
}

/** One JSON object: its audio first, then the times. */
function alignedWriter(...[res, head]: Parameters<WriterFactory>): ReturnType<WriterFactory> {
  let times: CharacterTimes | undefined
  const hear = (sentence: SentenceTime): void => {
    times = joinTimes(times && withSpace(times), characterTimes(sentence))
  }
  return audioInJson(res, head, 'audio_base64', hear, () => {
    const alignment = times ? alignmentOf(times) : null
    return { alignment, normalized_alignment: alignment }
  })
}

/** JSON lines of audio, the first of each sentence with its times. */
function alignedPiecesWriter(...[res, head]: Parameters<WriterFactory>): ReturnType<WriterFactory> {
  const { write, end } = pieces(res, head, 'application/x-ndjson')
  let times: CharacterTimes | undefined
  let isFirst = true
  return {
    sentence(sentence) {
      const own = characterTimes(sentence)
      times = joinTimes(times, isFirst ? own : spaceBefore(own))
      isFirst = false
    },
    audio(bytes, sent) {
      const alignment = times ? alignmentOf(times) : null
      times = undefined
      const audio_base64 = Buffer.from(bytes).toString('base64')
      write(`${JSON.stringify({ audio_base64, alignment, normalized_alignment: alignment })}\n`, sent)
    },
    end: () => end(),
    fail: (error) => sendError(res, error),
  }
}

function spaceBefore({ chars, starts, ends }: CharacterTimes): CharacterTimes {
  const at = starts[0] ?? 0
  return { chars: [' ', ...chars], starts: [at, ...starts], ends: [at, ...ends] }
}
