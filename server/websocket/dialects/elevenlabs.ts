/**
 * /v1/text-to-speech/VOICE/stream-input as ElevenLabs' clients speak it: {"text": " "} opens, pieces of text follow,
 * {"text": ""} ends. Answers are JSON with base64 audio; the first of each sentence tells when each character is spoken.
 */
import type { RawData } from 'ws'
import { z } from 'zod'
import type { Output } from '../../../src/audio/encoders/index.ts'
import { randomSeed, type SentenceTime } from '../../../src/synthesis/index.ts'
import { messageOf, parseWith } from '../../http-errors.ts'
import { characterTimes, outputOf } from '../../routes/dialects/elevenlabs.ts'
import { MAX_INPUT, seedSchema, speedSchema } from '../../routes/speech-request.ts'
import { publicError, type Speech } from '../../speech.ts'
import type { SpeechRequest } from '../../synthesis/messages.ts'
import { nameSchema, resolveVoice, type VoiceCatalogue } from '../../voices.ts'
import type { Connection } from '../connection.ts'
import type { Dialect, DialectSession } from '../dialect.ts'
import { parseMessage } from '../messages.ts'

const key = z.string().max(512).nullish()
/** What messages of both WebSockets may hold beside the text. */
export const commonFields = {
  flush: z.boolean().nullish(),
  voice_settings: z.object({ speed: speedSchema.nullish() }).nullish(),
  xi_api_key: key,
  'xi-api-key': key,
  authorization: key,
}

const messageSchema = z.object({ text: z.string().max(MAX_INPUT), ...commonFields })

/** The key in a message, wherever the clients put it. */
export const keyOf = (message: {
  readonly xi_api_key?: string | null | undefined
  readonly 'xi-api-key'?: string | null | undefined
  readonly authorization?: string | null | undefined
}): string | undefined =>
  message.xi_api_key ?? message['xi-api-key'] ?? message.authorization?.replace(/^Bearer\s+/i, '') ?? undefined

const querySchema = z.object({
  output_format: nameSchema.default('mp3_44100_128'),
  seed: z.coerce.number().pipe(seedSchema).optional(),
})

/** What the address of either WebSocket asks for. Throws RequestError. */
export function readAddress(url: URL, voices: VoiceCatalogue): { voice: string; output: Output; seed?: number } {
  const { output_format, seed } = parseWith(Object.fromEntries(url.searchParams), querySchema)
  const voice = resolveVoice(parseWith(decodeURIComponent(url.pathname.split('/')[3]!), nameSchema), voices)
  return { voice, output: outputOf(output_format), ...(seed !== undefined && { seed }) }
}

export const elevenlabs: Dialect = {
  path: /^\/v1\/text-to-speech\/[^/]+\/stream-input$/,
  route: '/v1/text-to-speech/stream-input',
  keyInMessages: true,
  read(url, voices) {
    const { voice, output, seed } = readAddress(url, voices)
    return (connection) => new ElevenLabsSession(connection, voice, output, seed ?? randomSeed())
  },
}

class ElevenLabsSession implements DialectSession {
  readonly #connection: Connection
  readonly #voice: string
  readonly #output: Output
  readonly #seed: number
  #speech: Speech | undefined
  #ended = false
  #speed = 1

  constructor(connection: Connection, voice: string, output: Output, seed: number) {
    this.#connection = connection
    this.#voice = voice
    this.#output = output
    this.#seed = seed
  }

  async message(data: RawData, isBinary: boolean): Promise<void> {
    const message = parseMessage(data, isBinary, messageSchema)
    const { text, flush, voice_settings } = message
    await this.#connection.authenticate(keyOf(message))
    if (this.#ended) return
    if (!this.#speech) this.#speed = voice_settings?.speed ?? 1
    if (text === '') {
      this.#ended = true
      if (this.#speech) this.#speech.end()
      else this.#final()
      return
    }
    await this.#connection.countText(text.length)
    // {"text": " "} opens, and later on keeps the connection.
    if (text.trim() !== '' || this.#speech) this.#current().text(text)
    if (flush) this.#current().flush()
  }

  error(error: unknown): void {
    const known = publicError(error, this.#connection)
    const { code, status } = known
    this.#connection.send({ message: messageOf(known), error: code.toLowerCase(), code: status })
    this.#speech?.cancel()
    this.#connection.close(1008, code.toLowerCase())
  }

  goAway(): void {
    if (this.#speech) this.#speech.endSoon()
    else this.#connection.close(1001, 'the server is shutting down')
  }

  #final(): void {
    this.#connection.send({ audio: null, isFinal: true, alignment: null, normalizedAlignment: null })
    this.#connection.close(1000)
  }

  #current(): Speech {
    if (this.#speech) return this.#speech
    const connection = this.#connection
    const request: SpeechRequest = {
      voice: this.#voice,
      seed: this.#seed,
      speed: this.#speed,
      output: this.#output,
      input: { kind: 'live', early: true },
    }
    /** Of sentences whose first bytes have not come out of the encoder. */
    let waiting: Alignment | undefined
    this.#speech = connection.speak(request, {
      audio(bytes, { sentence }, taken) {
        if (sentence) waiting = joined(waiting, alignmentOf(sentence))
        if (bytes.length === 0) {
          taken()
          return
        }
        const alignment = waiting ?? null
        waiting = undefined
        const audio = Buffer.from(bytes).toString('base64')
        connection.sendAudio(
          JSON.stringify({ audio, isFinal: false, alignment, normalizedAlignment: alignment }),
          taken,
        )
      },
      done: () => this.#final(),
      error: (error) => this.error(error),
    })
    return this.#speech
  }
}

interface Alignment {
  chars: string[]
  charStartTimesMs: number[]
  charsDurationsMs: number[]
  /** The same under the name that other clients of theirs read. */
  charDurationsMs: number[]
}

/** Times of a sentence's characters, ms from its start. */
export function alignmentOf(sentence: SentenceTime): Alignment {
  const { chars, starts, ends } = characterTimes(sentence)
  const origin = Math.round(1000 * sentence.from)
  const durations = starts.map((start, i) => ends[i]! - start)
  return {
    chars: [...chars],
    charStartTimesMs: starts.map((start) => start - origin),
    charsDurationsMs: durations,
    charDurationsMs: durations,
  }
}

const joined = (a: Alignment | undefined, b: Alignment): Alignment =>
  a === undefined
    ? b
    : {
        chars: [...a.chars, ...b.chars],
        charStartTimesMs: [...a.charStartTimesMs, ...b.charStartTimesMs],
        charsDurationsMs: [...a.charsDurationsMs, ...b.charsDurationsMs],
        charDurationsMs: [...a.charDurationsMs, ...b.charDurationsMs],
      }
