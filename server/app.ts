/** The Express app: routes in order, request ids, security headers, OpenAI's error object for all failures. */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import express, { type Express, type Request, type RequestHandler } from 'express'
import helmet from 'helmet'
import { PACKAGE_ROOT } from '../src/root.ts'
import type { Gate } from './access/gate.ts'
import { corsFor } from './access/origins.ts'
import { asyncApiDocument } from './asyncapi.ts'
import type { ServerDeps } from './deps.ts'
import { type AsyncApi, docsPage, type OpenApi } from './docs-page.ts'
import { errorHandler, methodNotAllowed, notFound } from './http-errors.ts'
import { inOrder } from './in-order.ts'
import { requestLog } from './log.ts'
import { openApiDocument } from './openapi.ts'
import { singleSlashes } from './paths.ts'
import { mountDialects } from './routes/mount.ts'
import { voiceFiles } from './routes/voice-files.ts'

export function createApp(deps: ServerDeps): Express {
  const { pool, metrics, gate, logger, config } = deps
  const app = express()
  app.set('trust proxy', config.trustProxy)
  app.disable('x-powered-by')
  app.use(oneSlash, inOrder(), requestId, known(deps), requestLog(logger), security, ...corsFor(config.corsOrigins))

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

  const document = openApiDocument()
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
    if (pool.isReady) res.json({ status: 'ok', ...pool.info })
    else res.status(503).json({ status: 'not ready' })
  })
  get('/metrics', async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  })

  app.use('/browser', express.static(join(PACKAGE_ROOT, 'build', 'web'), { index: false, setHeaders: askAgain }))
  app.use(express.static(join(PACKAGE_ROOT, 'server', 'web'), { setHeaders: askAgain }))
  app.use(notFound, errorHandler)
  return app
}

/** Where the reader has reached the server, for examples that can be copied. */
function originOf(req: Request): string {
  const host = req.get('host') ?? ''
  return `${req.protocol}://${/^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost:8080'}`
}

/** A page of this version must not work with a script of the last one. */
const askAgain = (res: ServerResponse): void => {
  res.setHeader('Cache-Control', 'no-cache')
}

const oneSlash: RequestHandler = (req, _res, next) => {
  req.url = singleSlashes(req.url)
  next()
}

/** Takes over a caller's request id if it is a harmless one; else makes one. */
const requestId: RequestHandler = (req, res, next) => {
  const given = req.get('x-request-id')
  res.set('X-Request-Id', given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID())
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

const countRequest =
  (gate: Gate): RequestHandler =>
  async (req, res, next) => {
    if (req.method === 'HEAD') return next()
    const standing = await gate.request(res.locals.caller)
    // A text that can never be spoken is no use of the window.
    if (standing) res.locals.giveBack = () => gate.giveBack(res.locals.caller)
    if (standing)
      res.set({
        'X-RateLimit-Limit-Requests': String(standing.limit),
        'X-RateLimit-Remaining-Requests': String(standing.remaining),
        'X-RateLimit-Reset-Requests': `${standing.resetSeconds.toFixed(1)}s`,
      })
    next()
  }

const security = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      // WebAssembly for pages that speak by themselves.
      scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
      styleSrc: ["'self'"],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", 'data:'],
      mediaSrc: ["'self'", 'blob:'],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // Plain HTTP is the rule inside a cluster; whoever ends TLS sets this.
  strictTransportSecurity: false,
})
