/**
 * /v1/text-to-speech/VOICE/multi-stream-input as ElevenLabs' clients, LiveKit and Pipecat speak it: several texts, each in
 * a context of its own, over one connection. Every message names its context, and so does every answer.
 */
import type { RawData } from 'ws'
import { z } from 'zod'
import type { Output } from '../../../src/audio/encoders/index.ts'
import { randomSeed } from '../../../src/synthesis/index.ts'
import { messageOf, RequestError } from '../../http-errors.ts'
import { type CharacterTimes, characterTimes, joinTimes, withSpace } from '../../routes/dialects/elevenlabs.ts'
import { MAX_INPUT } from '../../routes/speech-request.ts'
import { publicError, type Speech } from '../../speech.ts'
import { nameSchema } from '../../voices.ts'
import type { Connection } from '../connection.ts'
import type { Dialect, DialectSession } from '../dialect.ts'
import { parseMessage } from '../messages.ts'
import { commonFields, keyOf, readAddress } from './elevenlabs.ts'

/** Contexts of a connection at the same time: those of ElevenLabs, and some that are being closed. */
const MAX_CONTEXTS = 8

/** The context of messages that name none. */
const DEFAULT_CONTEXT = 'default'

const messageSchema = z.object({
  text: z.string().max(MAX_INPUT).nullish(),
  context_id: nameSchema.nullish(),
  ...commonFields,
  close_context: z.boolean().nullish(),
  close_socket: z.boolean().nullish(),
})

export const elevenlabsMulti: Dialect = {
  path: /^\/v1\/text-to-speech\/[^/]+\/multi-stream-input$/,
  route: '/v1/text-to-speech/multi-stream-input',
  keyInMessages: true,
  read(url, voices) {
    const { voice, output, seed } = readAddress(url, voices)
    return (connection) => new MultiSession(connection, voice, output, seed)
  },
}

/** One text. */
interface Context {
  readonly id: string
  speed: number
  speech?: Speech
}

class MultiSession implements DialectSession {
  readonly #connection: Connection
  readonly #voice: string
  readonly #output: Output
  readonly #seed: number | undefined
  /** Those that text may be added to. */
  readonly #contexts = new Map<string, Context>()
  /** All that speak, closed ones too. */
  readonly #speaking = new Set<Context>()
  /** The context of the message that is being handled. */
  #current: string | undefined
  #hasSpoken = false
  #closing: number | undefined

  constructor(connection: Connection, voice: string, output: Output, seed: number | undefined) {
    this.#connection = connection
    this.#voice = voice
    this.#output = output
    this.#seed = seed
  }

  async message(data: RawData, isBinary: boolean): Promise<void> {
    this.#current = undefined
    const message = parseMessage(data, isBinary, messageSchema)
    await this.#connection.authenticate(keyOf(message))
    if (message.close_socket) return this.#closeAll(1000)
    const { context_id, text } = message
    // Keeps the connection, without opening a context.
    if (context_id == null && !text && !message.flush && !message.close_context) return
    const id = context_id ?? DEFAULT_CONTEXT
    this.#current = id
    if (message.close_context) {
      this.#close(id)
      return
    }
    const context = this.#contexts.get(id) ?? this.#open(id)
    if (!context.speech) context.speed = message.voice_settings?.speed ?? context.speed
    if (text) {
      await this.#connection.countText(text.length)
      // {"text": " "} opens.
      if (text.trim() !== '' || context.speech) (await this.#speechOf(context)).text(text)
    }
    if (message.flush) context.speech?.flush()
  }

  /** A message that is wrong ends the context it is about. */
  error(error: unknown): void {
    const id = this.#current
    this.#fail(id, error)
    const context = id === undefined ? undefined : this.#contexts.get(id)
    if (context) {
      this.#contexts.delete(context.id)
      this.#speaking.delete(context)
      context.speech?.cancel()
    }
    if (!this.#connection.caller) this.#connection.close(1008, 'no valid key')
  }

  goAway(): void {
    this.#closing = 1001
    for (const { id, speech } of [...this.#contexts.values()]) {
      if (speech) speech.endSoon()
      else this.#close(id)
    }
    this.#closeWhenSilent()
  }

  #fail(id: string | undefined, error: unknown): void {
    const known = publicError(error, this.#connection)
    const code = known.code.toLowerCase()
    this.#connection.send({ message: messageOf(known), error: code, code: known.status, ...contextOf(id) })
  }

  #open(id: string): Context {
    if (this.#contexts.size + this.#speaking.size >= 2 * MAX_CONTEXTS || this.#contexts.size >= MAX_CONTEXTS)
      throw new RequestError('REQUEST_INVALID', `At most ${MAX_CONTEXTS} contexts may be open.`, 'context_id', {
        remedy: 'Close one with {"context_id": ID, "close_context": true} first.',
      })
    const context: Context = { id, speed: 1 }
    this.#contexts.set(id, context)
    return context
  }

  /** What the context was sent is spoken to its end, then it is final. The same id then means another context. */
  #close(id: string): void {
    const context = this.#contexts.get(id)
    if (!context) return
    this.#contexts.delete(id)
    if (context.speech) context.speech.end()
    else this.#final(context)
  }

  #closeAll(code: number): void {
    this.#closing = code
    for (const id of [...this.#contexts.keys()]) this.#close(id)
    this.#closeWhenSilent()
  }

  #closeWhenSilent(): void {
    if (this.#closing !== undefined && this.#speaking.size === 0) this.#connection.close(this.#closing)
  }

  #final({ id }: Context): void {
    this.#connection.send({ isFinal: true, ...contextOf(id) })
  }

  async #speechOf(context: Context): Promise<Speech> {
    if (context.speech) return context.speech
    const connection = this.#connection
    // The handshake was counted as the first request.
    if (this.#hasSpoken) await connection.countRequest()
    this.#hasSpoken = true
    /** Of sentences whose first bytes have not come out of the encoder. */
    let waiting: CharacterTimes | undefined
    /** Where the last alignment ended, ms of the context's audio. */
    let clock = 0
    const over = (): void => {
      this.#speaking.delete(context)
      if (this.#contexts.get(context.id) === context) this.#contexts.delete(context.id)
    }
    context.speech = connection.speak(
      {
        voice: this.#voice,
        seed: this.#seed ?? randomSeed(),
        speed: context.speed,
        output: this.#output,
        input: { kind: 'live', early: true },
      },
      {
        audio: (bytes, { sentence }, taken) => {
          if (sentence) waiting = joinTimes(waiting, withSpace(characterTimes(sentence)))
          if (bytes.length === 0) {
            taken()
            return
          }
          const alignment = waiting ? alignmentFrom(clock, waiting) : null
          clock = waiting?.ends.at(-1) ?? clock
          waiting = undefined
          const audio = Buffer.from(bytes).toString('base64')
          const answer = { audio, alignment, normalizedAlignment: alignment, ...contextOf(context.id) }
          connection.sendAudio(JSON.stringify(answer), taken)
        },
        done: () => {
          over()
          this.#final(context)
          this.#closeWhenSilent()
        },
        error: (error) => {
          over()
          this.#fail(context.id, error)
          this.#closeWhenSilent()
        },
      },
    )
    this.#speaking.add(context)
    return context.speech
  }
}

/** The context of an answer, under both names that clients read. */
const contextOf = (id: string | undefined): object => (id === undefined ? {} : { contextId: id, context_id: id })

/** Times from the end of the alignment before, so that their spans add up to the context's audio. */
function alignmentFrom(clock: number, { chars, starts, ends }: CharacterTimes): object {
  const durations = starts.map((start, i) => ends[i]! - start)
  return {
    chars,
    charStartTimesMs: starts.map((start) => start - clock),
    charDurationsMs: durations,
    charsDurationsMs: durations,
  }
}
