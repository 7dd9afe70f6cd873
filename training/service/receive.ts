/** Receives multipart forms of one file: to disk as it comes, never more than was allowed. */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { RequestError } from './request-error.ts'

export interface Received {
  readonly fields: ReadonlyMap<string, string>
  readonly filename: string
  readonly bytes: number
  readonly sha256: string
}

/** Room for the form around the file. */
const FORM = 64 * 1024

/**
 * Writes the file of field `name` to `to`. Throws REQUEST_INVALID, FILE_TOO_LARGE, DISK_FULL, and QUOTA_EXCEEDED as `tooLarge`
 * says.
 */
export async function receiveFile(
  request: IncomingMessage,
  name: string,
  to: string,
  { bytes: limit, tooLarge }: { bytes: number; tooLarge: () => RequestError },
): Promise<Received> {
  const type = request.headers['content-type'] ?? ''
  if (!/^multipart\/form-data\b/i.test(type))
    throw new RequestError(
      'REQUEST_INVALID',
      `The body must be multipart/form-data with the file in \`${name}\`.`,
      name,
    )
  if (Number(request.headers['content-length'] ?? 0) > limit + FORM) throw tooLarge()
  let form: BusboyInstance
  try {
    form = new Busboy({
      headers: request.headers as BusboyHeaders,
      limits: { files: 1, fields: 16, fieldSize: 4096, parts: 20 },
    })
  } catch {
    throw new RequestError('REQUEST_INVALID', 'The body is not a valid form.')
  }
  const fields = new Map<string, string>()
  const hash = createHash('sha256')
  let filename = ''
  let bytes = 0
  let writing: Promise<void> | undefined
  form.on('field', (field, value) => {
    fields.set(field, value)
  })
  const failed = new Promise<never>((_, reject) => {
    form.on('file', (field, content, given) => {
      if (field !== name || writing) {
        content.resume()
        if (field !== name)
          reject(
            new RequestError('REQUEST_INVALID', `There is no field \`${field.slice(0, 64)}\`.`, field.slice(0, 64)),
          )
        return
      }
      filename = (given ?? '').slice(-255)
      const counted = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          bytes += chunk.length
          if (bytes > limit) return done(tooLarge())
          hash.update(chunk)
          done(null, chunk)
        },
      })
      writing = pipeline(content, counted, createWriteStream(to, { flags: 'wx', mode: 0o600 }))
      writing.catch(reject)
    })
  })
  // Seen below, or nobody waits any more.
  failed.catch(() => {})
  const gone = () => new RequestError('REQUEST_INVALID', 'The request ended before its body did.')
  try {
    await Promise.race([
      failed,
      pipeline(request, form, { end: true }).catch((error: Error) => {
        if (request.destroyed && !request.complete) throw gone()
        throw new RequestError('REQUEST_INVALID', `The form is damaged (${error.message.slice(0, 120)}).`)
      }),
    ])
    await writing
  } catch (error) {
    request.unpipe(form)
    // What is still coming is taken, so that the client reads the answer.
    request.resume()
    throw error
  }
  if (!writing) throw new RequestError('REQUEST_INVALID', `The key \`${name}\` is missing.`, name)
  return { fields, filename, bytes, sha256: hash.digest('hex') }
}
