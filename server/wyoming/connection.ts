/**
 * The state of one Wyoming connection: describe -> info; synthesize, or synthesize-start, -chunk and -stop -> audio-start, audio-chunk,
 * audio-stop. Requests are answered one after the other, as Piper's Wyoming server does.
 */
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { z } from 'zod'
import { SAMPLE_RATE } from '../../src/frames.ts'
import { randomSeed, SsmlError, ssmlSentences } from '../../src/synthesis/index.ts'
import type { Language } from '../../src/text/index.ts'
import { packageVersion } from '../../src/version.ts'
import type { Caller } from '../access/gate.ts'
import type { ServerDeps } from '../deps.ts'
import { messageOf, parseWith, RequestError } from '../http-errors.ts'
import { publicError, Speech } from '../speech.ts'
import type { SpeechInput, SpeechRequest } from '../synthesis/messages.ts'
import { languageOf, nameSchema, resolveVoice, type VoiceCatalogue } from '../voices.ts'
import { encodeEvent, type WyomingEvent } from './events.ts'

/** Longest text of one event, characters. Home Assistant sends whole answers. */
const MAX_TEXT = 32_768

const FORMAT = { rate: SAMPLE_RATE, width: 2, channels: 1 }

/** A name goes before a language; a language alone means the default voice. */
const voiceSchema = z.object({ name: nameSchema.nullish(), language: nameSchema.nullish() }).nullish()
const startSchema = z.object({ voice: voiceSchema, text_format: nameSchema.nullish() })
const pingSchema = z.object({ text: z.string().max(256).nullish() })
const chunkSchema = z.object({ text: z.string().max(MAX_TEXT) })
const synthesizeSchema = startSchema.extend({ text: z.string().max(MAX_TEXT) })

export class WyomingConnection {
  readonly id = randomUUID()
  readonly deps: ServerDeps
  readonly caller: Caller
  readonly #socket: Socket
  #speech: Speech | undefined
  /** Settles the wait for the speech's end. */
  #ended: (() => void) | undefined
  /** Text comes in pieces; the `synthesize` that clients send along for servers that cannot do that is passed over. */
  #streaming = false
  #failed = false
  #samples = 0
  #started = false
  /** Called as audio leaves. */
  onAudio: () => void = () => {}

  constructor(socket: Socket, deps: ServerDeps) {
    this.#socket = socket
    this.deps = deps
    this.caller = deps.gate.keyless(socket.remoteAddress ?? 'unknown')
  }

  get speaking(): boolean {
    return this.#speech !== undefined
  }

  /** Handles one event; resolves when the next may come. */
  async handle({ type, data }: WyomingEvent): Promise<void> {
    if (type === 'describe') this.#send('info', info(this.deps.catalogue))
    else if (type === 'ping') this.#send('pong', { text: parseWith(data, pingSchema).text ?? null })
    else if (type === 'synthesize') {
      if (!this.#streaming) await this.#synthesize(parseWith(data, synthesizeSchema))
    } else if (type === 'synthesize-start') await this.#start(parseWith(data, startSchema))
    else if (type === 'synthesize-chunk') await this.#chunk(parseWith(data, chunkSchema))
    else if (type === 'synthesize-stop') await this.#stop()
    // Anything else is for another kind of service, or newer than this: the protocol asks to pass it over.
  }

  /** Tells the client what was wrong; a stream of text ends with it. */
  error(error: unknown): void {
    const known = publicError(error, this)
    this.#failed = true
    this.#speech?.cancel()
    this.#over()
    this.#send('error', { text: messageOf(known), code: known.code })
  }

  /** The socket is gone, or is to go: what is spoken ends. */
  close(): void {
    this.#speech?.cancel()
    this.#over()
  }

  /** The server shuts down: what the client is writing is still spoken. */
  goAway(): void {
    this.#speech?.endSoon()
  }

  async #synthesize({ text, voice, text_format }: z.output<typeof synthesizeSchema>): Promise<void> {
    await this.#count(text)
    await this.deps.gate.request(this.caller)
    const { catalogue } = this.deps
    const language = languageOf(resolveVoice(voice?.name ?? undefined, catalogue), catalogue)
    const input = text_format === 'ssml' ? sentencesOfSsml(text, language) : ({ kind: 'text', text } as const)
    this.#speak(this.#request(voice, input), text)
    await this.#end()
  }

  async #start({ voice }: z.output<typeof startSchema>): Promise<void> {
    this.close()
    this.#streaming = true
    this.#failed = false
    await this.deps.gate.request(this.caller)
    this.#speak(this.#request(voice, { kind: 'live', early: true }))
  }

  async #chunk({ text }: z.output<typeof chunkSchema>): Promise<void> {
    if (!this.#streaming || this.#failed) return
    await this.#count(text)
    this.#speech?.text(text)
  }

  async #stop(): Promise<void> {
    if (!this.#streaming) return
    this.#speech?.end()
    await this.#end()
    this.#streaming = false
    this.#send('synthesize-stopped')
  }

  async #count(text: string): Promise<void> {
    await this.deps.gate.text(this.caller, text.length)
  }

  #request(voice: z.output<typeof voiceSchema>, input: SpeechInput): SpeechRequest {
    const name = resolveVoice(voice?.name ?? undefined, this.deps.catalogue)
    return { voice: name, seed: randomSeed(), speed: 1, output: { format: 'pcm' }, input }
  }

  #speak(request: SpeechRequest, text?: string): void {
    this.#samples = 0
    this.#started = false
    const { id, deps, caller } = this
    this.#speech = new Speech({ id, deps, caller, route: 'wyoming', ...(text !== undefined && { text }) }, request, {
      audio: (bytes, { samples }, taken) => {
        this.#begin()
        if (bytes.length === 0) return taken()
        const timestamp = Math.round((1000 * this.#samples) / SAMPLE_RATE)
        this.#samples += samples
        this.#write(encodeEvent('audio-chunk', { ...FORMAT, timestamp }, bytes), () => {
          this.onAudio()
          taken()
        })
      },
      done: () => {
        this.#begin()
        this.#send('audio-stop', { timestamp: Math.round((1000 * this.#samples) / SAMPLE_RATE) })
        this.#over()
      },
      error: (error) => this.error(error),
    })
  }

  #begin(): void {
    if (this.#started) return
    this.#started = true
    this.#send('audio-start', { ...FORMAT, timestamp: 0 })
  }

  /** Resolves when the speech has ended, whichever way. */
  async #end(): Promise<void> {
    if (!this.#speech) return
    await new Promise<void>((resolve) => {
      this.#ended = resolve
    })
  }

  #over(): void {
    this.#speech = undefined
    this.#ended?.()
    this.#ended = undefined
  }

  #send(type: string, data: object = {}): void {
    this.#write(encodeEvent(type, data), () => {})
  }

  #write(bytes: Buffer, taken: () => void): void {
    if (!this.#socket.writable) return
    this.#socket.write(bytes, (error) => {
      if (!error) taken()
    })
  }
}

/** SSML, parsed once. Throws REQUEST_INVALID. */
function sentencesOfSsml(text: string, language: Language): SpeechInput {
  try {
    return { kind: 'sentences', sentences: ssmlSentences(text, language) }
  } catch (error) {
    if (!(error instanceof SsmlError)) throw error
    throw new RequestError(error.code, error.message, 'text', { remedy: error.remedy })
  }
}

/** What the server is, for `describe`. */
function info({ voices, defaultVoice }: VoiceCatalogue): object {
  const attribution = { name: 'sparsewave', url: '' }
  const version = packageVersion()
  const about = { attribution, installed: true, version }
  const first = voices.filter(({ name }) => name === defaultVoice)
  const rest = voices.filter(({ name }) => name !== defaultVoice)
  const tts = {
    ...about,
    name: 'sparsewave',
    description: 'Speech from a sparse recurrent net',
    supports_synthesize_streaming: true,
    voices: [...first, ...rest].map(({ name, language, description }) => ({
      ...about,
      name,
      description: description ?? name,
      languages: [language],
      speakers: null,
    })),
  }
  return { asr: [], tts: [tts], handle: [], intent: [], wake: [], mic: [], snd: [] }
}
