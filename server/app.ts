/** The Express app: routes in order, request ids, security headers, OpenAI's error object for all failures. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import express, { type Express, type RequestHandler } from 'express'
import { PACKAGE_ROOT } from '../src/root.ts'
import { errorHandler, notFound } from './http-errors.ts'
import type { Metrics } from './metrics.ts'
import { speechRoute } from './routes/speech.ts'
import { checkModel, MODELS } from './routes/speech-request.ts'
import type { SynthesisPool } from './synthesis/pool.ts'
import { VOICE_ALIASES, type VoiceCatalogue } from './voices.ts'

export interface AppDeps {
  readonly pool: SynthesisPool
  readonly metrics: Metrics
  readonly catalogue: VoiceCatalogue
  readonly requestSeconds: number
}

/** Largest body: 4096 characters of input, escaped, with room for the rest. */
const MAX_BODY = '64kb'

export function createApp(deps: AppDeps): Express {
  const { pool, metrics, catalogue } = deps
  const app = express()
  app.disable('x-powered-by')
  app.use(requestId, securityHeaders)

  app.post('/v1/audio/speech', express.json({ limit: MAX_BODY, type: () => true }), speechRoute(deps))

  const model = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'sparsewave' })
  app.get('/v1/models', (_req, res) => {
    res.json({ object: 'list', data: MODELS.map(model) })
  })
  app.get('/v1/models/:model', (req, res) => {
    res.json(model(checkModel(req.params.model)))
  })
  app.get('/v1/audio/voices', (_req, res) => {
    res.json({ voices: catalogue.voices, default: catalogue.defaultVoice, aliases: VOICE_ALIASES })
  })

  app.get('/health/live', (_req, res) => {
    res.json({ status: 'ok' })
  })
  app.get('/health/ready', (_req, res) => {
    if (pool.isReady) res.json({ status: 'ok', ...pool.info })
    else res.status(503).json({ status: 'not ready' })
  })
  app.get('/metrics', async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics())
  })

  app.use(express.static(join(PACKAGE_ROOT, 'server', 'web'), { index: 'index.html', cacheControl: false }))
  app.use(notFound, errorHandler)
  return app
}

/** Takes over a caller's request id if it is a harmless one; else makes one. */
const requestId: RequestHandler = (req, res, next) => {
  const given = req.get('x-request-id')
  res.set('X-Request-Id', given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID())
  next()
}

const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set({
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  })
  next()
}
