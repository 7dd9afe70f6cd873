/**
 * /v1/audio/stream, our own: text comes in pieces as it is written, audio goes out as binary messages, events as JSON
 * (docs/reference/websocket.md). A connection holds one stream at a time; `start` begins another.
 */
import type { RawData } from 'ws'
import { z } from 'zod'
import { randomSeed } from '../../../src/synthesis/index.ts'
import { messageOf, paramOf } from '../../http-errors.ts'
import {
  lexiconSchema,
  MAX_INPUT,
  pitchSchema,
  seedSchema,
  speedSchema,
  vocoderSchema,
} from '../../routes/speech-request.ts'
import { publicError, type Speech } from '../../speech.ts'
import { nameSchema, resolveVoice } from '../../voices.ts'
import type { Connection } from '../connection.ts'
import type { Dialect, DialectSession } from '../dialect.ts'
import { parseMessage } from '../messages.ts'

const startSchema = z.strictObject({
  type: z.literal('start'),
  voice: nameSchema.optional(),
  vocoder: vocoderSchema.optional(),
  seed: seedSchema.optional(),
  speed: speedSchema.default(1),
  pitch: pitchSchema.default(1),
  lexicon: lexiconSchema.optional(),
  early: z.boolean().default(false),
})
const messageSchema = z.discriminatedUnion('type', [
  startSchema,
  z.strictObject({ type: z.literal('text'), text: z.string().max(MAX_INPUT) }),
  z.strictObject({ type: z.literal('flush') }),
  z.strictObject({ type: z.literal('clear') }),
  z.strictObject({ type: z.literal('close') }),
])
type Start = z.output<typeof startSchema>

export const sparsewave: Dialect = {
  path: /^\/v1\/audio\/stream$/,
  route: '/v1/audio/stream',
  read: () => (connection) => new SparsewaveSession(connection),
}

class SparsewaveSession implements DialectSession {
  readonly #connection: Connection
  #speech: Speech | undefined
  #hasSpoken = false
  /** `close` was asked for: the connection ends with the stream that is still speaking. */
  #closing = false

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async message(data: RawData, isBinary: boolean): Promise<void> {
    const message = parseMessage(data, isBinary, messageSchema)
    if (message.type === 'start') {
      this.#speech?.cancel()
      this.#speech = undefined
      await this.#open(message)
    } else if (message.type === 'close') {
      this.#closing = true
      if (this.#speech) this.#speech.end()
      else this.#connection.close(1000)
    } else if (message.type === 'text') {
      await this.#connection.countText(message.text.length)
      ;(await this.#current()).text(message.text)
    } else if (message.type === 'flush') (await this.#current()).flush()
    else (await this.#current()).clear()
  }

  error(error: unknown): void {
    const known = publicError(error, this.#connection)
    const code = known.code.toLowerCase()
    this.#connection.send({ type: 'error', code, message: messageOf(known), param: paramOf(known) })
  }

  goAway(): void {
    if (this.#speech) this.#closing = true
    else this.#connection.close(1001, 'the server is shutting down')
    this.#speech?.endSoon()
  }

  async #current(): Promise<Speech> {
    return this.#speech ?? (await this.#open({ type: 'start', speed: 1, pitch: 1, early: false }))
  }

  async #open(start: Start): Promise<Speech> {
    const connection = this.#connection
    const voice = resolveVoice(start.voice, connection.deps.catalogue)
    const seed = start.seed ?? randomSeed()
    // The handshake was counted as the first request.
    if (this.#hasSpoken) await connection.countRequest()
    this.#hasSpoken = true
    const { speed, pitch, early, vocoder, lexicon } = start
    this.#speech = connection.speak(
      {
        voice,
        seed,
        speed,
        pitch,
        output: { format: 'pcm' },
        input: { kind: 'live', early },
        ...(vocoder !== undefined && { vocoder }),
        ...(lexicon !== undefined && { lexicon }),
      },
      {
        audio(pcm, { sentence }, taken) {
          if (sentence) connection.send({ type: 'sentence', ...sentence })
          connection.sendAudio(pcm, taken)
        },
        unread: (_scripts, message) => connection.send({ type: 'warning', code: 'text_not_read', message }),
        flushed: () => connection.send({ type: 'flushed' }),
        cleared: () => connection.send({ type: 'cleared' }),
        done: () => {
          this.#speech = undefined
          connection.send({ type: 'done' })
          if (this.#closing) connection.close(1000)
        },
        error: (error) => {
          this.#speech = undefined
          this.error(error)
          if (this.#closing) connection.close(1011)
        },
      },
    )
    connection.send({ type: 'started', voice, seed, sample_rate: 24000 })
    return this.#speech
  }
}
