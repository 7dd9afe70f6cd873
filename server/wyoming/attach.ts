/** The Wyoming protocol on a TCP port of its own: connections, their limits and their end. It knows no keys: keep the port inside your network. */
import { createServer, type Socket } from 'node:net'
import type { ServerDeps } from '../deps.ts'
import { EventReader } from './events.ts'
import { WyomingSession } from './session.ts'

export interface WyomingServer {
  readonly port: number
  /** Takes no new connections; those that speak may finish, the others are closed. */
  close(): void
  /** Cuts the connections that are still there. */
  end(): void
}

/** Starts listening. Rejects when the port cannot be had. */
export async function listenForWyoming(port: number, host: string, deps: ServerDeps): Promise<WyomingServer> {
  const sessions = new Map<Socket, WyomingSession>()
  let stopping = false
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const session = new WyomingSession(socket, deps)
    sessions.set(socket, session)
    const reader = new EventReader()
    /** Events are handled in their order; no more are read while one is. */
    let last: Promise<void> = Promise.resolve()
    const receive = async (bytes: Buffer): Promise<void> => {
      socket.pause()
      try {
        for (const event of reader.push(bytes)) {
          if (socket.destroyed) return
          await session.handle(event).catch((error) => session.error(error))
        }
      } catch (error) {
        // Where the next event begins is not known any more.
        session.error(error)
        socket.end()
        return
      }
      if (stopping && !session.speaking) socket.end()
      socket.resume()
    }
    socket.on('data', (bytes: Buffer) => {
      last = last.then(() => receive(bytes))
    })
    socket.on('end', () => {
      last = last.then(() => {
        session.close()
        socket.end()
      })
    })
    socket.on('close', () => {
      session.close()
      sessions.delete(socket)
    })
    // A broken connection also says `close`.
    socket.on('error', () => {})
    socket.setTimeout(deps.config.wsIdleSeconds * 1000, () => socket.destroy())
  })
  server.maxConnections = deps.config.wsConnections
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
      for (const [socket, session] of sessions) {
        session.goAway()
        if (!session.speaking) socket.end()
      }
    },
    end() {
      for (const socket of sessions.keys()) socket.destroy()
    },
  }
}
