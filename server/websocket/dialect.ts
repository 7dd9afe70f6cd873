/** What makes a WebSocket dialect: a path, and a session that turns its messages into speech and back. */
import type { RawData } from 'ws'
import type { VoiceCatalogue } from '../voices.ts'
import type { Connection } from './connection.ts'

export interface Dialect {
  /** Path of the upgrade request, query excluded. Also the `route` label of its metrics, where it has no variables. */
  readonly path: RegExp
  readonly route: string
  /** The key may come in the first message instead of the upgrade's headers; the session then calls `authenticate`. */
  readonly keyInMessages?: boolean
  /** Checks what the URL asks for and returns what opens a session. Throws RequestError: the upgrade is then refused. */
  read(url: URL, voices: VoiceCatalogue): (connection: Connection) => DialectSession
}

/** One connection's state in a dialect. */
export interface DialectSession {
  /** The socket is open. */
  start?(): void
  message(data: RawData, isBinary: boolean): void | Promise<void>
  /** Tells the client what was wrong with a message, or that its stream failed. */
  error(error: unknown): void
  /** The server shuts down: ends the turns that are being written and spoken, then the connection. */
  goAway(): void
}
