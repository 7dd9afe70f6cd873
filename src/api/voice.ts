/** A voice that is open: text in, samples or encoded audio out. */
import { basename, dirname } from 'node:path'
import { joinBytes } from '../arrays.ts'
import { openEncoder, requireFormat } from '../audio/encoders/index.ts'
import { SparsewaveError } from '../errors.ts'
import { SAMPLE_RATE } from '../frames.ts'
import { openSynthesizer } from '../synthesis/open.ts'
import { looksLikeSsml } from '../synthesis/ssml/index.ts'
import type { Chunk, Synthesizer } from '../synthesis/synthesizer.ts'
import { VOCODERS, type VocoderKind } from '../vocoder/vocoder.ts'
import { defaultVoice } from '../voices/catalogue.ts'
import { loadVoice, type VoiceManifest } from '../voices/index.ts'
import { type AudioOptions, checkAudioOptions } from './encode.ts'
import { checkName, checkSpeakOptions } from './options.ts'
import { emptyText, speakPieces } from './text-pieces.ts'
import type { SpeakOptions, SpeechChunk, TextSource } from './types.ts'
import type { VoicesOptions } from './voices.ts'

/** Which voice is opened, and how. */
export interface OpenVoiceOptions extends VoicesOptions {
  /** The vocoder that is made ready, and used unless `stream` or `speak` names another. Default: the voice's own. */
  readonly vocoder?: VocoderKind | undefined
}

/** An open voice. Several streams of one voice may run at the same time. */
export interface Voice {
  readonly name: string
  /** BCP 47 tag, such as `en-US`. */
  readonly language: string
  /** Hz: 24000. */
  readonly sampleRate: number

  /**
   * Speaks a text and gives out the samples while they are synthesized. Pieces of a text that is still being written are
   * spoken as soon as a sentence is complete, the first one at its first comma.
   *
   * Synthesis runs on the calling thread, one chunk whenever the reader asks for one. Breaking out of the loop ends it.
   *
   * A text of marks or emoji alone is a short silence.
   *
   * @throws SparsewaveError `INPUT_EMPTY` when there is no text, `REQUEST_INVALID` for an option out of its
   * range or wrong SSML, `VOICE_CLOSED` after `close`. The reason of `signal` when it fires.
   * @example
   * ```ts
   * import { openVoice } from 'sparsewave'
   *
   * const voice = await openVoice()
   * let seconds = 0
   * for await (const { samples, sentence } of voice.stream('Hello there. How are you?', { seed: 1 })) {
   *   for (const word of sentence?.words ?? []) console.log(word.text, 'from', word.from, 'to', word.to, 's')
   *   seconds += samples.length / voice.sampleRate
   * }
   * console.log(`${seconds.toFixed(1)} s of speech`)
   * await voice.close()
   * ```
   * @example A language model's tokens
   * ```ts
   * import { openVoice } from 'sparsewave'
   *
   * async function* tokens() {
   *   yield* ['The answer', ' is forty', '-two.', ' Ask me', ' another.']
   * }
   * const voice = await openVoice()
   * for await (const { samples } of voice.stream(tokens())) console.log(samples.length)
   * await voice.close()
   * ```
   */
  stream(text: TextSource, options?: SpeakOptions): AsyncGenerator<SpeechChunk, void, undefined>

  /**
   * Speaks a whole text and resolves with the encoded audio.
   *
   * @throws SparsewaveError What `stream` throws, and `FORMAT_UNAVAILABLE` when the encoder is not installed.
   * @example
   * ```ts
   * import { writeFile } from 'node:fs/promises'
   * import { openVoice } from 'sparsewave'
   *
   * const voice = await openVoice()
   * await writeFile('hello.wav', await voice.speak('Hello there.'))
   * await writeFile('phone.ulaw', await voice.speak('Hello there.', { format: 'mulaw', sampleRate: 8000 }))
   * await voice.close()
   * ```
   */
  speak(text: TextSource, options?: SpeakOptions & AudioOptions): Promise<Uint8Array<ArrayBuffer>>

  /** Ends the streams that run and frees the memory of the voice. Harmless when called twice. */
  close(): Promise<void>
}

/**
 * Opens a voice: checks its files and makes it ready to speak.
 *
 * `name` is the name or alias of an installed voice, or the path of a voice's folder. A path contains a slash. Without a
 * name the default voice is opened: the one that SPARSEWAVE_VOICE names, else the first one installed.
 *
 * @throws SparsewaveError `VOICE_UNKNOWN` when there is no such voice, `VOICE_DAMAGED` when a file does not match its
 * checksum, `VOICE_MISMATCH` when it was exported for another version, `RUNTIME_MISSING` when it needs onnxruntime-node.
 * @example
 * ```ts
 * import { openVoice, SparsewaveError } from 'sparsewave'
 *
 * try {
 *   await openVoice('nobody')
 * } catch (error) {
 *   if (!(error instanceof SparsewaveError)) throw error
 *   console.log(error.code, error.message, error.remedy)
 * }
 * ```
 */
export async function openVoice(name?: string, options: OpenVoiceOptions = {}): Promise<Voice> {
  checkName('vocoder', options.vocoder, VOCODERS)
  const inFolder = name !== undefined && /[/\\]/.test(name)
  const where = inFolder ? { modelsDir: dirname(name) } : { modelsDir: options.modelsDir }
  const package_ = await loadVoice(inFolder ? basename(name) : (name ?? defaultVoice(undefined, where)), where)
  return new LocalVoice(
    package_.manifest,
    await openSynthesizer(package_, { vocoder: options.vocoder }),
    options.vocoder ?? package_.manifest.vocoder,
  )
}

class LocalVoice implements Voice {
  readonly name: string
  readonly language: string
  readonly sampleRate = SAMPLE_RATE
  readonly #synthesizer: Synthesizer
  readonly #vocoder: VocoderKind
  /** Streams that run, each with what ends it. */
  readonly #running = new Map<AbortController, AsyncGenerator<SpeechChunk, void, undefined>>()
  #closed: Promise<void> | undefined

  constructor({ name, language }: VoiceManifest, synthesizer: Synthesizer, vocoder: VocoderKind) {
    this.name = name
    this.language = language
    this.#synthesizer = synthesizer
    this.#vocoder = vocoder
  }

  async *stream(text: TextSource, options: SpeakOptions = {}): AsyncGenerator<SpeechChunk, void, undefined> {
    if (this.#closed) throw closedError(this.name)
    const stop = new AbortController()
    const speech = this.#speak(text, options, stop)
    this.#running.set(stop, speech)
    try {
      yield* speech
    } finally {
      this.#running.delete(stop)
    }
    // Speech that `close` has ended looks complete.
    stop.signal.throwIfAborted()
  }

  async *#speak(text: TextSource, options: SpeakOptions, stop: AbortController) {
    const whole = typeof text === 'string' ? text : undefined
    const checked = checkSpeakOptions(whole, options)
    const ssml = checked.ssml ?? looksLikeSsml(whole ?? '')
    const { signal } = options
    const abort = (): void => stop.abort(signal?.reason)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', abort)
    const speech = { vocoder: this.#vocoder, ...checked, ssml, signal: stop.signal }
    let spoken = false
    try {
      const chunks =
        typeof text === 'string' ? this.#synthesizer.stream(text, speech) : speakPieces(this.#synthesizer, text, speech)
      for await (const chunk of chunks) {
        spoken ||= chunk.samples.length > 0
        yield publicChunk(chunk)
      }
      if (!spoken) throw emptyText()
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  async speak(text: TextSource, options: SpeakOptions & AudioOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const output = checkAudioOptions(options)
    requireFormat(output.format)
    const chunks: Float32Array[] = []
    let length = 0
    for await (const { samples } of this.stream(text, options)) {
      chunks.push(samples)
      length += samples.length
    }
    const encoder = await openEncoder(output, length, 'file')
    try {
      const pieces: Uint8Array[] = []
      for (const samples of chunks) pieces.push(await encoder.encode(samples))
      pieces.push(await encoder.finish())
      // Encoders write to memory of their own, none of it shared.
      return joinBytes(pieces) as Uint8Array<ArrayBuffer>
    } finally {
      encoder.close()
    }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      const ends = Array.from(this.#running, ([stop, speech]) => {
        stop.abort(closedError(this.name))
        return speech.return()
      })
      await Promise.allSettled(ends)
      await this.#synthesizer.close()
    })()
    return this.#closed
  }
}

const closedError = (name: string): SparsewaveError =>
  new SparsewaveError('VOICE_CLOSED', `The voice '${name}' has been closed.`)

const publicChunk = ({ samples, sentence, mark }: Chunk): SpeechChunk => ({
  samples: samples as Float32Array<ArrayBuffer>,
  ...(sentence && { sentence }),
  ...(mark !== undefined && { mark: String(mark) }),
})
