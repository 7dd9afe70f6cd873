/**
 * The server's log: a JSON object a line, one line a request. It never holds the text that is spoken, nor keys, unless
 * SPARSEWAVE_LOG_TEXT asks for the text.
 */
import type { RequestHandler, Response } from 'express'
import { type DestinationStream, type Logger, pino } from 'pino'
import { LogStream } from './log-stream.ts'
import { isProbe, tracedOf } from './tracing.ts'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** The stream that the server's own logger writes to standard output through. */
export const standardOutput = (): LogStream =>
  new LogStream(
    1,
    (dropped) =>
      `${JSON.stringify({ level: 40, time: new Date().toISOString(), dropped, msg: 'log lines were dropped' })}\n`,
  )

export function createLogger(level: LogLevel, destination: DestinationStream = standardOutput()): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
}

/** Adds fields to the line of a request. */
export function note(res: Response, fields: Record<string, unknown>): void {
  res.locals.notes = { ...res.locals.notes, ...fields }
}

/** Longest path in a line of the log. */
const MAX_PATH = 256

/** Logs every request when its answer has ended, whichever way; probes and scrapes at `debug`. */
export const requestLog =
  (logger: Logger): RequestHandler =>
  (req, res, next) => {
    const started = performance.now()
    res.locals.logger = logger
    res.once('close', () => {
      const line = {
        id: res.get('X-Request-Id'),
        method: req.method,
        // Without the query, which may hold anything.
        path: (req.baseUrl + req.path).slice(0, MAX_PATH),
        ...tracedOf(res)?.logged,
        status: res.headersSent ? res.statusCode : 499,
        ...(res.locals.caller && { caller: res.locals.caller.name }),
        ...res.locals.notes,
        complete: res.writableFinished,
        ms: Math.round(performance.now() - started),
      }
      // A probe that is answered `not ready` is no fault of the server.
      if (isProbe(line.path)) logger.debug(line)
      else if (line.status >= 500) logger.error(line)
      else logger.info(line)
    })
    next()
  }
