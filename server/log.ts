/**
 * The server's log: a JSON object a line, one line a request. It never holds the text that is spoken, nor keys, unless
 * SPARSEWAVE_LOG_TEXT asks for the text.
 */
import type { RequestHandler, Response } from 'express'
import { type DestinationStream, type Logger, pino } from 'pino'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  return destination ? pino(options, destination) : pino(options, pino.destination({ dest: 1, sync: true }))
}

/** What a route wants to be told with its request's line. */
export function note(res: Response, fields: Record<string, unknown>): void {
  res.locals.notes = { ...res.locals.notes, ...fields }
}

/** The caller's trace, from the header that W3C Trace Context defines and OpenTelemetry sends. */
export function traceOf(traceparent: string | undefined): { trace: string } | undefined {
  const trace = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? '')?.[1]
  return trace && !/^0+$/.test(trace) ? { trace } : undefined
}

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
        path: req.baseUrl + req.path,
        ...traceOf(req.get('traceparent')),
        status: res.headersSent ? res.statusCode : 499,
        ...(res.locals.caller && { caller: res.locals.caller.name }),
        ...res.locals.notes,
        complete: res.writableFinished,
        ms: Math.round(performance.now() - started),
      }
      const quiet = /^\/(?:health\/|metrics$)/.test(line.path)
      if (line.status >= 500) logger.error(line)
      else if (quiet) logger.debug(line)
      else logger.info(line)
    })
    next()
  }
