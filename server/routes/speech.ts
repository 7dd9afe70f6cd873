/**
 * POST /v1/audio/speech: text in, audio out in chunks as it is synthesized, and /v1/audio/speech/timestamps: the same with
 * the times of words and phonemes. The next samples are asked for when the socket has taken the last ones. A client
 * that goes away frees its stream at once.
 */
import type { RequestHandler, Response } from 'express'
import { requireFormat } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import {
  type Format,
  isMeasured,
  looksLikeSsml,
  mediaTypeOf,
  randomSeed,
  SsmlError,
  ssmlSentences,
} from '../../src/synthesis/index.ts'
import type { Language } from '../../src/text/index.ts'
import type { ServerDeps } from '../deps.ts'
import { parseWith, RequestError, sendError } from '../http-errors.ts'
import { note } from '../log.ts'
import { outcomeOf } from '../metrics.ts'
import { publicError, Speech } from '../speech.ts'
import type { SpeechInput, SpeechRequest } from '../synthesis/messages.ts'
import { languageOf, resolveVoice } from '../voices.ts'
import { ANSWER_WRITERS, UNREAD_HEADER } from './speech-answer.ts'
import { checkModel, type SpeechBody, speechSchema, timestampsSchema } from './speech-request.ts'

interface Kind {
  readonly route: string
  /** The body and how it is answered. Throws RequestError. */
  parse(body: unknown): { body: SpeechBody; writer: keyof typeof ANSWER_WRITERS; audio: boolean }
}

const AUDIO: Kind = {
  route: '/v1/audio/speech',
  parse(given) {
    const body = parseWith(given, speechSchema)
    return { body, writer: body.stream_format, audio: true }
  },
}

const TIMESTAMPS: Kind = {
  route: '/v1/audio/speech/timestamps',
  parse(given) {
    const { audio, ...body } = parseWith(given, timestampsSchema)
    return { body: { ...body, stream_format: 'audio' }, writer: 'timestamps', audio }
  },
}

export const speechRoute = (deps: ServerDeps): RequestHandler => handler(deps, AUDIO)
export const timestampsRoute = (deps: ServerDeps): RequestHandler => handler(deps, TIMESTAMPS)

function handler(deps: ServerDeps, kind: Kind): RequestHandler {
  const { metrics, catalogue, gate } = deps
  return async (req, res) => {
    const startedAt = performance.now()
    let model = 'unknown'
    let format = 'unknown'
    try {
      const parsed = kind.parse(req.body ?? {})
      const { body } = parsed
      format = body.response_format
      model = checkModel(body.model)
      const voice = resolveVoice(body.voice, catalogue)
      const request = requestOf(body, voice, languageOf(voice, catalogue))
      await gate.text(res.locals.caller, body.input.length)
      note(res, { model })
      answer(deps, res, { ...parsed, request, route: kind.route, model, startedAt })
    } catch (error) {
      const outcome = outcomeOf(sendError(res, error))
      metrics.requests.inc({ route: kind.route, model, format, outcome })
      note(res, { outcome })
    }
  }
}

/** What a body asks for. Throws RequestError when it cannot be spoken. */
function requestOf(body: SpeechBody, voice: string, language: Language): SpeechRequest {
  const { input, response_format: format, lexicon, vocoder } = body
  if (input.trim() === '') throw new RequestError('INPUT_EMPTY', 'The input is empty.', 'input')
  checkFormat(format)
  return {
    voice,
    seed: body.seed ?? randomSeed(),
    speed: body.speed,
    pitch: body.pitch,
    ...(lexicon !== undefined && { lexicon }),
    ...(vocoder !== undefined && { vocoder }),
    output: { format },
    input: inputOf(body, language),
    measure: isMeasured(format, input),
  }
}

interface Job extends ReturnType<Kind['parse']> {
  readonly request: SpeechRequest
  readonly route: string
  readonly model: string
  readonly startedAt: number
}

function answer(deps: ServerDeps, res: Response, job: Job): void {
  const { body, request, route, model, startedAt } = job
  const { config } = deps
  const id = res.get('X-Request-Id') ?? ''
  const writer = ANSWER_WRITERS[job.writer](res, {
    mediaType: mediaTypeOf(body.response_format),
    seed: request.seed,
    characters: body.input.length,
    audio: job.audio,
  })
  // Until a worker has the stream the client has nothing to take.
  let stall: NodeJS.Timeout | undefined
  const speech = new Speech(
    {
      id,
      deps,
      caller: res.locals.caller,
      route,
      model,
      startedAt,
      text: body.input,
      log: (fields) => note(res, fields),
    },
    request,
    {
      started() {
        clearTimeout(stall)
        stall = setTimeout(() => giveUp('cancelled'), config.stallSeconds * 1000)
      },
      audio(bytes, info, taken) {
        if (info.sentence) writer.sentence?.(info.sentence)
        if (bytes.length === 0) {
          taken()
          return
        }
        writer.audio(bytes, () => {
          stall?.refresh()
          taken()
        })
      },
      unread(scripts, message) {
        res.set(UNREAD_HEADER, scripts.join(', '))
        writer.warning?.('text_not_read', message)
      },
      done: () => writer.end(speech.seconds),
      error: (error) => void writer.fail(publicError(error, { id, deps })),
    },
    () => {
      clearTimeout(total)
      clearTimeout(stall)
    },
  )
  /** Ends an answer that takes too long. Where none has begun, the client gets an error instead. */
  function giveUp(outcome: string): void {
    speech.cancel(res.headersSent ? outcome : 'server_error')
    if (res.headersSent) res.destroy()
    else sendError(res, new SparsewaveError('QUEUE_TIMEOUT', 'The server could not begin to speak in time.'))
  }
  const total = setTimeout(() => giveUp('server_error'), config.requestSeconds * 1000)
  res.on('close', () => {
    if (!res.writableFinished) speech.cancel()
  })
}

/** The text, or the sentences of SSML, parsed once. Throws REQUEST_INVALID when it cannot be spoken. */
function inputOf(
  { input, input_type = looksLikeSsml(input) ? 'ssml' : 'text' }: SpeechBody,
  language: Language,
): SpeechInput {
  if (input_type === 'text') return { kind: 'text', text: input }
  try {
    const sentences = ssmlSentences(input, language)
    if (sentences.length === 0)
      throw new RequestError('INPUT_EMPTY', 'The SSML has nothing in it that can be spoken.', 'input')
    return { kind: 'sentences', sentences }
  } catch (error) {
    if (!(error instanceof SsmlError)) throw error
    throw new RequestError(error.code, error.message, 'input', { remedy: error.remedy })
  }
}

/** Throws FORMAT_UNAVAILABLE naming the field. */
function checkFormat(format: Format): void {
  try {
    requireFormat(format)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    throw new RequestError(error.code, error.message, 'response_format', { remedy: error.remedy })
  }
}
