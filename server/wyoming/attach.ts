/**
 * The Wyoming protocol on a TCP port of its own: connections, their limits and their end. It knows no keys: keep the port
 * inside your network. A connection lives from event to event, and one that sends faults is closed.
 */
import { createServer, type Socket } from 'node:net'
import { SparsewaveError } from '../../src/errors.ts'
import { FairQueue } from '../access/fair-queue.ts'
import { networkOf } from '../access/gate.ts'
import { logRefusal } from '../access/refusals.ts'
import type { ServerDeps } from '../deps.ts'
import { WyomingConnection } from './connection.ts'
import { EventReader } from './events.ts'

export interface WyomingServer {
  readonly port: number
  /** Takes no new connections; those that speak may finish, the others are closed. */
  close(): void
  /** Cuts the connections that are still there. */
  end(): void
}

/** Time to take a last answer, ms. */
const GOODBYE = 1000
/** Events with faults after which a connection is closed. */
const MAX_FAULTS = 16

/** Starts listening. Rejects when the port cannot be had. */
export async function listenForWyoming(port: number, host: string, deps: ServerDeps): Promise<WyomingServer> {
  const connections = new Map<Socket, WyomingConnection>()
  const queue = new FairQueue()
  const addresses = new Map<string, number>()
  const { wsConnections, wsIdleSeconds } = deps.config
  let stopping = false
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // A broken connection also says `close`.
    socket.on('error', () => {})
    // One address may not take all slots from the others.
    const address = networkOf(socket.remoteAddress ?? 'unknown')
    const ofAddress = (addresses.get(address) ?? 0) + 1
    if (ofAddress > Math.max(1, wsConnections / 2)) {
      deps.metrics.refused.inc({ reason: 'connections' })
      socket.destroy()
      return
    }
    addresses.set(address, ofAddress)
    const connection = new WyomingConnection(socket, deps)
    connections.set(socket, connection)
    const reader = new EventReader()
    let faults = 0
    /** Events are handled in their order; no more are read while one is. */
    let last: Promise<void> = Promise.resolve()
    const idle = setTimeout(() => socket.destroy(), wsIdleSeconds * 1000)
    connection.onAudio = () => idle.refresh()
    let eventTimer: NodeJS.Timeout | undefined
    const leave = (): void => {
      socket.end()
      setTimeout(() => socket.destroy(), GOODBYE).unref()
    }
    const fault = (error: unknown): void => {
      if (error instanceof SparsewaveError)
        logRefusal(deps, error, { id: connection.id, path: 'wyoming', caller: connection.caller.name })
      connection.error(error)
      if (++faults === MAX_FAULTS) deps.metrics.refused.inc({ reason: 'faults' })
    }
    const receive = async (bytes: Buffer): Promise<void> => {
      socket.pause()
      let completed = 0
      try {
        for (const event of reader.read(bytes)) {
          if (socket.destroyed || faults >= MAX_FAULTS) break
          idle.refresh()
          completed++
          await queue.run(() => connection.handle(event)).catch(fault)
        }
      } catch (error) {
        // Where the next event begins is not known any more.
        connection.error(error)
        faults = MAX_FAULTS
      }
      if (faults >= MAX_FAULTS || (stopping && !connection.speaking)) {
        leave()
        return
      }
      // Further bytes of the same event do not put its deadline off.
      if (completed > 0 || !reader.isWithin) {
        clearTimeout(eventTimer)
        eventTimer = undefined
      }
      if (reader.isWithin) eventTimer ??= setTimeout(() => socket.destroy(), deps.config.keySeconds * 1000)
      socket.resume()
    }
    socket.on('data', (bytes: Buffer) => {
      last = last.then(() => receive(bytes))
    })
    socket.on('end', () => {
      last = last.then(() => {
        connection.close()
        leave()
      })
    })
    socket.on('close', () => {
      clearTimeout(idle)
      clearTimeout(eventTimer)
      connection.close()
      connections.delete(socket)
      const left = addresses.get(address)! - 1
      if (left > 0) addresses.set(address, left)
      else addresses.delete(address)
    })
  })
  server.maxConnections = wsConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close() {
      stopping = true
      server.close()
      for (const [socket, connection] of connections) {
        connection.goAway()
        if (!connection.speaking) socket.end()
      }
    },
    end() {
      for (const socket of connections.keys()) socket.destroy()
    },
  }
}
