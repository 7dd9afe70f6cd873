/**
 * The inside of a synthesis worker: many streams on one thread, each an asynchronous loop that the scheduler runs chunk by
 * chunk. A stream's state is owned by its entry in `streams` and freed with it.
 */
import { type AudioEncoder, openEncoder } from '../../src/audio/encoders/index.ts'
import { SparsewaveError } from '../../src/errors.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import { LiveText, type SpeechOptions, type Synthesizer } from '../../src/synthesis/index.ts'
import { languageFor } from '../../src/text/index.ts'
import { parseMixture } from '../../src/voices/mixture.ts'
import { type Fault, faultOf } from '../fault.ts'
import {
  type AudioInfo,
  type AudioTiming,
  type Batch,
  type FromWorker,
  type SpeechRequest,
  type ToWorker,
  type WorkerFailure,
  wallTime,
  weightOf,
} from './messages.ts'
import type { Meter } from './meter.ts'
import { DeadlineScheduler } from './scheduler.ts'

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
  /** Measures the cost of the work; without one no load is reported. */
  meter?: Meter
}

/** How often the load is reported, ms. */
const REPORT_LOAD = 500

/** Serves streams on `port` until `stop` comes. Says `ready`, or `failed` when the voice cannot be loaded. */
export async function runWorkerLoop(port: LoopPort, options: LoopOptions): Promise<void> {
  const streams = new Map<number, Stream>()
  const scheduler = new DeadlineScheduler()
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

  /** Streams of each opened voice, so that one that is replaced is closed when its last stream has ended. */
  const users = new Map<Promise<Synthesizer>, number>()
  const use = (name: string): { loading: Promise<Synthesizer>; end: () => void } => {
    const loading = voice(name)
    users.set(loading, (users.get(loading) ?? 0) + 1)
    const end = (): void => {
      const left = users.get(loading)! - 1
      if (left > 0) users.set(loading, left)
      else users.delete(loading)
      if (left === 0 && voices.get(name) !== loading) void closeQuietly(loading)
    }
    return { loading, end }
  }
  const forget = (name: string): void => {
    const loading = voices.get(name)
    voices.delete(name)
    if (loading && !users.has(loading)) void closeQuietly(loading)
  }

  let reporting: NodeJS.Timeout | undefined
  let ready: FromWorker
  try {
    const { defaultVocoder } = await voice(options.voice)
    const { name, why, ...rest } = options.kernel()
    const cost = options.meter?.read().cost
    ready = { type: 'ready', kernel: name, kernelReason: why, ...rest, vocoder: defaultVocoder, ...(cost && { cost }) }
  } catch (error) {
    // No client has sent text yet, so this error holds none and may be logged whole.
    if (!(error instanceof SparsewaveError)) console.error(error)
    port.postMessage({ type: 'failed', error: failure(error) })
    port.close()
    return
  }

  port.on('message', (message) => {
    if (message.type === 'ping') {
      port.postMessage({ type: 'pong' })
      return
    }
    if (message.type === 'forget') {
      for (const name of message.voices) forget(name)
      return
    }
    if (message.type === 'stop') {
      for (const stream of streams.values()) stream.cancel()
      clearInterval(reporting)
      port.close()
      return
    }
    if (message.type === 'open') {
      const { id, request, credit, traced } = message
      const stream = new Stream(id, request, credit, port, scheduler, options.meter, traced)
      streams.set(id, stream)
      let end: (() => void) | undefined
      const load = () => {
        const used = use(firstVoice(request.voice))
        ;({ end } = used)
        return used.loading
      }
      void stream.run(load).finally(() => {
        streams.delete(id)
        end?.()
      })
      return
    }
    // A stream that has just ended may still be spoken to: nothing to do then.
    streams.get(message.id)?.receive(message)
  })
  port.postMessage(ready)
  const { meter } = options
  if (!meter) return
  let quiet = false
  reporting = setInterval(() => {
    const load = meter.read()
    // Once more when the work is done, then not at all.
    if (streams.size === 0 && quiet) return
    quiet = streams.size === 0
    const idle = [...streams.values()].filter((stream) => stream.isIdle).length
    port.postMessage({ type: 'load', idle, ...load })
  }, REPORT_LOAD)
}

class Stream {
  readonly #id: number
  readonly #request: SpeechRequest
  readonly #port: LoopPort
  readonly #scheduler: DeadlineScheduler
  readonly #cancel = new AbortController()
  #clear = new AbortController()
  #clearMark = 0
  #live: LiveText
  #ended = false
  #credit: number
  #creditCame: (() => void) | undefined
  #sentences = 0
  /** Weight of the text messages so far, and how much of it was reported as consumed. */
  #received = 0
  #reported = 0
  #encoder: AudioEncoder | undefined
  /** When playback reaches the end of the audio, ms. */
  #deadline = Number.NEGATIVE_INFINITY
  /** Streams in the batch of this one's last chunk. */
  #batch = 1
  readonly #meter: Meter | undefined
  /** Of a traced stream: the batches since its last audio. */
  #batches: Batch[] | undefined

  constructor(
    id: number,
    request: SpeechRequest,
    credit: number,
    port: LoopPort,
    scheduler: DeadlineScheduler,
    meter: Meter | undefined,
    traced = false,
  ) {
    this.#id = id
    this.#request = request
    this.#credit = credit
    this.#port = port
    this.#scheduler = scheduler
    this.#meter = meter
    if (traced) this.#batches = []
    this.#live = this.#emptyText()
  }

  #emptyText(): LiveText {
    const { input, language } = this.#request
    return new LiveText({
      early: input.kind === 'live' && input.early,
      ...(language !== undefined && { language: languageFor(language) }),
    })
  }

  get #isLive(): boolean {
    return this.#request.input.kind === 'live'
  }

  /** Whether it waits for text and its listener has heard everything. */
  get isIdle(): boolean {
    return this.#isLive && this.#live.waiting === 0 && performance.now() > this.#deadline
  }

  cancel(): void {
    this.#cancel.abort(CANCELLED)
    this.#creditCame?.()
  }

  receive(message: Exclude<ToWorker, { type: 'open' | 'stop' | 'ping' | 'forget' }>): void {
    if (message.type === 'cancel') this.cancel()
    else if (message.type === 'credit') {
      this.#credit += message.samples
      if (this.#credit > 0) this.#creditCame?.()
    } else if (message.type === 'text') {
      this.#received += weightOf(message)
      this.#live.push(message.text)
      this.#reportConsumed()
    } else if (message.type === 'flush') {
      this.#received += weightOf(message)
      this.#live.flush(message.mark)
      this.#reportConsumed()
    } else if (message.type === 'end') {
      this.#ended = true
      this.#live.end()
    } else {
      // Text that comes after the clear belongs to the new source, also while the old one is being stopped.
      this.#live = this.#emptyText()
      if (this.#ended) this.#live.end()
      this.#received += weightOf(message)
      this.#reportConsumed()
      this.#clearMark = message.mark
      this.#clear.abort(CLEARED)
      this.#creditCame?.()
    }
  }

  /** Tells the main thread how much of the text it need not count any more, when it is worth a message. */
  #reportConsumed(): void {
    const consumed = this.#received - this.#live.waiting
    if (consumed - this.#reported < REPORT_CONSUMED && this.#live.waiting > 0) return
    if (consumed > this.#reported)
      this.#port.postMessage({ type: 'consumed', id: this.#id, weight: consumed - this.#reported })
    this.#reported = consumed
  }

  async run(load: () => Promise<Synthesizer>): Promise<void> {
    const id = this.#id
    try {
      const synthesizer = await load()
      const { input } = this.#request
      if (input.kind === 'live') while (!(await this.#speakLive(synthesizer))) {}
      else {
        const whole = input.kind === 'text' ? input.text : input.sentences
        await this.#pump(synthesizer.stream(whole, this.#options()))
      }
      this.#port.postMessage({ type: 'done', id })
    } catch (error) {
      if (error === CANCELLED) this.#port.postMessage({ type: 'done', id })
      else this.#port.postMessage({ type: 'error', id, error: failure(error), ...bugIn(error) })
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
    const { voice, seed, speed, pitch, lexicon, vocoder, measure } = this.#request
    const mixture = parseMixture(voice)
    return {
      seed,
      speed,
      ...(pitch !== undefined && { pitch }),
      ...(mixture && { mixture }),
      ...(lexicon !== undefined && { lexicon }),
      ...(vocoder !== undefined && { vocoder }),
      ...(measure !== undefined && { measure }),
      signal: AbortSignal.any([this.#cancel.signal, this.#clear.signal]),
      scheduler: {
        turn: (work) =>
          this.#scheduler.run(this.#deadline, async (batch) => {
            this.#batch = batch
            if (!this.#batches) return work()
            const start = wallTime()
            const done = await work()
            this.#batches.push({ start, end: wallTime(), streams: batch })
            return done
          }),
        acoustic: (symbols, work) => this.#scheduler.exclusive(this.#deadline, symbols, work),
      },
      onStage: (stage, seconds) => {
        const end = this.#batches ? { end: wallTime() } : {}
        this.#port.postMessage({ type: 'stage', id: this.#id, stage, seconds, ...end })
      },
    }
  }

  async #pump(chunks: ReturnType<Synthesizer['speak']>): Promise<void> {
    const id = this.#id
    const { output } = this.#request
    for await (const { samples, sentence, mark, totalSamples } of chunks) {
      if (mark !== undefined) {
        await this.#finishEncoder()
        this.#port.postMessage({ type: 'flushed', id, mark: Number(mark) })
        this.#deadline = Number.NEGATIVE_INFINITY
      }
      if (sentence) this.#sentences = sentence.index + 1
      if (this.#isLive) this.#reportConsumed()
      if (samples.length > 0) {
        const now = performance.now()
        const late = this.#isLive ? undefined : this.#lateness(now)
        this.#deadline = Math.max(this.#deadline, now) + (samples.length / SAMPLE_RATE) * 1000
        this.#credit -= samples.length
        this.#meter?.add(samples.length / SAMPLE_RATE)
        this.#encoder ??= await openEncoder(output, totalSamples, this.#isLive ? 'part' : 'file')
        const timing = { batch: this.#batch, ...(late !== undefined && { late }) }
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
        // A listener who takes nothing causes the underrun.
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
    if (rest.length > 0) this.#send(rest, { samples: 0, batch: this.#batch })
  }

  /** Seconds by which audio at `now` comes after playback ran out; 0 for the first. */
  #lateness(now: number): number {
    return this.#deadline === Number.NEGATIVE_INFINITY ? 0 : Math.max(0, now - this.#deadline) / 1000
  }

  #send(bytes: Uint8Array, info: AudioInfo & AudioTiming): void {
    // A view of a larger buffer cannot be handed over without the rest of it.
    const own = (bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>
    const batches = this.#batches && this.#batches.length > 0 ? { batches: this.#batches.splice(0) } : {}
    const message = { type: 'audio', id: this.#id, bytes: own, ...info, ...batches } as const
    this.#port.postMessage(message, own.length > 0 ? [own.buffer] : [])
  }
}

/** What has been consumed is reported in steps of so much. */
const REPORT_CONSUMED = 1024

const CANCELLED = new Error('cancelled')
const CLEARED = new Error('cleared')

/** A bug goes to the log. */
const bugIn = (error: unknown): { fault?: Fault } => (error instanceof SparsewaveError ? {} : { fault: faultOf(error) })

/** A voice that did not open has nothing to close. */
const closeQuietly = (loading: Promise<Synthesizer>): Promise<void> =>
  loading.then((synthesizer) => synthesizer.close()).catch(() => {})

/** The voice that is opened for a request: a mixture's first, which speaks as all of them. */
const firstVoice = (name: string): string => Object.keys(parseMixture(name) ?? { [name]: 1 })[0]!

/** An error as the main thread gets it: a user's in full, a bug's without its details. */
export function failure(error: unknown): WorkerFailure {
  if (error instanceof SparsewaveError) return { code: error.code, message: error.message, remedy: error.remedy }
  const hidden = new SparsewaveError('SYNTHESIS_FAILED', 'The audio could not be synthesized.')
  return { code: hidden.code, message: hidden.message, remedy: hidden.remedy }
}
