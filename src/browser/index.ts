/**
 * The public face of `sparsewave/browser`: the same voices inside a page, with no server at work. Synthesis runs in a
 * worker of its own, on WebAssembly.
 */
import { checkSpeakOptions } from '../api/options.ts'
import type { SpeakOptions, SpeechChunk } from '../api/types.ts'
import { type ErrorCode, SparsewaveError } from '../errors.ts'
import { SAMPLE_RATE } from '../frames.ts'
import type { SentenceTime } from '../synthesis/times.ts'
import type { FromBrowserWorker, ToBrowserWorker } from './messages.ts'

export type { SpeakOptions, SpeechChunk } from '../api/types.ts'
export { type ErrorCode, SparsewaveError } from '../errors.ts'
export type { PhonemeTime, SentenceTime, WordTime } from '../synthesis/times.ts'
export type { VocoderKind } from '../vocoder/vocoder.ts'

/** How a voice is fetched. */
export interface OpenVoiceOptions {
  /**
   * URL of the folder with the engine's files: a copy of `node_modules/sparsewave/build/web`. Default: the folder that
   * this module came from, which is right unless a bundler has moved it.
   */
  readonly assets?: string | URL | undefined
  /** Sent as `Authorization: Bearer KEY`, for servers that ask for one. */
  readonly apiKey?: string | undefined
  /** Called while files arrive, with bytes so far and bytes in all. Never called when the browser has kept them. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined
}

/** A voice inside a page. */
export interface BrowserVoice {
  /** Hz: 24000. */
  readonly sampleRate: number
  /**
   * Speaks a text and gives out the samples while they are synthesized. The vocoder is `source-filter` unless `vocoder`
   * says another. One text at a time: a new one ends the one before it with an `AbortError`.
   *
   * @throws SparsewaveError `INPUT_EMPTY` when there is no text, `REQUEST_INVALID` for an option out of its
   * range or wrong SSML, `VOICE_CLOSED` after `close`. The reason of `signal` when it fires.
   */
  stream(text: string, options?: SpeakOptions): AsyncGenerator<SpeechChunk, void, undefined>
  /** Ends the worker and frees its memory. */
  close(): void
}

/**
 * Fetches a voice and starts the worker that speaks. The browser keeps the files, so a second visit fetches none.
 *
 * `voice` is the URL of the voice's folder, relative to the page: a copy of `node_modules/sparsewave/models/heart`, or
 * `/v1/audio/voices/heart` on a sparsewave server.
 *
 * @throws SparsewaveError `VOICE_DAMAGED` when a file cannot be fetched or does not match its checksum, `VOICE_MISMATCH` when
 * the voice is for another version, `INVALID_API_KEY`.
 * @example
 * ```ts
 * import { openVoice } from 'sparsewave/browser'
 *
 * const voice = await openVoice('/voices/heart/', { assets: '/sparsewave/' })
 * let seconds = 0
 * for await (const { samples } of voice.stream('Hello there.')) seconds += samples.length / voice.sampleRate
 * console.log(`${seconds.toFixed(1)} s of speech`)
 * voice.close()
 * ```
 */
export async function openVoice(voice: string | URL, options: OpenVoiceOptions = {}): Promise<BrowserVoice> {
  // Not `new URL('.', import.meta.url)`: bundlers take that for a file to copy.
  const { assets = import.meta.url.replace(/[^/]*$/, ''), apiKey, onProgress } = options
  const speaker = new WorkerVoice({
    voice: folderUrl(voice),
    engine: folderUrl(assets),
    ...(apiKey !== undefined && { key: apiKey }),
  })
  try {
    await speaker.open(onProgress)
  } catch (error) {
    speaker.close()
    throw error
  }
  return speaker
}

/** Absolute, with a slash at its end. */
const folderUrl = (url: string | URL): string => new URL(url, location.href).href.replace(/\/*$/, '/')

type Source = { readonly voice: string; readonly engine: string; readonly key?: string }
type Listener = { message(message: FromBrowserWorker): void; fail(reason: unknown): void }

class WorkerVoice implements BrowserVoice {
  readonly sampleRate = SAMPLE_RATE
  readonly #source: Source
  readonly #worker: Worker
  #id = 0
  /** Whoever hears what the worker says of request #id. */
  #listener: Listener | undefined
  #closed = false

  constructor(source: Source) {
    this.#source = source
    this.#worker = startWorker(`${source.engine}worker.js`)
    this.#worker.onmessage = ({ data }) => {
      const message = data as FromBrowserWorker
      if (message.id === this.#id) this.#listener?.message(message)
    }
    this.#worker.onerror = ({ message }) => {
      const detail = message ? `: ${message}` : '.'
      this.#listener?.fail(
        new SparsewaveError('VOICE_DAMAGED', `${source.engine}worker.js cannot be started${detail}`, {
          remedy: 'Pass the URL of a copy of node_modules/sparsewave/build/web as `assets`.',
        }),
      )
    }
  }

  open(onProgress: OpenVoiceOptions['onProgress']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#post(
        { type: 'open', ...this.#source },
        {
          message(message) {
            if (message.type === 'progress') onProgress?.(message.loaded, message.total)
            else if (message.type === 'ready') resolve()
            else if (message.type === 'error') reject(errorOf(message))
          },
          fail: reject,
        },
      )
    })
  }

  async *stream(text: string, options: SpeakOptions = {}): AsyncGenerator<SpeechChunk, void, undefined> {
    if (this.#closed) throw closedError()
    const { signal, ...checked } = checkSpeakOptions(text, options)
    signal?.throwIfAborted()
    const heard: SpeechChunk[] = []
    let sentence: SentenceTime | undefined
    let over = false
    let failure: { readonly reason: unknown } | undefined
    let wake = (): void => {}
    const fail = (reason: unknown): void => {
      failure ??= { reason }
      wake()
    }
    const listener: Listener = {
      message(message) {
        if (message.type === 'sentence') {
          const { type, id, ...times } = message
          sentence = times
        } else if (message.type === 'mark') heard.push({ samples: new Float32Array(0), mark: message.name })
        else if (message.type === 'audio') {
          heard.push({ samples: toSamples(message.pcm), ...(sentence && { sentence }) })
          sentence = undefined
        } else if (message.type === 'done') over = true
        else if (message.type === 'error') return fail(errorOf(message))
        wake()
      },
      fail,
    }
    const id = this.#post({ type: 'speak', input: text, ...checked, ...this.#source }, listener)
    const abort = (): void => fail(signal?.reason)
    signal?.addEventListener('abort', abort)
    try {
      for (;;) {
        const chunk = heard.shift()
        if (failure) throw failure.reason
        if (chunk) yield chunk
        else if (over) return
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      if (id === this.#id && !over && !this.#closed) {
        this.#listener = undefined
        this.#worker.postMessage({ type: 'stop' } satisfies ToBrowserWorker)
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#worker.terminate()
    this.#listener?.fail(closedError())
    this.#listener = undefined
  }

  #post(message: Unnumbered<Exclude<ToBrowserWorker, { type: 'stop' }>>, listener: Listener): number {
    this.#listener?.fail(new DOMException('A newer text took the place of this one.', 'AbortError'))
    this.#listener = listener
    this.#worker.postMessage({ ...message, id: ++this.#id } satisfies ToBrowserWorker)
    return this.#id
  }
}
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never

/** A module worker. Scripts of another origin start from a blob, which browsers demand. */
function startWorker(url: string): Worker {
  if (new URL(url).origin === location.origin) return new Worker(url, { type: 'module' })
  const blob = new Blob([`import ${JSON.stringify(url)}`], { type: 'text/javascript' })
  return new Worker(URL.createObjectURL(blob), { type: 'module' })
}

function toSamples(pcm: Int16Array): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(pcm.length)
  for (let i = 0; i < samples.length; i++) samples[i] = pcm[i]! / 32767
  return samples
}

const closedError = (): SparsewaveError => new SparsewaveError('VOICE_CLOSED', 'The voice has been closed.')

const errorOf = ({ code, message, remedy }: Extract<FromBrowserWorker, { type: 'error' }>): SparsewaveError =>
  new SparsewaveError(code as ErrorCode, message, { remedy })
