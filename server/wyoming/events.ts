/**
 * Events of the Wyoming protocol (the Python package `wyoming` defines it): a line of JSON, then `data_length` bytes of JSON
 * that are merged into its `data`, then `payload_length` bytes of anything. Reading takes time in proportion to the bytes,
 * however small the pieces are that they come in.
 */
import { z } from 'zod'
import { parseWith, RequestError } from '../http-errors.ts'

export interface WyomingEvent {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** Longest line, longest data and longest payload, bytes: more than any text that may be spoken. */
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
  #pieces: Uint8Array[] = []
  #length = 0
  /** The line of the event whose other bytes are still to come. */
  #header: z.output<typeof headerSchema> | undefined
  /** Payload still to be skipped. */
  #toSkip = 0

  /** Whether an event has begun that is not complete. */
  get isWithin(): boolean {
    return this.#length > 0 || this.#header !== undefined || this.#toSkip > 0
  }

  /** The events that `bytes` complete. Throws RequestError when they are not an event, and drops what follows them. */
  push(bytes: Uint8Array): WyomingEvent[] {
    return [...this.read(bytes)]
  }

  /** As `push`, an event at a time, so that thousands of small ones need not be read in one go. */
  *read(bytes: Uint8Array): Generator<WyomingEvent, void, undefined> {
    for (let at = 0; ; ) {
      if (this.#toSkip > 0) {
        const skipped = Math.min(this.#toSkip, bytes.length - at)
        this.#toSkip -= skipped
        at += skipped
        if (this.#toSkip > 0) return
      }
      if (!this.#header) {
        const end = bytes.indexOf(NEWLINE, at)
        if (this.#length + (end < 0 ? bytes.length : end) - at > MAX_BYTES) throw fault('A line is too long.')
        this.#keep(bytes.subarray(at, end < 0 ? bytes.length : end))
        if (end < 0) return
        at = end + 1
        this.#header = parseWith(json(this.#take()), headerSchema)
      }
      const { type, data, data_length, payload_length } = this.#header
      const missing = (data_length ?? 0) - this.#length
      this.#keep(bytes.subarray(at, at + missing))
      if (bytes.length - at < missing) return
      at += missing
      const more = data_length ? parseWith(json(this.#take()), object) : {}
      this.#header = undefined
      this.#toSkip = payload_length ?? 0
      // The event counts once its payload is there, which is never kept.
      const here = Math.min(this.#toSkip, bytes.length - at)
      this.#toSkip -= here
      at += here
      yield { type, data: { ...data, ...more } }
    }
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pieces.push(Uint8Array.from(bytes))
    this.#length += bytes.length
    // Single bytes would each be an object of a hundred.
    if (this.#pieces.length === MAX_PIECES) this.#pieces = [Buffer.concat(this.#pieces)]
  }

  #take(): Buffer {
    const bytes = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#length = 0
    return bytes
  }
}

const MAX_PIECES = 1024

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
