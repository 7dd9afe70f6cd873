/**
 * /v1/text-to-speech/VOICE/stream-input as ElevenLabs' clients speak it: {"text": " "} opens, pieces of text follow,
 * {"text": ""} ends. Answers are JSON with base64 audio; the first of each sentence tells when each character is spoken.
 */
import type { RawData } from 'ws'
import { z } from 'zod'
import { type EncodingName, OUTPUT_RATES, type Output, type OutputRate } from '../../../src/audio/encoders/index.ts'
import { randomSeed, type SentenceTime } from '../../../src/synthesis/index.ts'
import { parseWith, RequestError } from '../../http-errors.ts'
import { MAX_INPUT, seedSchema, speedSchema } from '../../routes/speech-request.ts'
import { publicError, type Speech } from '../../speech.ts'
import type { SpeechRequest } from '../../synthesis/messages.ts'
import { nameSchema, resolveVoice, type VoiceCatalogue } from '../../voices.ts'
import type { Connection } from '../connection.ts'
import type { Dialect, DialectSession } from '../dialect.ts'
import { parseMessage } from '../messages.ts'

const messageSchema = z.object({
  text: z.string().max(MAX_INPUT),
  flush: z.boolean().optional(),
  try_trigger_generation: z.boolean().optional(),
  voice_settings: z.object({ speed: speedSchema.optional() }).nullish(),
  xi_api_key: z.string().max(512).optional(),
  authorization: z.string().max(512).optional(),
})

const querySchema = z.object({
  output_format: nameSchema.default('mp3_44100_128'),
  seed: z.coerce.number().pipe(seedSchema).optional(),
})

const FORMATS: Record<string, EncodingName> = { mp3: 'mp3', pcm: 'pcm', ulaw: 'mulaw', alaw: 'alaw', opus: 'opus' }

export const elevenlabs: Dialect = {
  path: /^\/v1\/text-to-speech\/[^/]+\/stream-input$/,
  route: '/v1/text-to-speech/stream-input',
  keyInMessages: true,
  read(url, voices) {
    const query = parseWith(Object.fromEntries(url.searchParams), querySchema)
    const voice = voiceOf(parseWith(decodeURIComponent(url.pathname.split('/')[3]!), nameSchema), voices)
    const output = outputOf(query.output_format)
    return (connection) => new ElevenLabsSession(connection, voice, output, query.seed ?? randomSeed())
  },
}

/** ElevenLabs' voices have ids of 20 letters and digits: they mean the default voice. */
const voiceOf = (id: string, catalogue: VoiceCatalogue): string =>
  resolveVoice(/^[A-Za-z0-9]{20}$/.test(id) ? undefined : id, catalogue)

/** codec_rate_kilobits. */
function outputOf(name: string): Output {
  const [, codec, rate, kilobits] = /^([a-z0-9]+)_(\d+)(?:_(\d+))?$/.exec(name) ?? []
  const format = FORMATS[codec ?? '']
  const sampleRate = Number(rate) as OutputRate
  if (!format || !OUTPUT_RATES.includes(sampleRate) || (format === 'opus' && sampleRate !== 48000))
    throw new RequestError('REQUEST_INVALID', `There is no output format "${name}" here.`, 'output_format')
  return { format, sampleRate, ...(kilobits !== undefined && { bitrate: 1000 * Number(kilobits) }) }
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
    const { text, flush, voice_settings, xi_api_key, authorization } = message
    await this.#connection.authenticate(xi_api_key ?? authorization?.replace(/^Bearer\s+/i, ''))
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
    const { code, message, status } = publicError(error, this.#connection)
    this.#connection.send({ message, error: code.toLowerCase(), code: status })
    this.#speech?.cancel()
    this.#connection.close(1008, code.toLowerCase())
  }

  goAway(): void {
    this.#ended = true
    if (this.#speech) this.#speech.end()
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
}

/** Times of a sentence's characters from its start: a word's time is shared out evenly among its characters. */
export function alignmentOf({ text, start, from, to, words }: SentenceTime): Alignment {
  const chars = [...text]
  const starts: number[] = []
  const ms = (seconds: number): number => Math.round(1000 * (seconds - from))
  let at = start
  let now = ms(from)
  for (const char of chars) {
    const word = words.find((w) => at >= w.start && at < w.end)
    if (word) now = ms(word.from + ((word.to - word.from) * (at - word.start)) / (word.end - word.start))
    else {
      const before = words.findLast((w) => w.end <= at)
      if (before) now = Math.max(now, ms(before.to))
    }
    starts.push(now)
    at += char.length
  }
  return {
    chars,
    charStartTimesMs: starts,
    charsDurationsMs: starts.map((time, i) => (starts[i + 1] ?? ms(to)) - time),
  }
}

const joined = (a: Alignment | undefined, b: Alignment): Alignment =>
  a === undefined
    ? b
    : {
        chars: [...a.chars, ...b.chars],
        charStartTimesMs: [...a.charStartTimesMs, ...b.charStartTimesMs],
        charsDurationsMs: [...a.charsDurationsMs, ...b.charsDurationsMs],
      }
