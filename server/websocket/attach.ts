/**
 * The WebSocket side of the HTTP server: who may connect, which dialect the path means, heartbeats, idle time, and a
 * goodbye to all when the server stops.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { SparsewaveError } from '../../src/errors.ts'
import { isAllowedOrigin } from '../access/origins.ts'
import type { ServerDeps } from '../deps.ts'
import { errorBody, errorBodyOf } from '../http-errors.ts'
import { Connection } from './connection.ts'
import type { Session } from './dialect.ts'
import { DIALECTS } from './dialects/index.ts'

const MAX_MESSAGE_BYTES = 64 * 1024

/** Attaches the WebSocket to an HTTP server. The returned function says goodbye to all clients. */
export function attachWebSocket(server: Server, deps: ServerDeps): { close(): void } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // Of the subprotocols `token, KEY` the first is agreed to, never the key.
    handleProtocols: (protocols) => [...protocols][0] ?? false,
  })
  const open = new Map<WebSocket, { connection: Connection; session: Session; alive: boolean }>()
  deps.metrics.wsConnections.reset()
  const buffered = deps.metrics.wsBuffered as typeof deps.metrics.wsBuffered & { collect: () => void }
  buffered.collect = () => {
    let bytes = 0
    for (const { connection } of open.values()) bytes += connection.bufferedBytes
    buffered.set(bytes)
  }

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const dialect = DIALECTS.find(({ path }) => path.test(url.pathname))
    if (!dialect) throw refusal(404, 'not_found', `There is no WebSocket ${url.pathname} here.`)
    if (!isAllowedOrigin(request.headers.origin, request.headers.host, deps.config.corsOrigins))
      throw refusal(403, 'origin_not_allowed', 'Pages of this origin may not connect.')
    if (open.size >= deps.config.wsConnections) throw refusal(503, 'server_busy', 'There are too many connections.')
    const address = addressOf(request, deps.config.trustProxy)
    let caller: Awaited<ReturnType<typeof deps.gate.identify>> | undefined
    try {
      caller = deps.gate.identify(request.headers, address)
    } catch (error) {
      if (!dialect.keyInMessages) throw error
    }
    if (caller) await deps.gate.request(caller)
    const connection = new Connection(randomUUID(), dialect.route, caller, deps, address)
    const session = dialect.open(connection, url)
    if (socket.destroyed) return
    sockets.handleUpgrade(request, socket, head, (ws) => {
      open.set(ws, { connection, session, alive: true })
      deps.metrics.wsConnections.set(open.size)
      const idle = setTimeout(() => ws.close(1001, 'idle'), deps.config.wsIdleSeconds * 1000)
      connection.attach(ws, idle)
      ws.on('message', (data, isBinary) => {
        idle.refresh()
        connection.inOrder(
          () => session.message(data, isBinary),
          (error) => session.error(error),
        )
      })
      ws.on('pong', () => {
        const entry = open.get(ws)
        if (entry) entry.alive = true
      })
      ws.on('close', () => {
        clearTimeout(idle)
        open.delete(ws)
        deps.metrics.wsConnections.set(open.size)
      })
      // A broken connection also says `close`.
      ws.on('error', () => {})
      session.start?.()
    })
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    upgrade(request, socket, head).catch((error) => refuse(socket, error, deps))
  })
  const heartbeat = setInterval(() => {
    for (const [ws, entry] of open) {
      if (!entry.alive) ws.terminate()
      else {
        entry.alive = false
        ws.ping()
      }
    }
  }, deps.config.wsPingSeconds * 1000)
  heartbeat.unref()
  return {
    close() {
      clearInterval(heartbeat)
      for (const { session } of open.values()) session.goAway()
      sockets.close()
    },
  }
}

class Refusal extends Error {
  readonly status: number
  readonly body: object

  constructor(status: number, body: object) {
    super(`refused with ${status}`)
    this.status = status
    this.body = body
  }
}
const refusal = (status: number, code: string, message: string): Refusal =>
  new Refusal(status, errorBody(status, code, message))

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

function refuse(socket: Duplex, error: unknown, deps: ServerDeps): void {
  let known: Refusal
  if (error instanceof Refusal) known = error
  else if (error instanceof SparsewaveError) known = new Refusal(error.status, errorBodyOf(error))
  else {
    deps.logger.error({ err: error }, 'an upgrade failed inside the server')
    known = refusal(500, 'server_error', 'The request failed inside the server.')
  }
  const body = JSON.stringify(known.body)
  socket.end(
    `HTTP/1.1 ${known.status} ${REASONS[known.status] ?? 'Error'}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

/** The client's address; behind `proxies` that append to X-Forwarded-For, the one the outermost of them saw. */
function addressOf(request: IncomingMessage, proxies: number): string {
  const direct = request.socket.remoteAddress ?? 'unknown'
  if (proxies === 0) return direct
  const hops = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => hop !== '')
  return hops.at(-proxies) ?? hops[0] ?? direct
}
