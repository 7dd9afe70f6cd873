/**
 * Serves a request to speak, whatever its dialect: text in, audio out in chunks as it is synthesized. The next samples are
 * asked for when the socket has taken the last ones. A client that goes away frees its stream at once.
 */
import type { RequestHandler, Response } from 'express'
import { mediaType, requireFormat } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import { isMeasured, looksLikeSsml, randomSeed, SsmlError, ssmlSentences } from '../../src/synthesis/index.ts'
import type { Language } from '../../src/text/index.ts'
import type { ServerDeps } from '../deps.ts'
import { RequestError, sendError } from '../http-errors.ts'
import { note } from '../log.ts'
import { outcomeOf } from '../metrics.ts'
import { publicError, Speech } from '../speech.ts'
import type { SpeechInput, SpeechRequest } from '../synthesis/messages.ts'
import { tracedOf } from '../tracing.ts'
import { languageOf } from '../voices.ts'
import type { SpeechRoute, SpokenRequest } from './dialect.ts'
import { audioWriter, UNREAD_HEADER } from './speech-answer.ts'
import { MAX_INPUT } from './speech-request.ts'

export function speechHandler(deps: ServerDeps, { path: route, read }: SpeechRoute): RequestHandler {
  const { metrics, catalogue, gate } = deps
  return async (req, res) => {
    const startedAt = performance.now()
    let model = 'unknown'
    let format = 'unknown'
    try {
      const spoken = read(req, catalogue)
      format = spoken.output.format
      model = spoken.model ?? 'sparsewave'
      const request = requestOf(spoken, languageOf(spoken.voice, catalogue))
      if (req.method === 'HEAD') {
        res.status(200).set({ ...spoken.headers, 'Content-Type': mediaTypeOf(spoken), 'Cache-Control': 'no-store' })
        res.end()
        return
      }
      await gate.text(res.locals.caller, spoken.text.length)
      note(res, { model })
      answer(deps, res, { spoken, request, route, model, startedAt })
    } catch (error) {
      const outcome = outcomeOf(sendError(res, error))
      metrics.requests.inc({ route, model, format, outcome })
      note(res, { outcome })
    }
  }
}

const mediaTypeOf = (spoken: SpokenRequest): string => spoken.mediaType ?? mediaType(spoken.output)

/** What the workers are asked for. Throws RequestError when it cannot be spoken. */
function requestOf(spoken: SpokenRequest, language: Language): SpeechRequest {
  const { text, textField, output, lexicon, vocoder } = spoken
  if (text.length > MAX_INPUT)
    throw new RequestError(
      'INPUT_TOO_LONG',
      `The text has ${text.length} characters. At most ${MAX_INPUT} characters can be spoken in one request.`,
      textField,
    )
  if (text.trim() === '') throw new RequestError('INPUT_EMPTY', 'The text is empty.', textField)
  checkFormat(spoken)
  return {
    voice: spoken.voice,
    seed: spoken.seed ?? randomSeed(),
    speed: spoken.speed ?? 1,
    ...(spoken.pitch !== undefined && { pitch: spoken.pitch }),
    ...(lexicon !== undefined && { lexicon }),
    ...(vocoder !== undefined && { vocoder }),
    output,
    input: inputOf(spoken, language),
    measure: isMeasured(output.format, text),
  }
}

interface Job {
  readonly spoken: SpokenRequest
  readonly request: SpeechRequest
  readonly route: string
  readonly model: string
  readonly startedAt: number
}

function answer(deps: ServerDeps, res: Response, { spoken, request, route, model, startedAt }: Job): void {
  const { config } = deps
  const { text, headers, writer: factory = audioWriter } = spoken
  const id = res.get('X-Request-Id') ?? ''
  const writer = factory(res, {
    mediaType: mediaTypeOf(spoken),
    seed: request.seed,
    characters: text.length,
    headers,
  })
  // Until a worker has the stream the client has nothing to take.
  let stall: NodeJS.Timeout | undefined
  const speech = new Speech(
    {
      id,
      deps,
      traced: tracedOf(res),
      caller: res.locals.caller,
      route,
      model,
      startedAt,
      text,
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
      error: (error) => void writer.fail(publicError(error, { id, deps, traced: tracedOf(res) })),
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

/** Elements that SSML may have here, for those who cannot read the documentation of the package. */
const SSML_REMEDY = 'SSML may have the elements speak, p, s, break, sub, phoneme, prosody, say-as and mark.'

/** The text, or the sentences of SSML, parsed once. Throws REQUEST_INVALID when it cannot be spoken. */
function inputOf({ text, textField, inputType }: SpokenRequest, language: Language): SpeechInput {
  const isSsml = inputType === 'ssml' || (inputType === undefined && looksLikeSsml(text))
  if (!isSsml) return { kind: 'text', text }
  try {
    const sentences = ssmlSentences(text, language)
    if (sentences.length === 0)
      throw new RequestError('INPUT_EMPTY', 'The SSML has nothing in it that can be spoken.', textField)
    return { kind: 'sentences', sentences }
  } catch (error) {
    if (!(error instanceof SsmlError)) throw error
    throw new RequestError(error.code, error.message, textField, { remedy: SSML_REMEDY })
  }
}

/** Throws FORMAT_UNAVAILABLE. */
function checkFormat({ output }: SpokenRequest): void {
  try {
    requireFormat(output.format)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    throw new RequestError(error.code, error.message, 'response_format', { remedy: error.remedy })
  }
}
