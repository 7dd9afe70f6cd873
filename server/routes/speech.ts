/**
 * POST /v1/audio/speech: text in, audio out in chunks while it is made, and /v1/audio/speech/timestamps: the same with
 * the times of words and phonemes. The next samples are asked for when the socket has taken the last ones; a client
 * that goes away frees its stream at once.
 */
import type { RequestHandler, Response } from 'express'
import { requireFormat } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import {
  type Format,
  isMeasured,
  looksLikeSsml,
  mediaTypeOf,
  randomSeed,
  SsmlError,
  ssmlSentences,
} from '../../src/synthesis/index.ts'
import type { ServerDeps } from '../deps.ts'
import { parseWith, RequestError, sendError } from '../http-errors.ts'
import { note } from '../log.ts'
import { outcomeOf } from '../metrics.ts'
import { resolveVoice } from '../voices.ts'
import { ANSWER_WRITERS } from './speech-answer.ts'
import { checkModel, type SpeechRequest, speechSchema, timestampsSchema } from './speech-request.ts'

interface Kind {
  readonly route: string
  /** The request and how it is answered. Throws RequestError. */
  parse(body: unknown): { request: SpeechRequest; writer: keyof typeof ANSWER_WRITERS; audio: boolean }
}

const AUDIO: Kind = {
  route: '/v1/audio/speech',
  parse(body) {
    const request = parseWith(body, speechSchema)
    return { request, writer: request.stream_format, audio: true }
  },
}

const TIMESTAMPS: Kind = {
  route: '/v1/audio/speech/timestamps',
  parse(body) {
    const { audio, ...request } = parseWith(body, timestampsSchema)
    return { request: { ...request, stream_format: 'audio' }, writer: 'timestamps', audio }
  },
}

export const speechRoute = (deps: ServerDeps): RequestHandler => handler(deps, AUDIO)
export const timestampsRoute = (deps: ServerDeps): RequestHandler => handler(deps, TIMESTAMPS)

function handler(deps: ServerDeps, kind: Kind): RequestHandler {
  const { metrics, catalogue, gate, config } = deps
  return async (req, res) => {
    const started = performance.now()
    let model = 'unknown'
    let format = 'unknown'
    const settle = (outcome: string): void => {
      metrics.requests.inc({ route: kind.route, model, format, outcome })
      note(res, { outcome })
    }
    try {
      const asked = kind.parse(req.body ?? {})
      const { request } = asked
      format = request.response_format
      model = checkModel(request.model)
      if (request.input.trim() === '') throw new RequestError('INPUT_EMPTY', 'The input is empty.', 'input')
      checkFormat(format as Format)
      const ssml = checkSsml(request)
      const voice = resolveVoice(request.voice, catalogue)
      const characters = request.input.length
      note(res, { model, voice, format, characters, ...(config.logText && { text: request.input }) })
      await gate.text(res.locals.caller, characters)
      metrics.inputCharacters.inc(characters)
      answer(deps, res, { ...asked, ssml, route: kind.route, voice, started, settle })
    } catch (error) {
      settle(outcomeOf(sendError(res, error)))
    }
  }
}

interface Job extends ReturnType<Kind['parse']> {
  readonly ssml: boolean
  readonly route: string
  readonly voice: string
  readonly started: number
  settle(outcome: string): void
}

function answer(
  { pool, metrics, config }: ServerDeps,
  res: Response,
  { request, writer: writerName, audio, ssml, route, voice, started, settle }: Job,
): void {
  const format: Format = request.response_format
  const seed = request.seed ?? randomSeed()
  const writer = ANSWER_WRITERS[writerName](res, {
    mediaType: mediaTypeOf(format),
    seed,
    characters: request.input.length,
    audio,
  })
  let samples = 0
  let first: number | undefined
  let settled = false
  const finish = (outcome: string): void => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    clearTimeout(stall)
    note(res, {
      seed,
      audio_s: Number((samples / SAMPLE_RATE).toFixed(2)),
      ...(first !== undefined && { first_ms: Math.round(first) }),
    })
    settle(outcome)
    if (outcome !== 'ok') return
    const seconds = (performance.now() - started) / 1000
    metrics.duration.observe({ route, format }, seconds)
    if (samples > 0) metrics.realTimeFactor.observe({ route }, seconds / (samples / SAMPLE_RATE))
  }
  const stream = pool.open(
    {
      voice,
      seed,
      speed: request.speed,
      pitch: request.pitch,
      ssml,
      ...(request.lexicon !== undefined && { lexicon: request.lexicon }),
      text: request.input,
      measure: isMeasured(format, request.input),
      output: { format },
      ...(request.vocoder !== undefined && { vocoder: request.vocoder }),
    },
    {
      audio(bytes, info, taken) {
        samples += info.samples
        if (info.sentence) writer.sentence?.(info.sentence)
        if (bytes.length === 0) {
          taken()
          return
        }
        if (first === undefined) {
          first = performance.now() - started
          metrics.firstAudio.observe({ route }, first / 1000)
        }
        writer.audio(bytes, () => {
          stall.refresh()
          taken()
        })
      },
      done() {
        writer.end(samples / SAMPLE_RATE)
        finish('ok')
      },
      error(error) {
        finish(outcomeOf(writer.fail(error)))
      },
    },
  )
  const giveUp = (outcome: string): void => {
    stream.cancel()
    finish(outcome)
    res.destroy()
  }
  const timer = setTimeout(() => giveUp('server_error'), config.requestSeconds * 1000)
  const stall = setTimeout(() => giveUp('cancelled'), config.stallSeconds * 1000)
  res.on('close', () => {
    if (res.writableFinished) return
    stream.cancel()
    finish('cancelled')
  })
}

/** Whether the input is SSML. Throws REQUEST_INVALID when it cannot be spoken, before the answer begins. */
function checkSsml({ input, input_type = looksLikeSsml(input) ? 'ssml' : 'text' }: SpeechRequest): boolean {
  if (input_type === 'text') return false
  try {
    if (ssmlSentences(input).length === 0)
      throw new RequestError('INPUT_EMPTY', 'The SSML has nothing in it that can be spoken.', 'input')
  } catch (error) {
    if (!(error instanceof SsmlError)) throw error
    throw new RequestError(error.code, error.message, 'input', { remedy: error.remedy })
  }
  return true
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
