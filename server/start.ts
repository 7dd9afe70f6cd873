/** Puts the server together (configuration, pool of workers, HTTP, WebSocket, Wyoming) and takes it apart in order. */
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { HttpExtension } from '../src/extension.ts'
import { Gate } from './access/gate.ts'
import { KeyStore } from './access/key-store.ts'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import type { ServerDeps } from './deps.ts'
import { REQUEST_TIME, requireKeyFile, UPLOAD_TIME } from './extension.ts'
import { listen } from './listen.ts'
import { createLogger } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { WorkerPort } from './synthesis/messages.ts'
import { type PoolInfo, SynthesisPool } from './synthesis/pool.ts'
import { readTls } from './tls.ts'
import { type VoiceCatalogue, withAliases } from './voices.ts'
import { attachWebSocket } from './websocket/attach.ts'
import { listenForWyoming, type WyomingServer } from './wyoming/attach.ts'

export interface RunningServer {
  readonly server: Server
  readonly port: number
  /** Port of the Wyoming protocol, where it is spoken. */
  readonly wyomingPort: number | undefined
  readonly pool: SynthesisPool
  readonly metrics: Metrics
  readonly info: PoolInfo
  /**
   * Is not ready any more, and serves on until probes must have seen it. Then takes no new requests, lets those that run
   * finish (up to the drain time), ends the workers. Returns whether all of
   * them ended: one inside native code may not, and then the process has to be killed.
   */
  stop(): Promise<boolean>
}

export interface StartOptions {
  readonly config: Config
  readonly catalogue: VoiceCatalogue
  /** Starts a synthesis worker for the default voice. */
  spawn(): WorkerPort
  /** Called with what an operator should read at once. */
  log?(line: string): void
  /** One line a request and a connection; silent unless given. */
  readonly logger?: Logger
  /** False: the server opens no port. Its owner hands requests to it as events. Default true. */
  readonly listens?: boolean
  /** What another package adds to the HTTP interface. Needs a key file. */
  readonly extension?: HttpExtension | undefined
  /** Lines of the log that were dropped so far. */
  droppedLines?(): number
}

/** TCP connections of the HTTP port. More are closed at once. */
const MAX_CONNECTIONS = 8192

/** Somebody chooses servers by /health/ready if it was asked within this time, ms. */
const PROBED = 60_000
/** Requests of connections that were accepted before the port closed come within this time, ms. */
const LAST_REQUESTS = 250
/** How often idle connections are closed while the last streams end, ms. */
const REAP = 100

/** Starts listening and resolves when the voice is loaded. Throws what the key file, the voice or a port refuses with. */
export async function startServer({
  config,
  catalogue: offered,
  spawn,
  log = () => {},
  logger = createLogger('silent'),
  listens = true,
  extension,
  droppedLines = () => 0,
}: StartOptions): Promise<RunningServer> {
  const { keysFile, apiKeys } = config
  const catalogue = withAliases(offered, config.aliases)
  if (extension) requireKeyFile(config)
  // Before anything is started: a key file that cannot be read ends the start at once.
  const keys =
    keysFile !== undefined || apiKeys.length > 0
      ? new KeyStore({ file: keysFile, plain: apiKeys, warn: (line) => logger.warn(line) })
      : undefined
  const tls = config.tls && listens ? readTls(config.tls) : undefined
  let pool: SynthesisPool | undefined
  const metrics: Metrics = createMetrics(
    () => pool ?? { activeStreams: 0, queued: 0, busy: 0, cost: undefined, capacity: undefined },
    droppedLines,
  )
  pool = new SynthesisPool({
    workers: config.workers,
    loadLimit: config.loadLimit,
    streamsPerWorker: config.streamsPerWorker,
    queue: config.queue,
    queueSeconds: config.queueSeconds,
    watchdogSeconds: config.watchdogSeconds,
    spawn,
    observe: {
      queueWait: (value, trace) => metrics.queueWait.observe({ value, exemplarLabels: trace?.exemplar ?? {} }),
      stage: (stage, value, trace) =>
        metrics.stage.observe({ labels: { stage }, value, exemplarLabels: trace?.exemplar ?? {} }),
      audio: (seconds) => metrics.audioSeconds.inc(seconds),
      batch: (streams) => metrics.batchSize.observe(streams),
      underrun: (seconds) => metrics.underrun.observe(seconds),
      fault: (fault, trace) => logger.error({ ...trace?.logged, fault }, 'a stream failed inside a synthesis worker'),
      workerStartFailed(reason, seconds) {
        metrics.workersLost.inc()
        log(`A synthesis worker did not start (${reason}). The next try comes in ${seconds} s.`)
      },
      workerStuck: () =>
        log(
          'A synthesis worker that was replaced does not end and holds a core. /health/live answers 503 until a restart.',
        ),
      workerLost(reason) {
        metrics.workersLost.inc()
        log(`A synthesis worker died (${reason}). A new one starts.`)
      },
    },
  })
  const running = pool
  const gate = new Gate({ keys, requests: config.requestsPerMinute, characters: config.charactersPerMinute })
  const deps: ServerDeps = { pool, metrics, catalogue, gate, logger, config }
  // Time to send a request in; how long its answer may take is the routes' business.
  const options = {
    headersTimeout: 10_000,
    requestTimeout: extension ? UPLOAD_TIME : REQUEST_TIME,
    connectionsCheckingInterval: 2000,
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16 * 1024,
  }
  const app = createApp(deps, extension)
  const server: Server = tls
    ? createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 }, app)
    : createServer(options, app)
  server.maxConnections = MAX_CONNECTIONS
  const webSocket = attachWebSocket(server, deps)
  const unwatch = catalogue.watch?.(({ added, removed, changed }) => {
    running.forget([...removed, ...changed])
    const lists = Object.entries({ new: added, removed, replaced: changed }).filter(([, names]) => names.length > 0)
    log(`Voices: ${lists.map(([what, names]) => `${names.join(', ')} ${what}`).join('; ')}.`)
  })
  let wyoming: WyomingServer | undefined
  try {
    if (config.wyomingPort !== undefined) wyoming = await listenForWyoming(config.wyomingPort, config.host, deps)
    if (wyoming && keys) logger.warn('Wyoming knows no API keys: whoever reaches its port may speak')
    if (listens) await listen(server, config.port, config.host)
    const info = await pool.ready()
    const { kernel: isa, precision, sparsity, layers = 'unknown', kernelReason } = info
    metrics.kernel.set({ isa, precision, sparsity: sparsity.toFixed(3) }, 1)
    metrics.engine.set({ kernel: isa, layers, why: kernelReason }, 1)
    return {
      server,
      port: listens ? (server.address() as AddressInfo).port : 0,
      wyomingPort: wyoming?.port,
      pool,
      metrics,
      info,
      async stop() {
        unwatch?.()
        running.leave()
        const isWatched = deps.probedAt !== undefined && performance.now() - deps.probedAt < PROBED
        if (isWatched) await sleep(config.leaveSeconds * 1000)
        const closed = new Promise<void>((resolve) => server.close(() => resolve()))
        if (isWatched) await sleep(LAST_REQUESTS)
        webSocket.close()
        wyoming?.close()
        const closing = extension?.close()
        const reaping = setInterval(() => server.closeIdleConnections(), REAP)
        await running.drain(config.drainSeconds)
        clearInterval(reaping)
        await closing
        wyoming?.end()
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 1000).unref()
        await closed
        return running.stuckWorkers === 0
      },
    }
  } catch (error) {
    unwatch?.()
    webSocket.close()
    wyoming?.close()
    server.close()
    await pool.stop()
    throw error
  }
}
