/** The Express app: routes in order, request ids, security headers, OpenAI's error object for all failures. */
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import express, { type Express, type RequestHandler } from 'express'
import type { HttpExtension } from '../src/extension.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import type { Gate } from './access/gate.ts'
import { corsFor } from './access/origins.ts'
import { asyncApiDocument } from './asyncapi.ts'
import type { ServerDeps } from './deps.ts'
import { type AsyncApi, docsPage, type OpenApi } from './docs-page.ts'
import { metricsHandler } from './exposition.ts'
import { inTime, mountExtension } from './extension.ts'
import { errorHandler, methodNotAllowed, notFound } from './http-errors.ts'
import { inOrder } from './in-order.ts'
import { requestLog } from './log.ts'
import { countRequest, originOf, requestId, security } from './middleware.ts'
import { openApiDocument } from './openapi.ts'
import { singleSlashes } from './paths.ts'
import { mountDialects } from './routes/mount.ts'
import { voiceFiles } from './routes/voice-files.ts'
import { traceRequests } from './tracing.ts'

export function createApp(deps: ServerDeps, extension?: HttpExtension): Express {
  const { pool, metrics, gate, logger, config } = deps
  const app = express()
  app.set('trust proxy', config.trustProxy)
  app.disable('x-powered-by')
  app.use(oneSlash, inOrder(), requestId, known(deps), traceRequests, requestLog(logger))
  app.use(leaving(pool), security, ...corsFor(config.corsOrigins))

  if (extension) app.use(inTime(extension), ...mountExtension(gate, extension))

  const get = (path: string, ...handlers: RequestHandler[]): void => {
    app
      .route(path)
      .get(...handlers)
      .all(methodNotAllowed('GET'))
  }
  const identified = identify(gate)
  mountDialects(app, deps, identified, countRequest(gate))
  app.use('/v1', identified)
  app.use('/v1/audio/voices', voiceFiles(deps))

  const document = openApiDocument({ speech: true, ...(extension && { extension }) })
  get('/openapi.json', (_req, res) => {
    res.json(document)
  })
  const messages = asyncApiDocument()
  get('/asyncapi.json', (_req, res) => {
    res.json(messages)
  })
  get('/docs', (req, res) => {
    res.type('html').set('Cache-Control', 'no-cache')
    res.send(docsPage(document as OpenApi, messages as AsyncApi, originOf(req)))
  })

  get('/health/live', (_req, res) => {
    // A supervisor should restart a server that has had no worker for a minute, or has one that cannot be ended.
    if (pool.isBeyondRecovery(60)) res.status(503).json({ status: 'no synthesis worker can be started or ended' })
    else res.json({ status: 'ok' })
  })
  get('/health/ready', (_req, res) => {
    deps.probedAt = performance.now()
    if (pool.isReady) res.json({ status: 'ok', ...pool.info })
    else res.status(503).json({ status: 'not ready' })
  })
  get('/metrics', metricsHandler(metrics.registry, extension?.metrics))

  app.use('/browser', express.static(join(PACKAGE_ROOT, 'build', 'web'), { index: false, setHeaders: askAgain }))
  app.use(express.static(join(PACKAGE_ROOT, 'server', 'web'), { setHeaders: askAgain }))
  app.use(notFound, errorHandler)
  return app
}

/** A page of this version must not work with a script of the last one. */
const askAgain = (res: ServerResponse): void => {
  res.setHeader('Cache-Control', 'no-cache')
}

const oneSlash: RequestHandler = (req, _res, next) => {
  req.url = singleSlashes(req.url)
  next()
}

/** A proxy must not keep a connection that is about to close: its next request there would be lost. */
const leaving =
  (pool: ServerDeps['pool']): RequestHandler =>
  (_req, res, next) => {
    if (pool.isLeaving) res.set('Connection', 'close')
    next()
  }

const known =
  (deps: ServerDeps): RequestHandler =>
  (_req, res, next) => {
    res.locals.deps = deps
    next()
  }

const identify =
  (gate: Gate): RequestHandler =>
  (req, res, next) => {
    // A browser asks first, without the key, whether it may.
    if (req.method !== 'OPTIONS') {
      const query = res.locals.keyInQuery ? req.url.split('?').slice(1).join('?') : undefined
      res.locals.caller = gate.identify(req.headers, req.ip ?? 'unknown', query)
    }
    next()
  }
