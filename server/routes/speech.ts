/**
 * POST /v1/audio/speech: text in, audio out in chunks while it is made. The next samples are asked for when the socket
 * has taken the last ones; a client that goes away frees its stream at once.
 */
import type { RequestHandler, Response } from 'express'
import { type Format, headerBytes, isMeasured, MEDIA_TYPES, randomSeed } from '../../src/synthesis/index.ts'
import { RequestError, sendError } from '../http-errors.ts'
import { type Metrics, outcomeOf } from '../metrics.ts'
import type { SynthesisPool } from '../synthesis/pool.ts'
import { resolveVoice, type VoiceCatalogue } from '../voices.ts'
import { MODELS, type SpeechRequest, speechSchema } from './speech-request.ts'

const ROUTE = '/v1/audio/speech'

export interface SpeechDeps {
  readonly pool: SynthesisPool
  readonly metrics: Metrics
  readonly catalogue: VoiceCatalogue
  readonly requestSeconds: number
}

export function speechRoute(deps: SpeechDeps): RequestHandler {
  const { metrics, catalogue } = deps
  return (req, res) => {
    const started = performance.now()
    let model = 'unknown'
    let format = 'unknown'
    const settle = (outcome: string): void => metrics.requests.inc({ route: ROUTE, model, format, outcome })
    try {
      const parsed = speechSchema.safeParse(req.body ?? {})
      if (!parsed.success) throw RequestError.fromZod(parsed.error)
      const request = parsed.data
      format = request.response_format
      model = checkModel(request.model)
      if (request.input.trim() === '') throw new RequestError('INPUT_EMPTY', 'The input is empty.', 'input')
      const voice = resolveVoice(request.voice, catalogue)
      metrics.inputCharacters.inc(request.input.length)
      answer(deps, res, request, voice, started, settle)
    } catch (error) {
      settle(outcomeOf(sendError(res, error)))
    }
  }
}

function answer(
  { pool, metrics, requestSeconds }: SpeechDeps,
  res: Response,
  request: SpeechRequest,
  voice: string,
  started: number,
  settle: (outcome: string) => void,
): void {
  const format: Format = request.response_format
  const seed = request.seed ?? randomSeed()
  let bytes = 0
  let settled = false
  const finish = (outcome: string): void => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    settle(outcome)
    if (outcome !== 'ok') return
    const seconds = (performance.now() - started) / 1000
    metrics.duration.observe({ route: ROUTE, format }, seconds)
    if (bytes > 0) metrics.realTimeFactor.observe({ route: ROUTE }, seconds / (bytes / 48000))
  }
  const stream = pool.open(
    {
      voice,
      seed,
      speed: request.speed,
      text: request.input,
      measure: isMeasured(format, request.input),
      ...(request.vocoder !== undefined && { vocoder: request.vocoder }),
    },
    {
      audio(pcm, { totalSamples }, taken) {
        if (!res.headersSent) {
          metrics.firstAudio.observe({ route: ROUTE }, (performance.now() - started) / 1000)
          res
            .status(200)
            .set({ 'Content-Type': MEDIA_TYPES[format], 'Cache-Control': 'no-store', 'X-Seed': String(seed) })
          const header = headerBytes(format, totalSamples)
          if (header.length > 0) res.write(header)
        }
        bytes += pcm.length
        res.write(pcm, (error) => {
          if (!error) taken()
        })
      },
      done() {
        res.end()
        finish('ok')
      },
      error(error) {
        finish(outcomeOf(sendError(res, error)))
      },
    },
  )
  const timer = setTimeout(() => {
    stream.cancel()
    finish('server_error')
    res.destroy()
  }, requestSeconds * 1000)
  res.on('close', () => {
    if (res.writableFinished) return
    stream.cancel()
    finish('cancelled')
  })
}

/** The model as a metric's label: a known name, so that the label stays bounded. Throws REQUEST_INVALID. */
function checkModel(model: string): string {
  const known = MODELS.find((name) => model === name || model.startsWith(`${name}-20`))
  if (known) return known
  throw new RequestError(
    'REQUEST_INVALID',
    `There is no model "${model}"; this server has ${MODELS.join(', ')}.`,
    'model',
  )
}
