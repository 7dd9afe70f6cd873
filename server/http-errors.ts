/** Errors as OpenAI's clients expect them: {error: {message, type, param, code}}. */
import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { ERRORS, type ErrorCode, SparsewaveError } from '../src/errors.ts'
import { RateLimitError } from './access/gate.ts'
import type { ServerDeps } from './deps.ts'
import { faultOf } from './fault.ts'
import { publicError } from './speech.ts'

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null }
}

/** Seconds after which a client may come back when all streams are taken. */
const RETRY_AFTER = 1

const typeOf = (status: number): string =>
  status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error'

/** Errors quote what was wrong; of something long the beginning. */
const MAX_MESSAGE = 500

export const errorBody = (
  status: number,
  code: string | null,
  message: string,
  param: string | null = null,
): ErrorBody => ({
  error: {
    message: message.slice(0, MAX_MESSAGE),
    type: typeOf(status),
    param: param?.slice(0, MAX_MESSAGE) ?? null,
    code,
  },
})

/** A request whose field `param` is wrong. */
export class RequestError extends SparsewaveError {
  readonly param: string | null

  constructor(code: ErrorCode, message: string, param: string | null, options?: { remedy?: string }) {
    // Where a client's fault was found interests nobody, and finding the stack costs more than all the rest.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(code, message, options)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'RequestError'
    this.param = param
  }

  /** From a failed zod parse: the first fault, in words. */
  static fromZod(error: z.ZodError): RequestError {
    const issue = error.issues[0]!
    const param = issue.path.length > 0 ? issue.path.join('.') : null
    const tooLong = issue.code === 'too_big' && param === 'input'
    return new RequestError(
      tooLong ? 'INPUT_TOO_LONG' : 'REQUEST_INVALID',
      param ? `${param}: ${issue.message}` : issue.message,
      param,
    )
  }
}

/** A value as its schema gives it. Throws REQUEST_INVALID, INPUT_TOO_LONG. */
export function parseWith<S extends z.ZodType>(value: unknown, schema: S): z.output<S> {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw RequestError.fromZod(parsed.error)
  return parsed.data
}

/** Answers with an error, or breaks the connection off when the audio has already begun. */
export function sendError(res: Response, error: unknown): number {
  const known = asSparsewaveError(error, res)
  if (res.headersSent) {
    res.destroy()
    return known.status
  }
  if (known.status === 429 || known.status === 503)
    res.set('Retry-After', String(known instanceof RateLimitError ? known.retryAfter : RETRY_AFTER))
  if (known.status === 401) {
    // Whoever has no key gets one answer a connection, and the rest of the body is not read.
    res.set({ 'WWW-Authenticate': 'Bearer', Connection: 'close' })
    res.locals.deps?.metrics.refused.inc({ reason: 'key' })
  }
  res.status(known.status).json(errorBodyOf(known))
  return known.status
}

/** Remedies for clients of the server, who have no command line here. Where an error has one of its own, that counts. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  REQUEST_INVALID: 'openapi.json on this server describes the requests.',
  VOICE_UNKNOWN: '`GET /v1/audio/voices` lists the voices there are.',
}

/** What a client of the server may do about an error. */
export const remedyOf = ({ code, remedy }: SparsewaveError): string =>
  remedy === ERRORS[code].remedy ? (REMEDIES[code] ?? remedy) : remedy

/** The error object of an error that a client may see. */
export function errorBodyOf(error: SparsewaveError): ErrorBody {
  const remedy = remedyOf(error)
  const said = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`
  const message = remedy ? `${said} ${remedy}` : said
  // An extension's errors may name a field too.
  const { param = null } = error as SparsewaveError & { param?: string | null }
  return errorBody(error.status, error.code.toLowerCase(), message, param)
}

function asSparsewaveError(error: unknown, res: Response): SparsewaveError {
  const deps = res.locals.deps as ServerDeps | undefined
  const id = res.get('X-Request-Id') ?? ''
  if (error instanceof SparsewaveError) return deps ? publicError(error, { id, deps }) : error
  const { status, type } = error as { status?: number; type?: string }
  if (type === 'entity.parse.failed') return new RequestError('REQUEST_INVALID', 'The body is not valid JSON.', null)
  if (type === 'entity.too.large') return new RequestError('INPUT_TOO_LONG', 'The body is too large.', null)
  // The messages of these errors may name files.
  if (status !== undefined && status < 500)
    return new RequestError('REQUEST_INVALID', `The request is wrong: ${STATUS_CODES[status] ?? status}.`, null)
  const logger: Logger | undefined = deps?.logger ?? res.locals.logger
  logger?.error({ id, fault: faultOf(error) }, 'a request failed inside the server')
  return new SparsewaveError('SYNTHESIS_FAILED', 'The request failed inside the server.')
}

export const errorHandler: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) next(error)
  else sendError(res, error)
}

/** For paths that exist, asked with a method they do not have. */
export const methodNotAllowed =
  (allowed: string): RequestHandler =>
  (req, res) => {
    res.set('Allow', allowed)
    res.status(405).json(errorBody(405, 'method_not_allowed', `${req.method} is not allowed here; ${allowed} is.`))
  }

export const notFound: RequestHandler = (req, res) => {
  res.status(404).json(errorBody(404, 'not_found', `There is no ${req.method} ${req.path.slice(0, 200)} here.`))
}
