/**
 * Extensions of the server (src/extension.ts): mounted beside speech, or served alone on a port of their own. Either way the
 * server asks for keys, counts, logs and words the errors.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express, { type Express, type RequestHandler } from 'express'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { SparsewaveError } from '../src/errors.ts'
import type { HttpExtension } from '../src/extension.ts'
import { PACKAGE_ROOT } from '../src/root.ts'
import { Gate } from './access/gate.ts'
import type { Scope } from './access/key-file.ts'
import { KeyStore } from './access/key-store.ts'
import { corsFor } from './access/origins.ts'
import type { Config } from './config.ts'
import { docsPage, type OpenApi } from './docs-page.ts'
import { metricsHandler } from './exposition.ts'
import { errorHandler, methodNotAllowed, notFound } from './http-errors.ts'
import { inOrder } from './in-order.ts'
import { listen } from './listen.ts'
import { requestLog } from './log.ts'
import { countRequest, originOf, requestId, security } from './middleware.ts'
import { openApiDocument } from './openapi.ts'
import { traceRequests } from './tracing.ts'

/** Longest time in which a request of an extension may arrive: files are large. ms. */
export const UPLOAD_TIME = 3_600_000
/** Longest time in which any other request may arrive, ms. */
export const REQUEST_TIME = 30_000

/** Keys as an extension needs them. Throws USAGE where there is no key file, since nobody could get in. */
export function requireKeyFile({ keysFile }: Pick<Config, 'keysFile'>): void {
  if (keysFile !== undefined) return
  throw new SparsewaveError('USAGE', 'Training over HTTP needs API keys.', {
    remedy: 'Create one with `sparsewave keys create NAME --scopes train`, and set SPARSEWAVE_KEYS_FILE.',
  })
}

/** Lets callers with the extension's scope through to it. Requests of other paths go on. */
export function mountExtension(gate: Gate, extension: HttpExtension): RequestHandler[] {
  const ours = (path: string): boolean => extension.paths.test(path)
  const only =
    (handler: RequestHandler): RequestHandler =>
    (req, res, next) =>
      ours(req.path) && !extension.open?.test(req.path) ? handler(req, res, next) : next()
  return [
    only((req, res, next) => {
      // A browser asks first, without the key, whether it may.
      if (req.method !== 'OPTIONS')
        res.locals.caller = gate.identify(req.headers, req.ip ?? 'unknown', undefined, extension.scope as Scope)
      next()
    }),
    only((req, res, next) => (req.method === 'OPTIONS' ? next() : countRequest(gate)(req, res, next))),
    (req, res, next) => {
      if (!ours(req.path)) return next()
      // What speech says of its errors is not said of an extension's.
      res.locals.deps = undefined
      extension.handler(req, res, (error) => (error ? next(error) : notFound(req, res, next)))
    },
  ]
}

/** Cuts off requests that arrive too slowly, where the server as a whole waits longer because of an extension. */
export const inTime =
  (extension: HttpExtension): RequestHandler =>
  (req, res, next) => {
    if (extension.paths.test(req.path) || req.complete) return next()
    const timer = setTimeout(() => req.complete || req.destroy(), REQUEST_TIME)
    res.once('close', () => clearTimeout(timer))
    next()
  }

export interface RunningExtension {
  readonly port: number
  stop(): Promise<void>
}

/** The app of an extension without speech. */
function extensionApp(extension: HttpExtension, gate: Gate, logger: Logger, config: Config): Express {
  const app = express()
  app.set('trust proxy', config.trustProxy)
  app.disable('x-powered-by')
  app.use(inOrder(), requestId, traceRequests, requestLog(logger), security, ...corsFor(config.corsOrigins))
  app.use(...mountExtension(gate, extension))
  const get = (path: string, handler: RequestHandler): void =>
    void app.route(path).get(handler).all(methodNotAllowed('GET'))
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  get('/metrics', metricsHandler(registry, extension.metrics))
  const document = openApiDocument({ speech: false, extension })
  get('/openapi.json', (_req, res) => void res.json(document))
  get('/docs', (req, res) => {
    res.type('html').send(docsPage(document as OpenApi, { channels: {} }, originOf(req)))
  })
  get('/health/live', (_req, res) => void res.json({ status: 'ok' }))
  get('/health/ready', (_req, res) => void res.json({ status: 'ok' }))
  const { page } = extension
  if (page !== undefined) get('/', (_req, res) => void res.redirect(page))
  // What pages share: theme, icon.
  app.use(express.static(join(PACKAGE_ROOT, 'server', 'web'), { index: false }), notFound, errorHandler)
  return app
}

/** Serves an extension alone. Throws what the key file or the port refuses with. */
export async function startExtension(
  extension: HttpExtension,
  config: Config,
  logger: Logger,
): Promise<RunningExtension> {
  requireKeyFile(config)
  const keys = new KeyStore({ file: config.keysFile, plain: config.apiKeys, warn: (line) => logger.warn(line) })
  const gate = new Gate({ keys, requests: config.requestsPerMinute, characters: config.charactersPerMinute })
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: UPLOAD_TIME, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 },
    extensionApp(extension, gate, logger, config),
  )
  await listen(server, config.port, config.host)
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await extension.close()
      server.closeIdleConnections()
      setTimeout(() => server.closeAllConnections(), 1000).unref()
      await closed
    },
  }
}
