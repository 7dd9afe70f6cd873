/** Puts the server together: configuration, pool of threads, HTTP, WebSocket; and takes it apart in order on SIGTERM. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { WorkerPort } from './synthesis/messages.ts'
import { type PoolInfo, SynthesisPool } from './synthesis/pool.ts'
import type { VoiceCatalogue } from './voices.ts'
import { attachWebSocket } from './websocket.ts'

export interface RunningServer {
  readonly server: Server
  readonly port: number
  readonly pool: SynthesisPool
  readonly metrics: Metrics
  readonly info: PoolInfo
  /** Takes no new requests, lets those that run finish (up to the drain time), ends the threads. */
  stop(): Promise<void>
}

export interface StartOptions {
  readonly config: Config
  readonly catalogue: VoiceCatalogue
  /** Starts a synthesis worker for the default voice. */
  spawn(): WorkerPort
  log?(line: string): void
}

/** Starts listening and resolves when the voice is loaded. Throws what the voice or the port refuses with. */
export async function startServer({ config, catalogue, spawn, log = () => {} }: StartOptions): Promise<RunningServer> {
  let pool: SynthesisPool | undefined
  const metrics: Metrics = createMetrics(() => pool ?? { activeStreams: 0, queued: 0 })
  pool = new SynthesisPool({
    workers: config.workers,
    streamsPerWorker: config.streamsPerWorker,
    queue: config.queue,
    spawn,
    observe: {
      queueWait: (seconds) => metrics.queueWait.observe(seconds),
      stage: (stage, seconds) => metrics.stage.observe({ stage }, seconds),
      audio: (seconds) => metrics.audioSeconds.inc(seconds),
      workerLost(reason) {
        metrics.workersLost.inc()
        log(`A synthesis thread died (${reason}); a new one starts.`)
      },
    },
  })
  const running = pool
  const server = createServer(createApp({ pool, metrics, catalogue, requestSeconds: config.requestSeconds }))
  const webSocket = attachWebSocket(server, {
    pool,
    metrics,
    catalogue,
    maxConnections: config.wsConnections,
    idleSeconds: config.wsIdleSeconds,
  })
  try {
    await listen(server, config.port, config.host)
    const info = await pool.ready()
    metrics.kernel.set({ isa: info.kernel }, 1)
    return {
      server,
      port: (server.address() as AddressInfo).port,
      pool,
      metrics,
      info,
      async stop() {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()))
        webSocket.close()
        await running.drain(config.drainSeconds)
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 1000).unref()
        await closed
      },
    }
  } catch (error) {
    webSocket.close()
    server.close()
    await pool.stop()
    throw error
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
