/**
 * The inside of a synthesis worker: many streams on one thread, each a loop of its own that takes turns with the
 * others chunk by chunk. A stream's state is owned by its entry in `streams` and freed when the entry goes.
 */
import { type AudioEncoder, openEncoder } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import { LiveText, type SpeechOptions, type Synthesizer } from '../../src/synthesis/index.ts'
import type { AudioInfo, AudioTiming, FromWorker, StreamRequest, ToWorker, WorkerFailure } from './messages.ts'
import type { Meter } from './meter.ts'
import { Turns } from './turns.ts'

export interface LoopPort {
  postMessage(message: FromWorker, transfer?: ArrayBuffer[]): void
  on(event: 'message', listener: (message: ToWorker) => void): unknown
  close(): void
}

export interface LoopOptions {
  /** Synthesizer of a voice; called once a voice. */
  load(voice: string): Promise<Synthesizer>
  /** Voice loaded before `ready` is said. */
  voice: string
  /** The kernel in use and why, and the share of the voice's weights that are zero; asked once the voice is loaded. */
  kernel(): { name: string; why: string; precision: string; layers?: string; sparsity: number }
  /** Measures what the work costs; without one nothing is told of it. */
  meter?: Meter
}

/** How often the load is told, ms. */
const TELL_LOAD = 500

/** Serves streams on `port` until `stop` comes. Says `ready`, or `failed` when the voice cannot be loaded. */
export async function runWorkerLoop(port: LoopPort, options: LoopOptions): Promise<void> {
  const streams = new Map<number, Stream>()
  const turns = new Turns()
  const voices = new Map<string, Promise<Synthesizer>>()
  const voice = (name: string): Promise<Synthesizer> => {
    let loading = voices.get(name)
    if (loading === undefined) {
      loading = options.load(name)
      voices.set(name, loading)
      loading.catch(() => voices.delete(name))
    }
    return loading
  }

  let telling: NodeJS.Timeout | undefined
  let ready: FromWorker
  try {
    const { defaultVocoder } = await voice(options.voice)
    const { name, why, ...rest } = options.kernel()
    const cost = options.meter?.read().cost
    ready = { type: 'ready', kernel: name, kernelReason: why, ...rest, vocoder: defaultVocoder, ...(cost && { cost }) }
  } catch (error) {
    port.postMessage({ type: 'failed', error: failure(error) })
    port.close()
    return
  }

  port.on('message', (message) => {
    if (message.type === 'stop') {
      for (const stream of streams.values()) stream.cancel()
      clearInterval(telling)
      port.close()
      return
    }
    if (message.type === 'open') {
      const { id, request, credit } = message
      const stream = new Stream(id, request, credit, port, turns, options.meter)
      streams.set(id, stream)
      void stream.run(() => voice(request.voice)).finally(() => streams.delete(id))
      return
    }
    // A stream that has just ended may still be spoken to: nothing to do then.
    streams.get(message.id)?.receive(message)
  })
  port.postMessage(ready)
  const { meter } = options
  if (!meter) return
  let quiet = false
  telling = setInterval(() => {
    const load = meter.read()
    // Once more when the work is done, then not at all.
    if (streams.size === 0 && quiet) return
    quiet = streams.size === 0
    const idle = [...streams.values()].filter((stream) => stream.isIdle).length
    port.postMessage({ type: 'load', idle, ...load })
  }, TELL_LOAD)
}

class Stream {
  readonly #id: number
  readonly #request: StreamRequest
  readonly #port: LoopPort
  readonly #turns: Turns
  readonly #cancel = new AbortController()
  #clear = new AbortController()
  #clearMark = 0
  #live: LiveText
  #ended = false
  #credit: number
  #creditCame: (() => void) | undefined
  #sentences = 0
  #encoder: AudioEncoder | undefined
  /** When the listener will have heard everything, ms. */
  #deadline = Number.NEGATIVE_INFINITY
  /** Streams at work in this one's last turn. */
  #company = 1
  readonly #meter: Meter | undefined

  constructor(
    id: number,
    request: StreamRequest,
    credit: number,
    port: LoopPort,
    turns: Turns,
    meter: Meter | undefined,
  ) {
    this.#id = id
    this.#request = request
    this.#credit = credit
    this.#port = port
    this.#turns = turns
    this.#meter = meter
    this.#live = new LiveText(request)
  }

  /** Whether it waits for text and its listener has heard everything. */
  get isIdle(): boolean {
    return this.#request.text === undefined && this.#live.waiting === 0 && performance.now() > this.#deadline
  }

  cancel(): void {
    this.#cancel.abort(CANCELLED)
    this.#creditCame?.()
  }

  receive(message: Exclude<ToWorker, { type: 'open' } | { type: 'stop' }>): void {
    if (message.type === 'cancel') this.cancel()
    else if (message.type === 'credit') {
      this.#credit += message.samples
      if (this.#credit > 0) this.#creditCame?.()
    } else if (message.type === 'text') {
      this.#live.push(message.text)
      if (this.#live.waiting > MAX_WAITING) this.#cancel.abort(tooMuch())
    } else if (message.type === 'flush') this.#live.flush(message.mark)
    else if (message.type === 'end') {
      this.#ended = true
      this.#live.end()
    } else {
      // Text that comes after the clear belongs to the new source, also while the old one is being stopped.
      this.#live = new LiveText(this.#request)
      if (this.#ended) this.#live.end()
      this.#clearMark = message.mark
      this.#clear.abort(CLEARED)
      this.#creditCame?.()
    }
  }

  async run(load: () => Promise<Synthesizer>): Promise<void> {
    const id = this.#id
    try {
      const synthesizer = await load()
      if (this.#request.text !== undefined) {
        await this.#pump(synthesizer.stream(this.#request.text, this.#options()))
      } else {
        while (!(await this.#speakLive(synthesizer))) {}
      }
      this.#port.postMessage({ type: 'done', id })
    } catch (error) {
      if (error === CANCELLED) this.#port.postMessage({ type: 'done', id })
      else this.#port.postMessage({ type: 'error', id, error: failure(error) })
    } finally {
      this.#encoder?.close()
    }
  }

  /** Speaks what comes until the text ends (true) or is cleared (false). */
  async #speakLive(synthesizer: Synthesizer): Promise<boolean> {
    try {
      await this.#pump(synthesizer.speak(this.#live, { ...this.#options(), firstSentence: this.#sentences }))
      if (!this.#clear.signal.aborted) return true
    } catch (error) {
      if (error !== CLEARED) throw error
    }
    this.#encoder?.close()
    this.#encoder = undefined
    this.#clear = new AbortController()
    this.#deadline = Number.NEGATIVE_INFINITY
    this.#port.postMessage({ type: 'cleared', id: this.#id, mark: this.#clearMark })
    return false
  }

  #options(): SpeechOptions {
    const { seed, speed, pitch, lexicon, ssml, vocoder, measure } = this.#request
    return {
      seed,
      speed,
      ...(pitch !== undefined && { pitch }),
      ...(ssml !== undefined && { ssml }),
      ...(lexicon !== undefined && { lexicon }),
      ...(vocoder !== undefined && { vocoder }),
      ...(measure !== undefined && { measure }),
      signal: AbortSignal.any([this.#cancel.signal, this.#clear.signal]),
      scheduler: {
        turn: (work) =>
          this.#turns.take(this.#deadline, (company) => {
            this.#company = company
            return work()
          }),
        acoustic: (symbols, work) => this.#turns.exclusive(this.#deadline, symbols, work),
      },
      onStage: (stage, seconds) => this.#port.postMessage({ type: 'stage', id: this.#id, stage, seconds }),
    }
  }

  async #pump(chunks: ReturnType<Synthesizer['speak']>): Promise<void> {
    const id = this.#id
    const output = this.#request.output ?? { format: 'pcm' }
    for await (const { samples, sentence, mark, totalSamples } of chunks) {
      if (mark !== undefined) {
        await this.#finishEncoder()
        this.#port.postMessage({ type: 'flushed', id, mark: Number(mark) })
        this.#deadline = Number.NEGATIVE_INFINITY
      }
      if (sentence) this.#sentences = sentence.index + 1
      if (samples.length > 0) {
        const now = performance.now()
        const late = this.#request.text === undefined ? undefined : this.#lateness(now)
        this.#deadline = Math.max(this.#deadline, now) + (samples.length / SAMPLE_RATE) * 1000
        this.#credit -= samples.length
        this.#meter?.made(samples.length / SAMPLE_RATE)
        this.#encoder ??= await openEncoder(output, totalSamples)
        const timing = { company: this.#company, ...(late !== undefined && { late }) }
        this.#send(await this.#encoder.encode(samples), {
          samples: samples.length,
          ...(sentence && { sentence }),
          ...timing,
        })
      }
      while (this.#credit <= 0 && !this.#cancel.signal.aborted && !this.#clear.signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#creditCame = resolve
        })
        this.#creditCame = undefined
        // A listener who takes nothing makes the gap himself.
        this.#deadline = Math.max(this.#deadline, performance.now())
      }
      this.#cancel.signal.throwIfAborted()
      if (this.#clear.signal.aborted) throw CLEARED
    }
    await this.#finishEncoder()
  }

  /** Gives out what the encoder holds back; what follows is a file of its own. */
  async #finishEncoder(): Promise<void> {
    const encoder = this.#encoder
    if (!encoder) return
    this.#encoder = undefined
    const rest = await encoder.finish()
    encoder.close()
    if (rest.length > 0) this.#send(rest, { samples: 0, company: this.#company })
  }

  /** Seconds by which audio at `now` comes too late for a listener; 0 for the first. */
  #lateness(now: number): number {
    return this.#deadline === Number.NEGATIVE_INFINITY ? 0 : Math.max(0, now - this.#deadline) / 1000
  }

  #send(bytes: Uint8Array, info: AudioInfo & AudioTiming): void {
    // A view of a larger buffer cannot be handed over without the rest of it.
    const own = (bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>
    this.#port.postMessage({ type: 'audio', id: this.#id, bytes: own, ...info }, own.length > 0 ? [own.buffer] : [])
  }
}

/** Characters that may wait to be spoken on one live stream: about an hour of speech. */
const MAX_WAITING = 65536
const tooMuch = (): SparsewaveError =>
  new SparsewaveError('INPUT_TOO_LONG', `More than ${MAX_WAITING} characters wait to be spoken.`)

const CANCELLED = new Error('cancelled')
const CLEARED = new Error('cleared')

/** What the main thread is told of an error: a user's in full, a bug's without its innards. */
export function failure(error: unknown): WorkerFailure {
  if (error instanceof SparsewaveError) return { code: error.code, message: error.message, remedy: error.remedy }
  console.error(error)
  const hidden = new SparsewaveError('SYNTHESIS_FAILED', 'The audio could not be made.')
  return { code: hidden.code, message: hidden.message, remedy: hidden.remedy }
}
