/**
 * /v1/speak as Deepgram's clients speak it: Speak, Flush, Clear and Close in; Metadata, binary audio, Flushed, Cleared,
 * Warning and Error out. Query: model, encoding (linear16, mulaw, alaw), sample_rate, container=none.
 */
import type { RawData } from 'ws'
import { z } from 'zod'
import type { Output, OutputRate } from '../../../src/audio/encoders/index.ts'
import { randomSeed } from '../../../src/synthesis/index.ts'
import { messageOf, parseWith, RequestError } from '../../http-errors.ts'
import { publicError, type Speech } from '../../speech.ts'
import type { SpeechRequest } from '../../synthesis/messages.ts'
import { nameSchema, resolveVoice } from '../../voices.ts'
import type { Connection } from '../connection.ts'
import type { Dialect, DialectSession } from '../dialect.ts'
import { parseMessage } from '../messages.ts'

/** Deepgram's limit for one Speak. */
export const MAX_TEXT = 2000

const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Speak'), text: z.string().max(MAX_TEXT) }),
  z.object({ type: z.literal('Flush') }),
  z.object({ type: z.literal('Clear') }),
  z.object({ type: z.literal('Close') }),
])

/** Rates of linear16, the default first. */
const RATES: readonly OutputRate[] = [24000, 8000, 16000, 32000, 48000]
const TELEPHONY = [8000, 16000] as const

/** What both versions take of the query. */
export const outputQuery = {
  model: nameSchema.optional(),
  encoding: z.enum(['linear16', 'mulaw', 'alaw']).default('linear16'),
  sample_rate: z.coerce.number().optional(),
}

const querySchema = z.object({
  ...outputQuery,
  container: z.literal('none').optional(),
  speed: z.coerce.number().min(0.25).max(4).default(1),
})

export const deepgram: Dialect = {
  path: /^\/v1\/speak$/,
  route: '/v1/speak',
  read(url, voices) {
    const query = parseWith(Object.fromEntries(url.searchParams), querySchema)
    const voice = resolveVoice(query.model, voices)
    const output = outputOf(query, RATES)
    return (connection) => new DeepgramSession(connection, voice, query.model ?? voice, output, query.speed)
  },
}

/** What a query asks for. `linear` are the rates of linear16, the default first. Throws RequestError. */
export function outputOf(
  { encoding, sample_rate }: { encoding: 'linear16' | 'mulaw' | 'alaw'; sample_rate?: number | undefined },
  linear: readonly OutputRate[],
): Output {
  const rates = encoding === 'linear16' ? linear : TELEPHONY
  const sampleRate = sample_rate ?? rates[0]
  if (!(rates as readonly number[]).includes(sampleRate!))
    throw new RequestError('REQUEST_INVALID', `${encoding} can be had at ${rates.join(', ')} Hz.`, 'sample_rate')
  return { format: encoding === 'linear16' ? 'pcm' : encoding, sampleRate: sampleRate as OutputRate }
}

class DeepgramSession implements DialectSession {
  readonly #connection: Connection
  readonly #voice: string
  readonly #model: string
  readonly #output: Output
  readonly #speed: number
  #speech: Speech | undefined
  #hasSpoken = false
  #closing = false
  #flushed = 0
  #cleared = 0

  constructor(connection: Connection, voice: string, model: string, output: Output, speed: number) {
    this.#connection = connection
    this.#voice = voice
    this.#model = model
    this.#output = output
    this.#speed = speed
  }

  start(): void {
    this.#connection.send({
      type: 'Metadata',
      request_id: this.#connection.id,
      model_name: this.#model,
      model_version: '1',
      model_uuid: this.#connection.id,
      additional_model_uuids: [],
    })
  }

  async message(data: RawData, isBinary: boolean): Promise<void> {
    const message = parseMessage(data, isBinary, messageSchema)
    if (message.type === 'Speak') {
      await this.#connection.countText(message.text.length)
      ;(await this.#current()).text(message.text)
    } else if (message.type === 'Flush') (await this.#current()).flush()
    else if (message.type === 'Clear') (await this.#current()).clear()
    else {
      this.#closing = true
      if (this.#speech) this.#speech.end()
      else this.#connection.close(1000)
    }
  }

  /** What was wrong with a message is a Warning: the connection goes on. */
  error(error: unknown): void {
    const known = publicError(error, this.#connection)
    const description = messageOf(known)
    // LiveKit reads the older name.
    this.#connection.send({ type: 'Warning', description, warn_msg: description, code: known.code })
  }

  goAway(): void {
    if (this.#speech) this.#closing = true
    else this.#connection.close(1001, 'the server is shutting down')
    this.#speech?.endSoon()
  }

  async #current(): Promise<Speech> {
    if (this.#speech) return this.#speech
    const connection = this.#connection
    // The handshake was counted as the first request.
    if (this.#hasSpoken) await connection.countRequest()
    this.#hasSpoken = true
    const request: SpeechRequest = {
      voice: this.#voice,
      seed: randomSeed(),
      speed: this.#speed,
      output: this.#output,
      input: { kind: 'live', early: true },
    }
    this.#speech = connection.speak(request, {
      audio(bytes, _info, taken) {
        if (bytes.length > 0) connection.sendAudio(bytes, taken)
        else taken()
      },
      unread: (_scripts, message) => connection.send({ type: 'Warning', description: message, code: 'TEXT_NOT_READ' }),
      flushed: () => connection.send({ type: 'Flushed', sequence_id: this.#flushed++ }),
      cleared: () => connection.send({ type: 'Cleared', sequence_id: this.#cleared++ }),
      done: () => {
        this.#speech = undefined
        if (this.#closing) connection.close(1000)
      },
      error: (error) => {
        this.#speech = undefined
        const known = publicError(error, connection)
        connection.send({ type: 'Error', description: messageOf(known), code: known.code })
        if (this.#closing) connection.close(1011)
      },
    })
    return this.#speech
  }
}
