/**
 * The WebSocket side of the HTTP server: who may connect, which dialect the path means, heartbeats, and a goodbye to all
 * when the server stops. A refused upgrade is answered and its socket destroyed.
 */
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { SparsewaveError } from '../../src/errors.ts'
import { ConnectionSlots } from '../access/connections.ts'
import { FairQueue } from '../access/fair-queue.ts'
import type { Caller } from '../access/gate.ts'
import { isAllowedOrigin } from '../access/origins.ts'
import { refusalOf } from '../access/refusals.ts'
import type { ServerDeps } from '../deps.ts'
import { faultOf, withoutStack } from '../fault.ts'
import { type ErrorBody, errorBody, errorBodyOf, RequestError, retryAfterOf } from '../http-errors.ts'
import { singleSlashes } from '../paths.ts'
import { endRequest, type Traced, traceRequest } from '../tracing.ts'
import { Connection } from './connection.ts'
import type { DialectSession } from './dialect.ts'
import { DIALECTS } from './dialects/index.ts'

const MAX_MESSAGE_BYTES = 64 * 1024

/** How long a refused client has to read why, ms. */
const REFUSAL = 1000

/** Attaches the WebSocket to an HTTP server. The returned function says goodbye to all clients. */
export function attachWebSocket(server: Server, deps: ServerDeps): { close(): void } {
  const { config, metrics } = deps
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // Thousands of small messages arrive in one packet: others get the thread between two of them.
    allowSynchronousEvents: false,
    // Of the subprotocols `token, KEY` the first is agreed to, never the key.
    handleProtocols: (protocols) => [...protocols][0] ?? false,
  })
  const slots = new ConnectionSlots(config.wsConnections)
  const queue = new FairQueue()
  const open = new Map<WebSocket, { connection: Connection; session: DialectSession; alive: boolean }>()
  metrics.wsConnections.reset()
  const buffered = metrics.wsBuffered as typeof metrics.wsBuffered & { collect: () => void }
  buffered.collect = () => {
    let bytes = 0
    for (const { connection } of open.values()) bytes += connection.bufferedBytes
    buffered.set(bytes)
  }

  const traces = new WeakMap<IncomingMessage, Traced>()
  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer, traced: Traced): Promise<void> => {
    const url = urlOf(request)
    const dialect = DIALECTS.find(({ path }) => path.test(url.pathname))
    if (!dialect) throw refusal(404, 'not_found', 'There is no WebSocket at this path.')
    if (!isAllowedOrigin(request.headers.origin, request.headers.host, config.corsOrigins))
      throw refusal(403, 'origin_not_allowed', 'Pages of this origin may not connect.')
    const address = addressOf(request, config.trustProxy)
    let caller: Caller | undefined
    try {
      caller = deps.gate.identify(request.headers, address)
    } catch (error) {
      if (!dialect.keyInMessages) throw error
    }
    const openSession = dialect.read(url, deps.catalogue)
    const slot = slots.take(address, caller !== undefined)
    if (!slot) throw refusal(503, 'server_busy', 'There are too many connections.')
    socket.once('close', () => slot.free())
    try {
      if (caller) await deps.gate.request(caller)
    } catch (error) {
      slot.free()
      throw error
    }
    if (socket.destroyed) return
    const id = randomUUID()
    const connection = new Connection({ id, route: dialect.route, caller, deps, traced, address, slot, queue })
    const session = openSession(connection)
    sockets.handleUpgrade(request, socket, head, (ws) => {
      open.set(ws, { connection, session, alive: true })
      metrics.wsConnections.set(open.size)
      ws.on('pong', () => {
        const entry = open.get(ws)
        if (entry) entry.alive = true
      })
      ws.on('close', () => {
        open.delete(ws)
        metrics.wsConnections.set(open.size)
      })
      connection.attach(ws, session)
      endRequest(traced, 'GET', dialect.route, 101)
    })
  }

  sockets.on('wsClientError', (error, socket, request) => {
    refuse(
      request,
      socket,
      new RequestError('REQUEST_INVALID', `The handshake is wrong: ${error.message}.`, null),
      deps,
      traces.get(request),
    )
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {})
    const traced = traceRequest('GET', request.headers)
    traces.set(request, traced)
    // It may leave before it has an answer.
    socket.once('close', () => endRequest(traced, 'GET', undefined, 499))
    upgrade(request, socket, head, traced).catch((error) => refuse(request, socket, error, deps, traced))
  })
  const heartbeat = setInterval(() => {
    for (const [ws, entry] of open) {
      if (!entry.alive) ws.terminate()
      else {
        entry.alive = false
        ws.ping()
      }
    }
  }, config.wsPingSeconds * 1000)
  heartbeat.unref()
  return {
    close() {
      clearInterval(heartbeat)
      for (const { session } of open.values()) session.goAway()
      sockets.close()
    },
  }
}

function urlOf(request: IncomingMessage): URL {
  try {
    const url = new URL(singleSlashes(request.url ?? '/'), 'http://localhost')
    decodeURIComponent(url.pathname)
    return url
  } catch {
    throw new RequestError('REQUEST_INVALID', 'The URL is malformed.', null)
  }
}

class Refusal extends Error {
  readonly status: number
  readonly body: ErrorBody

  constructor(status: number, code: string, message: string) {
    super(`refused with ${status}`)
    this.status = status
    this.body = errorBody(status, code, message)
  }
}

const refusal = (status: number, code: string, message: string): Refusal =>
  withoutStack(() => new Refusal(status, code, message))

/** Answers an upgrade with an error, counts and logs it, and lets go of the socket. */
function refuse(
  request: IncomingMessage,
  socket: Duplex,
  error: unknown,
  deps: ServerDeps,
  traced: Traced | undefined,
): void {
  let status = 500
  let body = errorBody(500, 'server_error', 'The request failed inside the server.')
  if (error instanceof Refusal) ({ status, body } = error)
  else if (error instanceof SparsewaveError) {
    status = error.status
    body = errorBodyOf(error)
  } else deps.logger.error({ ...traced?.logged, fault: faultOf(error) }, 'an upgrade failed inside the server')
  const reason = (error instanceof SparsewaveError ? refusalOf(error) : undefined) ?? body.error.code ?? 'error'
  deps.metrics.refused.inc({ reason })
  const address = addressOf(request, deps.config.trustProxy)
  const path = (request.url ?? '').split('?')[0]!.slice(0, 256)
  deps.logger.info({ path, address, ...traced?.logged, status, refused: reason })
  if (traced) endRequest(traced, 'GET', undefined, status)
  const json = JSON.stringify(body)
  const cut = setTimeout(() => socket.destroy(), REFUSAL)
  socket.once('close', () => clearTimeout(cut))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nConnection: close\r\n` +
      `${status === 429 || status === 503 ? `Retry-After: ${retryAfterOf(error)}\r\n` : ''}` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
    () => socket.destroy(),
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
