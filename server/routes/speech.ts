/**
 * POST /v1/audio/speech: text in, audio out in chunks while it is made. The next samples are asked for when the socket
 * has taken the last ones; a client that goes away frees its stream at once.
 */
import type { RequestHandler, Response } from 'express'
import { requireFormat } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import { type Format, isMeasured, mediaTypeOf, randomSeed } from '../../src/synthesis/index.ts'
import type { ServerDeps } from '../deps.ts'
import { RequestError, sendError } from '../http-errors.ts'
import { note } from '../log.ts'
import { outcomeOf } from '../metrics.ts'
import { resolveVoice } from '../voices.ts'
import { ANSWER_WRITERS } from './speech-answer.ts'
import { checkModel, type SpeechRequest, speechSchema } from './speech-request.ts'

const ROUTE = '/v1/audio/speech'

export function speechRoute(deps: ServerDeps): RequestHandler {
  const { metrics, catalogue, gate, config } = deps
  return async (req, res) => {
    const started = performance.now()
    let model = 'unknown'
    let format = 'unknown'
    const settle = (outcome: string): void => {
      metrics.requests.inc({ route: ROUTE, model, format, outcome })
      note(res, { outcome })
    }
    try {
      const parsed = speechSchema.safeParse(req.body ?? {})
      if (!parsed.success) throw RequestError.fromZod(parsed.error)
      const request = parsed.data
      format = request.response_format
      model = checkModel(request.model)
      if (request.input.trim() === '') throw new RequestError('INPUT_EMPTY', 'The input is empty.', 'input')
      checkFormat(format as Format)
      const voice = resolveVoice(request.voice, catalogue)
      const characters = request.input.length
      note(res, { model, voice, format, characters, ...(config.logText && { text: request.input }) })
      await gate.text(res.locals.caller, characters)
      metrics.inputCharacters.inc(characters)
      answer(deps, res, request, voice, started, settle)
    } catch (error) {
      settle(outcomeOf(sendError(res, error)))
    }
  }
}

function answer(
  { pool, metrics, config }: ServerDeps,
  res: Response,
  request: SpeechRequest,
  voice: string,
  started: number,
  settle: (outcome: string) => void,
): void {
  const format: Format = request.response_format
  const seed = request.seed ?? randomSeed()
  const writer = ANSWER_WRITERS[request.stream_format](res, {
    mediaType: mediaTypeOf(format),
    seed,
    characters: request.input.length,
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
    metrics.duration.observe({ route: ROUTE, format }, seconds)
    if (samples > 0) metrics.realTimeFactor.observe({ route: ROUTE }, seconds / (samples / SAMPLE_RATE))
  }
  const stream = pool.open(
    {
      voice,
      seed,
      speed: request.speed,
      text: request.input,
      measure: isMeasured(format, request.input),
      output: { format },
      ...(request.vocoder !== undefined && { vocoder: request.vocoder }),
    },
    {
      audio(bytes, info, taken) {
        samples += info.samples
        if (bytes.length === 0) {
          taken()
          return
        }
        if (first === undefined) {
          first = performance.now() - started
          metrics.firstAudio.observe({ route: ROUTE }, first / 1000)
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

/** Throws FORMAT_UNAVAILABLE naming the field. */
function checkFormat(format: Format): void {
  try {
    requireFormat(format)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    throw new RequestError(error.code, error.message, 'response_format', { remedy: error.remedy })
  }
}
