/** Messages of a dialect, parsed at the edge. */
import type { RawData } from 'ws'
import type { z } from 'zod'
import { parseWith, RequestError } from '../http-errors.ts'

/** A message as its schema gives it. Throws REQUEST_INVALID. */
export function parseMessage<S extends z.ZodType>(data: RawData, isBinary: boolean, schema: S): z.output<S> {
  if (isBinary) throw new RequestError('REQUEST_INVALID', 'Messages are JSON texts.', null)
  let json: unknown
  try {
    json = JSON.parse(data.toString())
  } catch {
    throw new RequestError('REQUEST_INVALID', 'The message is not valid JSON.', null)
  }
  return parseWith(json, schema)
}
