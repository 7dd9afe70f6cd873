/**
 * /v2/speak as Deepgram's clients speak it. Text comes in turns: `Speak` begins one, `Flush` ends it, `Interrupt` breaks it
 * off. Each turn is a stream of its own and has an id, and turns are spoken one after the other.
 */
import { randomBytes } from 'node:crypto'
import type { RawData } from 'ws'
import { z } from 'zod'
import type { Output, OutputRate } from '../../../src/audio/encoders/index.ts'
import { randomSeed, type SentenceTime } from '../../../src/synthesis/index.ts'
import { messageOf, parseWith, RequestError } from '../../http-errors.ts'
import { publicError, QUIET, type Speech } from '../../speech.ts'
import { resolveVoice } from '../../voices.ts'
import type { Connection } from '../connection.ts'
import type { Dialect, DialectSession } from '../dialect.ts'
import { parseMessage } from '../messages.ts'
import { MAX_TEXT, outputOf, outputQuery } from './deepgram.ts'

/** Turns that may wait for the one that is spoken, and their characters. */
const MAX_TURNS = 16
const MAX_WAITING = 16_384

/** Limits of the speed, as `Configure` answers for them. */
const MIN_SPEED = 0.5
const MAX_SPEED = 1.5

const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Speak'), text: z.string().max(MAX_TEXT) }),
  z.object({ type: z.literal('Flush') }),
  z.object({
    type: z.literal('Interrupt'),
    playback_offset: z.object({ type: z.literal('time_ms').optional(), value: z.number().min(0) }).nullish(),
  }),
  z.object({ type: z.literal('Configure'), speed: z.number().nullish() }),
  z.object({ type: z.literal('Close') }),
])
type Message = z.output<typeof messageSchema>

/** Rates of linear16, the default first. */
const RATES: readonly OutputRate[] = [24000, 8000, 16000, 32000, 44100, 48000]

const querySchema = z.object({
  ...outputQuery,
  speed: z.coerce.number().min(MIN_SPEED).max(MAX_SPEED).default(1),
})

export const deepgramV2: Dialect = {
  path: /^\/v2\/speak$/,
  route: '/v2/speak',
  read(url, voices) {
    const query = parseWith(Object.fromEntries(url.searchParams), querySchema)
    const voice = resolveVoice(query.model, voices)
    const output = outputOf(query, RATES)
    return (connection) => new Session(connection, { voice, model: query.model ?? voice, output, speed: query.speed })
  },
}

interface Settings {
  readonly voice: string
  readonly model: string
  readonly output: Output
  speed: number
}

interface Turn {
  readonly id: string
  readonly speed: number
  /** All that was sent. */
  text: string
  /** How much of it the stream has been given. */
  given: number
  isFlushed: boolean
  speech?: Speech
  readonly sentences: SentenceTime[]
}

class Session implements DialectSession {
  readonly #connection: Connection
  readonly #settings: Settings
  /** The first is spoken, the others wait. */
  #turns: Turn[] = []
  #hasSpoken = false
  #closing = false
  /** Runs once the session is to end with its last turn. */
  #leaving: NodeJS.Timeout | undefined
  /** Of the session, for its last message. */
  #characters = 0
  /** Audio that was sent, ms, without what an `Interrupt` said was not played. */
  #playedMs = 0
  /** Where the last `Interrupt` was, ms of the session's audio. */
  #interruptedMs = 0

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection
    this.#settings = settings
  }

  start(): void {
    const { id } = this.#connection
    const model_name = this.#settings.model
    this.#connection.send({ type: 'Connected', request_id: id, model_name, model_version: '1', model_uuids: [id] })
  }

  async message(data: RawData, isBinary: boolean): Promise<void> {
    const message = parseMessage(data, isBinary, messageSchema)
    if (message.type === 'Speak') await this.#speak(message.text)
    else if (message.type === 'Flush') this.#flush()
    else if (message.type === 'Interrupt') this.#interrupt(message.playback_offset?.value)
    else if (message.type === 'Configure') this.#configure(message)
    else this.#close()
  }

  /** A message that is wrong is a Warning: the session goes on. */
  error(error: unknown): void {
    const known = publicError(error, this.#connection)
    this.#connection.send({ type: 'Warning', code: known.code, description: messageOf(known) })
  }

  goAway(): void {
    const turn = this.#turns.at(-1)
    if (turn && !turn.isFlushed) this.#leaving = setTimeout(() => this.#close(), QUIET)
    else this.#close()
  }

  async #speak(text: string): Promise<void> {
    await this.#connection.countText(text.length)
    let turn = this.#turns.at(-1)
    if (!turn || turn.isFlushed) {
      if (this.#turns.length >= MAX_TURNS)
        throw new RequestError('REQUEST_INVALID', `At most ${MAX_TURNS} turns may wait to be spoken.`, null, {
          remedy: 'Send the next one when a SpeechMetadata has come.',
        })
      // The handshake was counted as the first request.
      if (this.#hasSpoken) await this.#connection.countRequest()
      this.#hasSpoken = true
      const id = `dg_sp_${randomBytes(6).toString('hex')}`
      turn = { id, speed: this.#settings.speed, text: '', given: 0, isFlushed: false, sentences: [] }
      this.#turns.push(turn)
    }
    const waiting = this.#turns.reduce((sum, { text, given }) => sum + text.length - given, 0)
    if (waiting + text.length > MAX_WAITING)
      throw new RequestError('INPUT_TOO_LONG', `More than ${MAX_WAITING} characters of later turns wait.`, null, {
        remedy: 'Send the next turn when a SpeechMetadata has come.',
      })
    turn.text += text
    this.#leaving?.refresh()
    this.#characters += text.length
    this.#advance()
  }

  #flush(): void {
    const turn = this.#turns.at(-1)
    if (!turn || turn.isFlushed) {
      this.#noSpeech()
      return
    }
    turn.isFlushed = true
    if (this.#leaving) this.#close()
    else this.#advance()
  }

  /** Gives the first turn's stream what it was not given yet. */
  #advance(): void {
    const turn = this.#turns[0]
    if (!turn) {
      if (this.#closing) this.#goodbye()
      return
    }
    turn.speech ??= this.#open(turn)
    if (turn.given < turn.text.length) {
      turn.speech.text(turn.text.slice(turn.given))
      turn.given = turn.text.length
    }
    if (turn.isFlushed) turn.speech.end()
  }

  #open(turn: Turn): Speech {
    const connection = this.#connection
    const { voice, output } = this.#settings
    connection.send({ type: 'SpeechStarted', speech_id: turn.id })
    return connection.speak(
      { voice, seed: randomSeed(), speed: turn.speed, output, input: { kind: 'live', early: true } },
      {
        audio(bytes, { sentence }, taken) {
          if (sentence) turn.sentences.push(sentence)
          if (bytes.length > 0) connection.sendAudio(bytes, taken)
          else taken()
        },
        done: () => {
          if (turn.speech!.seconds === 0)
            connection.send({
              type: 'Warning',
              code: 'NO_SYNTHESIZABLE_TEXT',
              description: 'The text of the turn has nothing in it that can be spoken.',
            })
          this.#playedMs += durationOf(turn)
          connection.send({ type: 'SpeechMetadata', ...metadataOf(turn) })
          connection.send({ type: 'Flushed', speech_id: turn.id })
          this.#turns.shift()
          this.#advance()
        },
        error: (error) => {
          const known = publicError(error, connection)
          connection.send({ type: 'Error', code: 'NET-0000', description: messageOf(known) })
          this.#turns.shift()
          this.#advance()
        },
      },
    )
  }

  #interrupt(offset: number | undefined): void {
    const turn = this.#turns[0]
    const begun = this.#playedMs
    const sent = begun + (turn ? durationOf(turn) : 0)
    if (!turn?.speech || sent === 0) {
      if (turn) this.#warn('NO_AUDIO_GENERATED', 'No audio has been generated yet.')
      else this.#noSpeech()
      return
    }
    if (offset !== undefined && offset <= this.#interruptedMs && this.#interruptedMs > 0) {
      this.#warn('INVALID_INTERRUPT_OFFSET', 'The offset is not past that of the last Interrupt.')
      return
    }
    turn.speech.cancel()
    this.#turns = []
    const played = offset === undefined ? sent : Math.min(offset, sent)
    this.#playedMs = played
    this.#interruptedMs = played
    const heard = offset === undefined ? undefined : heardOf(turn, (played - begun) / 1000)
    this.#connection.send({
      type: 'SpeechInterrupted',
      audio_played_ms: played,
      ...(heard !== undefined && {
        text_spoken: turn.text.slice(0, heard),
        text_remaining: turn.text.slice(heard),
      }),
      metadata: metadataOf(turn),
    })
    this.#advance()
  }

  /** Holds for turns that begin afterwards. */
  #configure({ speed }: Extract<Message, { type: 'Configure' }>): void {
    if (speed != null && !(speed >= MIN_SPEED && speed <= MAX_SPEED)) {
      this.#connection.send({
        type: 'ConfigureFailure',
        code: 'SPEED_OUT_OF_RANGE',
        field: 'speed',
        value: speed,
        description: `The speed must be from ${MIN_SPEED} to ${MAX_SPEED}.`,
      })
      return
    }
    if (speed != null) this.#settings.speed = speed
    this.#connection.send({ type: 'ConfigureSuccess', applied: { speed: this.#settings.speed } })
  }

  #close(): void {
    clearTimeout(this.#leaving)
    this.#closing = true
    const turn = this.#turns.at(-1)
    if (turn) turn.isFlushed = true
    this.#advance()
  }

  #goodbye(): void {
    this.#connection.send({
      type: 'SessionMetadata',
      total_audio_duration_ms: this.#playedMs,
      total_input_character_count: this.#characters,
      total_billable_character_count: this.#characters,
    })
    this.#connection.close(1000)
  }

  #noSpeech(): void {
    this.#warn('NO_ACTIVE_SPEECH', 'No turn is being spoken.')
  }

  #warn(code: string, description: string): void {
    this.#connection.send({ type: 'Warning', code, description })
  }
}

const durationOf = ({ speech }: Turn): number => Math.round(1000 * (speech?.seconds ?? 0))

const metadataOf = (turn: Turn): object => ({
  speech_id: turn.id,
  audio_duration_ms: durationOf(turn),
  input_character_count: turn.text.length,
  billable_character_count: turn.text.length,
  controls_applied: { pronunciations_applied: 0, breaks_applied: 0, pronunciation_warnings: 0 },
})

/** Characters of a turn's text that had been heard after so many seconds of its audio. */
function heardOf({ sentences }: Turn, seconds: number): number {
  const words = sentences.flatMap((sentence) => sentence.words)
  return words.findLast(({ to }) => to <= seconds)?.end ?? 0
}
