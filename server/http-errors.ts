/** Errors as OpenAI's clients expect them: {error: {message, type, param, code}}. */
import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { type ErrorCode, httpRemedy, SparsewaveError } from '../src/errors.ts'
import { RateLimitError } from './access/gate.ts'
import { refusalOf } from './access/refusals.ts'
import type { ServerDeps } from './deps.ts'
import { faultOf } from './fault.ts'
import { note } from './log.ts'
import type { HttpDialect } from './routes/dialect.ts'
import { publicError } from './speech.ts'
import { tracedOf } from './tracing.ts'

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
    return new RequestError(tooLong ? 'INPUT_TOO_LONG' : 'REQUEST_INVALID', sentenceOf(issue, param), param)
  }
}

/** What is wrong with a field, as a sentence. */
function sentenceOf(issue: z.core.$ZodIssue, param: string | null): string {
  const field = param === null ? 'The request' : `The field \`${param}\``
  const { message } = issue
  if (issue.code === 'invalid_type')
    return issue.message.endsWith('received undefined')
      ? `${field} is missing.`
      : `${field} must be of the type ${issue.expected}.`
  if (issue.code === 'too_big' && message.startsWith('Too big'))
    return `${field} must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}.`
  if (issue.code === 'too_small' && message.startsWith('Too small'))
    return `${field} must be at least ${issue.minimum}${issue.origin === 'string' ? ' characters long' : ''}.`
  if (issue.code === 'invalid_value' && message.startsWith('Invalid'))
    return `${field} must be ${issue.values.map(String).join(' or ')}.`
  if (issue.code === 'unrecognized_keys') return `${field} has the unknown field \`${issue.keys[0]?.slice(0, 64)}\`.`
  return `${field} is wrong: ${message.replace(/\.$/, '')}.`
}

/** A value as its schema gives it. Throws REQUEST_INVALID, INPUT_TOO_LONG. */
export function parseWith<S extends z.ZodType>(value: unknown, schema: S): z.output<S> {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw RequestError.fromZod(parsed.error)
  return parsed.data
}

/** A body that came as text. Throws REQUEST_INVALID. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RequestError('REQUEST_INVALID', 'The body is not valid JSON.', null)
  }
}

/** Seconds after which a client that was turned away may come back. */
export const retryAfterOf = (error: unknown): number =>
  error instanceof RateLimitError ? error.retryAfter : RETRY_AFTER

/** Answers with an error, or breaks the connection off when the audio has already begun. */
export function sendError(res: Response, error: unknown): number {
  const known = asSparsewaveError(error, res)
  if (res.headersSent) {
    res.destroy()
    return known.status
  }
  if (known.status === 429 || known.status === 503) res.set('Retry-After', String(retryAfterOf(known)))
  // Whoever has no key gets one answer a connection, and the rest of the body is not read.
  if (known.status === 401) res.set({ 'WWW-Authenticate': 'Bearer', Connection: 'close' })
  const reason = refusalOf(known)
  if (reason !== undefined) {
    res.locals.deps?.metrics.refused.inc({ reason })
    note(res, { refused: reason })
  }
  if (known.code === 'INPUT_TOO_LONG') void res.locals.giveBack?.()
  const dialect = res.locals.dialect as HttpDialect | undefined
  const body = dialect?.errorBody?.(known, res.get('X-Request-Id') ?? '') ?? errorBodyOf(known)
  res.status(known.status).json(body)
  return known.status
}

/** An error as sentences for a client of the server: what was wrong, and what to do about it. */
export function messageOf(error: SparsewaveError): string {
  const remedy = httpRemedy(error)
  const said = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`
  return remedy ? `${said} ${remedy}` : said
}

/** The field that an error is about. */
export const paramOf = (error: SparsewaveError & { param?: string | null }): string | null => error.param ?? null

/** The error object of an error that a client may see. */
export const errorBodyOf = (error: SparsewaveError): ErrorBody =>
  errorBody(error.status, error.code.toLowerCase(), messageOf(error), paramOf(error))

function asSparsewaveError(error: unknown, res: Response): SparsewaveError {
  const deps = res.locals.deps as ServerDeps | undefined
  const id = res.get('X-Request-Id') ?? ''
  if (error instanceof SparsewaveError) return deps ? publicError(error, { id, deps, traced: tracedOf(res) }) : error
  const { status, type } = error as { status?: number; type?: string }
  if (type === 'entity.parse.failed') return new RequestError('REQUEST_INVALID', 'The body is not valid JSON.', null)
  if (type === 'entity.too.large') return new RequestError('INPUT_TOO_LONG', 'The body is too large.', null)
  // The messages of these errors may name files.
  if (status !== undefined && status < 500)
    return new RequestError('REQUEST_INVALID', `The request is wrong: ${STATUS_CODES[status] ?? status}.`, null)
  const logger: Logger | undefined = deps?.logger ?? res.locals.logger
  logger?.error({ id, ...tracedOf(res)?.logged, fault: faultOf(error) }, 'a request failed inside the server')
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
