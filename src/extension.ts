/**
 * A part of the HTTP server that another package brings, such as the trainer's jobs. The command line hands it to the server,
 * which asks for keys, logs and counts requests as for its own routes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface HttpExtension {
  /** Paths that it answers. The server hands it no others. */
  readonly paths: RegExp
  /** Paths among them that need no key: pages, which hold no data. */
  readonly open?: RegExp
  /** Path of its page, where it has one: the root of a server that has the extension alone leads there. */
  readonly page?: string
  /** What a key must be allowed for all other paths. */
  readonly scope: string
  /**
   * Express middleware. `response.locals.caller.name` is the key's name. Errors go to `next`; a SparsewaveError becomes the error
   * object, with `param` where it has one.
   */
  readonly handler: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void
  /** Its part of the OpenAPI document. `#/components/schemas/Error` is the server's. */
  readonly openApi: {
    readonly paths: Readonly<Record<string, object>>
    readonly schemas: Readonly<Record<string, object>>
  }
  /** Its metrics in Prometheus' text format, for `/metrics`. */
  metrics?(): Promise<string>
  /** Takes no new work and ends what runs, with its state kept. */
  close(): Promise<void>
}

/** What the trainer can start on the command line's behalf: an HTTP server of its own that has the extension alone. */
export interface ExtensionHost {
  serve(extension: HttpExtension, options: { port?: number | undefined; host?: string | undefined }): Promise<void>
}
