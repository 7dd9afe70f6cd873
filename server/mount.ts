/**
 * The server for other programs: mounted in their own Express app or HTTP server, or started on a port of its own.
 * Settings come from the options alone. Voices and kernels are found as everywhere: SPARSEWAVE_MODELS, SPARSEWAVE_VOICE and
 * SPARSEWAVE_KERNEL apply.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { nearest, SparsewaveError } from '../src/errors.ts'
import { catalogue } from '../src/voices/catalogue.ts'
import { type Config, readConfig } from './config.ts'
import { createLogger } from './log.ts'
import { singleSlashes } from './paths.ts'
import { routesByPath } from './routes/mount.ts'
import { type StartOptions, startServer as start } from './start.ts'
import { spawnWorker } from './synthesis/spawn.ts'
import type { VoiceCatalogue } from './voices.ts'
import { DIALECTS } from './websocket/dialects/index.ts'

/** Settings of a speech server. Each is described in docs/reference/configuration.md under its environment variable. */
export interface SpeechServerOptions {
  /** Voice used when a request names none. Default: SPARSEWAVE_VOICE, else the first one installed. */
  readonly voice?: string | undefined
  /** Names that requests may use for voices, such as `{ onyx: 'george' }`. Default: those of other services' voices. */
  readonly aliases?: Readonly<Record<string, string>> | undefined
  /** Synthesis workers. Default: one per CPU core. */
  readonly workers?: number | undefined
  /** `process` keeps a crash in native code from ending this process. Default `thread`. */
  readonly workerKind?: 'thread' | 'process' | undefined
  /** Streams per worker at the same time. Default: as many as run in real time. */
  readonly streamsPerWorker?: number | undefined
  /** Requests that may wait for a free stream. More of them get status 429. Default 64. */
  readonly queue?: number | undefined
  /** API keys in plain text. Default: none is asked for. */
  readonly apiKeys?: readonly string[] | undefined
  /** File of API keys, made by `sparsewave keys`. */
  readonly keysFile?: string | undefined
  /** Requests per minute of one key or address. Default 0, no limit. */
  readonly requestsPerMinute?: number | undefined
  /** Characters of text per minute of one key or address. Default 0, no limit. */
  readonly charactersPerMinute?: number | undefined
  /** Origins whose pages may call the server, or `*`. Default: the server's own alone. */
  readonly corsOrigins?: readonly string[] | undefined
  /** Proxies before the server whose `X-Forwarded-For` is believed. Default 0. */
  readonly trustProxy?: number | undefined
  /** Longest time that one request may take, in seconds. Default 600. */
  readonly requestSeconds?: number | undefined
  /** Time from `close` or `stop` to the last new request, where something asks `/health/ready`, in seconds. Default 5. */
  readonly leaveSeconds?: number | undefined
  /** Time that running requests then get to finish, in seconds. Default 25. */
  readonly drainSeconds?: number | undefined
  /** Lines of JSON on stdout, one per request from `info` on. Default `error`. */
  readonly logLevel?: 'silent' | 'error' | 'warn' | 'info' | 'debug' | undefined
}

/** The same, and where to listen. */
export interface ListenOptions extends SpeechServerOptions {
  /** Default 8080. 0 takes any free port. */
  readonly port?: number | undefined
  /** Address to listen on. Default `0.0.0.0`, all of them. */
  readonly host?: string | undefined
}

/** Where WebSockets are attached: an HTTP or HTTPS server of Node. */
export interface UpgradeSource {
  on(event: 'upgrade', listener: UpgradeListener): unknown
  off(event: 'upgrade', listener: UpgradeListener): unknown
  listenerCount(event: 'upgrade'): number
}
type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer<ArrayBuffer>) => void

/** The speech API inside another program. */
export interface SpeechRouter {
  /**
   * Middleware for Express, or for anything that calls `(request, response, next)`. It answers `/v1/audio/*`, `/v1/models`,
   * the paths of other services under `/v1`, `/v2`, `/api` and `/dev`, `/health/*`, `/metrics` and `/openapi.json` below
   * the path it is mounted at, and hands every other request on.
   */
  readonly handler: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
  /** Names of the voices that requests may ask for. */
  readonly voices: readonly string[]
  /** The voice that speaks when a request names none. */
  readonly defaultVoice: string
  /** Speaks the WebSocket protocols on an HTTP server, below `path`. Other upgrades are left to their own listeners. */
  attachWebSocket(server: UpgradeSource, options?: { readonly path?: string | undefined }): void
  /** Takes no new requests, lets those that run finish, ends the workers. */
  close(): Promise<void>
}

/** A speech server that listens on a port of its own. */
export interface SpeechServer {
  readonly port: number
  /** Address for clients on the same machine, such as `http://localhost:8080`. */
  readonly url: string
  readonly voices: readonly string[]
  readonly defaultVoice: string
  /** Takes no new requests, lets those that run finish, ends the workers, closes the port. */
  stop(): Promise<void>
}

/** What a mounted server answers. Its web page and its reference need a server of their own. */
const MOUNTED = /^\/(?:v1\/(?:audio|models)(?:\/|$)|health\/|metrics$|openapi\.json$)/
/** Paths of other services below their own prefixes. What they have at the root belongs to the app. */
const DIALECT_PATHS = [...routesByPath().keys()].filter((path) => /^\/(?:v\d|api|dev)\//.test(path)).map(patternOf)

/** A path of Express as a pattern: variables are one segment. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}/?$`)
}

const pathOf = (url: string | undefined): string => singleSlashes(url ?? '/').replace(/[?#].*$/s, '')

/**
 * Loads the voice in worker threads and resolves with middleware that speaks.
 *
 * @throws SparsewaveError `USAGE` for an option out of its range, `VOICE_UNKNOWN`, `VOICE_DAMAGED`.
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import express from 'express'
 * import { createSpeechRouter } from 'sparsewave/server'
 *
 * const speech = await createSpeechRouter({ workers: 1 })
 * const app = express()
 * app.use('/speech', speech.handler) // POST /speech/v1/audio/speech
 * const server = createServer(app)
 * speech.attachWebSocket(server, { path: '/speech' }) // ws://localhost:3000/speech/v1/audio/stream
 * server.listen(3000)
 *
 * const stop = async () => {
 *   await speech.close()
 *   server.close()
 * }
 * process.once('SIGTERM', stop)
 * ```
 */
export async function createSpeechRouter(options: SpeechServerOptions = {}): Promise<SpeechRouter> {
  const parts = partsOf(options)
  const running = await start({ ...parts, listens: false })
  const detach: (() => void)[] = []
  return {
    handler(request, response, next) {
      const path = pathOf(request.url)
      if (MOUNTED.test(path) || DIALECT_PATHS.some((pattern) => pattern.test(path)))
        running.server.emit('request', request, response)
      else next()
    },
    ...namesOf(parts.catalogue),
    attachWebSocket(server, { path = '' } = {}) {
      const prefix = path.replace(/\/+$/, '')
      const listener: UpgradeListener = (request, socket, head) => {
        const url = request.url ?? '/'
        const below = url.startsWith(prefix) ? url.slice(prefix.length) : ''
        if (DIALECTS.some((dialect) => dialect.path.test(pathOf(below)))) {
          request.url = below
          running.server.emit('upgrade', request, socket, head)
        } else if (server.listenerCount('upgrade') === 1)
          socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      }
      server.on('upgrade', listener)
      detach.push(() => server.off('upgrade', listener))
    },
    async close() {
      for (const off of detach.splice(0)) off()
      await running.stop()
    },
  }
}

/**
 * Starts a speech server of its own, with the web page, and resolves when its voice is loaded.
 *
 * @throws SparsewaveError `USAGE` for an option out of its range, `VOICE_UNKNOWN`, `VOICE_DAMAGED`. An `EADDRINUSE` error
 * when the port is taken.
 * @example
 * ```ts
 * import { startSpeechServer } from 'sparsewave/server'
 *
 * const server = await startSpeechServer({ port: 0, workers: 1 })
 * const response = await fetch(`${server.url}/v1/audio/speech`, {
 *   method: 'POST',
 *   body: JSON.stringify({ input: 'Hello there.', response_format: 'wav' }),
 * })
 * console.log(response.status, response.headers.get('content-type'))
 * await response.arrayBuffer()
 * await server.stop()
 * ```
 */
export async function startSpeechServer(options: ListenOptions = {}): Promise<SpeechServer> {
  const parts = partsOf(options)
  const running = await start(parts)
  return {
    port: running.port,
    url: `http://localhost:${running.port}`,
    ...namesOf(parts.catalogue),
    async stop() {
      await running.stop()
    },
  }
}

/** Options by the variables that name them in the environment. */
const VARIABLES: Readonly<Record<keyof ListenOptions, string>> = {
  voice: 'SPARSEWAVE_VOICE',
  aliases: 'SPARSEWAVE_ALIASES',
  workers: 'SPARSEWAVE_WORKERS',
  workerKind: 'SPARSEWAVE_WORKER_KIND',
  streamsPerWorker: 'SPARSEWAVE_STREAMS_PER_WORKER',
  queue: 'SPARSEWAVE_QUEUE',
  apiKeys: 'SPARSEWAVE_API_KEYS',
  keysFile: 'SPARSEWAVE_KEYS_FILE',
  requestsPerMinute: 'SPARSEWAVE_REQUESTS_PER_MINUTE',
  charactersPerMinute: 'SPARSEWAVE_CHARACTERS_PER_MINUTE',
  corsOrigins: 'SPARSEWAVE_CORS_ORIGINS',
  trustProxy: 'SPARSEWAVE_TRUST_PROXY',
  requestSeconds: 'SPARSEWAVE_REQUEST_SECONDS',
  leaveSeconds: 'SPARSEWAVE_LEAVE_SECONDS',
  drainSeconds: 'SPARSEWAVE_DRAIN_SECONDS',
  logLevel: 'SPARSEWAVE_LOG_LEVEL',
  port: 'PORT',
  host: 'HOST',
}

/** What the server is put together from. Throws USAGE with the options' own names. */
function partsOf(options: ListenOptions): StartOptions {
  const names = Object.keys(VARIABLES) as (keyof ListenOptions)[]
  const wrong = Object.keys(options).find((name) => !(name in VARIABLES))
  if (wrong !== undefined) {
    const near = nearest(wrong, names)
    throw new SparsewaveError('USAGE', `There is no option '${wrong}'.${near ? ` Did you mean '${near}'?` : ''}`, {
      remedy: 'SpeechServerOptions in sparsewave/server lists the options.',
    })
  }
  const env: Record<string, string | undefined> = { SPARSEWAVE_LOG_LEVEL: 'error' }
  for (const name of names) if (options[name] !== undefined) env[VARIABLES[name]] = asText(options[name])
  const config = configFrom(env)
  const logger = createLogger(config.logLevel)
  const voices = catalogue(config.voice, (line) => logger.warn(line))
  return {
    config,
    catalogue: voices,
    spawn: () => spawnWorker({ voice: voices.defaultVoice }, config.workerKind),
    log: (line) => logger.warn(line),
    logger,
  }
}

/** An option as the environment would hold it. */
const asText = (value: unknown): string =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
        .map((pair) => pair.join('='))
        .join(',')
    : String(value)

function configFrom(env: Record<string, string | undefined>): Config {
  try {
    return readConfig(env)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    let message = error.message.replace('The environment has settings', 'There are options')
    for (const [name, variable] of Object.entries(VARIABLES)) message = message.replaceAll(`${variable}:`, `${name}:`)
    throw new SparsewaveError('USAGE', message, { remedy: error.remedy, cause: error })
  }
}

const namesOf = ({ voices, defaultVoice }: VoiceCatalogue) => ({
  voices: voices.map(({ name }) => name),
  defaultVoice,
})
