/** The Express app: routes in order, request ids, security headers, OpenAI's error object for all failures. */
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import express, { type Express, type RequestHandler } from 'express'
import type { HttpExtension } from '../src/extension.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import type { Gate } from './access/gate.ts'
import { corsFor } from './access/origins.ts'
import type { ServerDeps } from './deps.ts'
import { docsPage } from './docs-page.ts'
import { inTime, mountExtension } from './extension.ts'
import { errorHandler, methodNotAllowed, notFound } from './http-errors.ts'
import { inOrder } from './in-order.ts'
import { requestLog } from './log.ts'
import { countRequest, requestId, security } from './middleware.ts'
import { openApiDocument } from './openapi.ts'
import { speechRoute, timestampsRoute } from './routes/speech.ts'
import { checkModel, MODELS } from './routes/speech-request.ts'
import { voiceFiles } from './routes/voice-files.ts'
import { VOICE_ALIASES } from './voices.ts'

/** Largest body: 4096 characters of input, escaped, with room for the rest. */
const MAX_BODY = '64kb'

export function createApp(deps: ServerDeps, extension?: HttpExtension): Express {
  const { pool, metrics, catalogue, gate, logger, config } = deps
  const app = express()
  app.set('trust proxy', config.trustProxy)
  app.disable('x-powered-by')
  app.use(inOrder(), requestId, known(deps), requestLog(logger), security, ...corsFor(config.corsOrigins))

  if (extension) app.use(inTime(extension), ...mountExtension(gate, extension))

  const get = (path: string, ...handlers: RequestHandler[]): void => {
    app
      .route(path)
      .get(...handlers)
      .all(methodNotAllowed('GET'))
  }
  app.use('/v1', identify(gate))

  app
    .route('/v1/audio/speech')
    .post(countRequest(gate), express.json({ limit: MAX_BODY, type: () => true }), speechRoute(deps))
    .all(methodNotAllowed('POST'))

  app
    .route('/v1/audio/speech/timestamps')
    .post(countRequest(gate), express.json({ limit: MAX_BODY, type: () => true }), timestampsRoute(deps))
    .all(methodNotAllowed('POST'))

  const model = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'sparsewave' })
  get('/v1/models', (_req, res) => {
    res.json({ object: 'list', data: MODELS.map(model) })
  })
  get('/v1/models/:model', (req, res) => {
    res.json(model(checkModel(String(req.params.model))))
  })
  get('/v1/audio/voices', (_req, res) => {
    const { voices, defaultVoice } = catalogue
    res.json({ voices, default: defaultVoice, aliases: VOICE_ALIASES, browser: config.givesVoices })
  })
  app.use('/v1/audio/voices', voiceFiles(deps))

  const document = openApiDocument({ speech: true, ...(extension && { extension }) })
  get('/openapi.json', (_req, res) => {
    res.json(document)
  })
  const page = docsPage(document)
  get('/docs', (_req, res) => {
    res.type('html').send(page)
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
    res
      .type(metrics.registry.contentType)
      .send(`${await metrics.registry.metrics()}${(await extension?.metrics?.()) ?? ''}`)
  })

  app.use('/browser', express.static(join(PACKAGE_ROOT, 'build', 'web'), { index: false, setHeaders: askAgain }))
  app.use(express.static(join(PACKAGE_ROOT, 'server', 'web'), { setHeaders: askAgain }))
  app.use(notFound, errorHandler)
  return app
}

/** A page of this version must not work with a script of the last one. */
const askAgain = (res: ServerResponse): void => {
  res.setHeader('Cache-Control', 'no-cache')
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
    if (req.method !== 'OPTIONS') res.locals.caller = gate.identify(req.headers, req.ip ?? 'unknown')
    next()
  }
