/**
 * Events of the Wyoming protocol (the Python package `wyoming` defines it): a line of JSON, then `data_length` bytes of JSON
 * that are merged into its `data`, then `payload_length` bytes of anything.
 */
import { z } from 'zod'
import { parseWith, RequestError } from '../http-errors.ts'

export interface WyomingEvent {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Longest line and longest data, bytes: more than any text that may be spoken. */
const MAX_BYTES = 64 * 1024

const object = z.record(z.string(), z.unknown())
const length = z.number().int().min(0).max(MAX_BYTES).nullish()
const headerSchema = z.object({
  type: z.string().max(64),
  data: object.nullish(),
  data_length: length,
  payload_length: length,
})

const NEWLINE = 0x0a

/** Bytes in as they come, events out; a payload is skipped, since nothing that a voice understands has one. */
export class EventReader {
  #bytes = Buffer.alloc(0)

  /** Takes bytes and returns the events they complete. Throws RequestError when they are no event: the rest is lost then. */
  push(bytes: Uint8Array): WyomingEvent[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    const events: WyomingEvent[] = []
    for (let event = this.#next(); event; event = this.#next()) events.push(event)
    return events
  }

  #next(): WyomingEvent | undefined {
    const end = this.#bytes.indexOf(NEWLINE)
    if (end > MAX_BYTES || (end < 0 && this.#bytes.length > MAX_BYTES)) throw fault('A line is too long.')
    if (end < 0) return undefined
    const header = parseWith(json(this.#bytes.subarray(0, end)), headerSchema)
    const dataEnd = end + 1 + (header.data_length ?? 0)
    const size = dataEnd + (header.payload_length ?? 0)
    if (this.#bytes.length < size) return undefined
    const more = dataEnd > end + 1 ? parseWith(json(this.#bytes.subarray(end + 1, dataEnd)), object) : {}
    this.#bytes = this.#bytes.subarray(size)
    return { type: header.type, data: { ...header.data, ...more } }
  }
}

const fault = (message: string): RequestError => new RequestError('REQUEST_INVALID', message, null)

function json(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    throw fault('An event is not valid JSON.')
  }
}

/** An event as bytes. */
export function encodeEvent(type: string, data: object = {}, payload?: Uint8Array): Buffer {
  const body = Buffer.from(JSON.stringify(data))
  const header = { type, data_length: body.length, ...(payload && { payload_length: payload.length }) }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body, ...(payload ? [payload] : [])])
}
