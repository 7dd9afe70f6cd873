/**
 * One speech of a client, whatever its protocol: a stream of the pool with its metrics and its line in the log. HTTP
 * requests, WebSockets and Wyoming all go through here, so that they are counted alike.
 */
import { SparsewaveError } from '../src/errors.ts'
import { SAMPLE_RATE } from '../src/frames.ts'
import { type Language, scriptsOf, unreadableMessage } from '../src/text/index.ts'
import type { Caller } from './access/gate.ts'
import type { ServerDeps } from './deps.ts'
import { faultOf } from './fault.ts'
import { outcomeOf } from './metrics.ts'
import type { SpeechRequest } from './synthesis/messages.ts'
import type { StreamEvents, StreamHandle } from './synthesis/stream.ts'
import { SpeechTrace, type Traced } from './tracing.ts'
import { languageOf } from './voices.ts'

/** Who speaks and how it is counted. */
export interface SpeechOwner {
  readonly id: string
  readonly deps: ServerDeps
  /** The span that the speech belongs to. */
  readonly traced?: Traced | undefined
  readonly caller: Caller | undefined
  /** Label of the metrics. */
  readonly route: string
  /** Label of the metrics; `sparsewave` unless the request named another of the models. */
  readonly model?: string
  /** When the request came, ms, where that was before the speech was opened. */
  readonly startedAt?: number
  /** Characters of a text that is spoken as a whole, as the client wrote it. */
  readonly text?: string
  /** Called for each flush and clear: they cost a worker much more than text does. */
  control?(): void
  /** Takes the fields of the line in the log, once. Default: a line of its own. */
  log?(fields: Record<string, unknown>): void
}

export type SpeechEvents = Required<Omit<StreamEvents, 'flushed' | 'cleared' | 'started' | 'trace'>> & {
  /** Text came in scripts that the voice's language does not read; each is named once. */
  unread?(scripts: readonly string[], message: string): void
  started?(): void
  flushed?(): void
  cleared?(): void
}

/** A client that writes nothing for so long, ms, has ended its turn as far as a server that stops can wait. */
export const QUIET = 2000

export class Speech {
  readonly #owner: SpeechOwner
  readonly #stream: StreamHandle
  readonly #ended: () => void
  readonly #startedAt: number
  #marks = 0
  /** Clears the client waits for: mark of each. */
  readonly #clears: number[] = []
  /** When text came that no audio has followed yet, ms. */
  #textAt: number | undefined
  #firstMs: number | undefined
  #characters = 0
  #samples = 0
  #over = false
  /** Live text came that no flush has followed yet. */
  #isWriting = false
  /** Runs once the speech is to end with the turn. */
  #leaving: NodeJS.Timeout | undefined
  #spoken = ''
  readonly #language: Language
  /** Scripts that came and are not read. */
  readonly #unread = new Set<string>()
  readonly #events: SpeechEvents
  readonly #trace: SpeechTrace

  /** Throws SERVER_BUSY, SERVER_STOPPING. `ended` is called once, before the event that ends the speech. */
  constructor(owner: SpeechOwner, request: SpeechRequest, events: SpeechEvents, ended: () => void = () => {}) {
    this.#owner = owner
    this.#ended = ended
    this.#events = events
    this.#language = languageOf(request.voice, owner.deps.catalogue)
    this.#startedAt = owner.startedAt ?? performance.now()
    const { metrics } = owner.deps
    const { route } = owner
    const trace = new SpeechTrace(owner.traced, () => ({
      'tts.route': route,
      'tts.voice': request.voice,
      'tts.format': request.output.format,
    }))
    this.#trace = trace
    this.#stream = this.#open(
      { ...request, language: this.#language.tag },
      {
        trace,
        started: () => events.started?.(),
        audio: (bytes, info, taken) => {
          this.#samples += info.samples
          if (this.#textAt !== undefined && bytes.length > 0) {
            const waited = performance.now() - this.#textAt
            this.#firstMs ??= Math.round(waited)
            metrics.firstAudio.observe({ labels: { route }, value: waited / 1000, exemplarLabels: trace.exemplar })
            trace.firstAudio()
            this.#textAt = undefined
          }
          events.audio(bytes, info, taken)
        },
        flushed: () => {
          this.#textAt = undefined
          events.flushed?.()
        },
        cleared: (mark) => {
          while (this.#clears.length > 0 && this.#clears[0]! <= mark) {
            this.#clears.shift()
            events.cleared?.()
          }
        },
        done: () => {
          this.#settle('ok')
          events.done()
        },
        error: (error) => {
          this.#settle(outcomeOf(error.status))
          events.error(error)
        },
      },
    )
    if (owner.text !== undefined) this.#count(owner.text, this.#startedAt)
  }

  #open(request: SpeechRequest, events: StreamEvents): StreamHandle {
    const { deps, caller } = this.#owner
    try {
      return deps.pool.open(request, events, caller?.name)
    } catch (error) {
      this.#trace.settle(error instanceof SparsewaveError ? outcomeOf(error.status) : 'server_error', () => ({}))
      throw error
    }
  }

  get request(): SpeechRequest {
    return this.#stream.request
  }

  /** Seconds of audio so far. */
  get seconds(): number {
    return this.#samples / SAMPLE_RATE
  }

  text(piece: string): void {
    this.#count(piece, performance.now())
    this.#isWriting = true
    this.#leaving?.refresh()
    this.#stream.text(piece)
  }

  #count(piece: string, at: number): void {
    const { deps } = this.#owner
    this.#textAt ??= at
    this.#characters += piece.length
    if (deps.config.logText) this.#spoken += piece
    deps.metrics.inputCharacters.inc(piece.length)
    this.#checkScripts(piece)
  }

  #checkScripts(piece: string): void {
    const unreadable = this.#language.unreadable(piece).filter(({ script }) => !this.#unread.has(script))
    if (unreadable.length === 0) return
    const scripts = scriptsOf(unreadable)
    for (const script of scripts) this.#unread.add(script)
    this.#events.unread?.(scripts, unreadableMessage(unreadable, this.#language))
  }

  flush(): void {
    this.#owner.control?.()
    this.#stream.flush(++this.#marks)
    this.#turnIsOver()
  }

  clear(): void {
    this.#owner.control?.()
    this.#stream.clear(++this.#marks)
    this.#textAt = undefined
    this.#clears.push(this.#marks)
    this.#turnIsOver()
  }

  #turnIsOver(): void {
    this.#isWriting = false
    if (this.#leaving) this.end()
  }

  end(): void {
    clearTimeout(this.#leaving)
    this.#stream.end()
  }

  /** Ends the speech with the client's turn: its next flush, or a while without text. At once where no turn is open. */
  endSoon(): void {
    if (this.#over || this.#leaving) return
    if (this.#isWriting) this.#leaving = setTimeout(() => this.end(), QUIET)
    else this.end()
  }

  /** Ends the stream at once; no event follows. */
  cancel(outcome = 'cancelled'): void {
    if (this.#over) return
    this.#settle(outcome)
    this.#stream.cancel()
  }

  #settle(outcome: string): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#leaving)
    this.#ended()
    const { deps, route, model = 'sparsewave', caller } = this.#owner
    const { metrics, config } = deps
    const { voice, seed, output, input } = this.#stream.request
    const { format } = output
    const ms = performance.now() - this.#startedAt
    metrics.requests.inc({ route, model, format, outcome })
    if (outcome === 'ok' && this.#samples > 0) {
      metrics.duration.observe({ labels: { route, format }, value: ms / 1000, exemplarLabels: this.#trace.exemplar })
      // Live text may be written as slowly as it is spoken: its time says nothing of the server.
      if (input.kind !== 'live') metrics.realTimeFactor.observe({ route }, ms / 1000 / this.seconds)
    }
    this.#trace.settle(outcome, () => ({
      'tts.characters': this.#characters,
      'tts.audio_seconds': this.seconds,
      ...(this.#firstMs !== undefined && { 'tts.first_audio_ms': this.#firstMs }),
    }))
    const fields = {
      outcome,
      voice,
      seed,
      format,
      characters: this.#characters,
      audio_s: Number(this.seconds.toFixed(2)),
      ...(this.#firstMs !== undefined && { first_ms: this.#firstMs }),
      ...(this.#unread.size > 0 && { unread: [...this.#unread] }),
      ...(config.logText && { text: this.#spoken }),
    }
    if (this.#owner.log) this.#owner.log(fields)
    else {
      const { id } = this.#owner
      const { logged } = this.#trace
      deps.logger.info({ id, path: route, caller: caller?.name, ...logged, ...fields, ms: Math.round(ms) })
    }
  }
}

/** Errors that name files, kernels or packages of the server's: an operator's business, not a client's. */
const OPERATORS = new Set(['VOICE_DAMAGED', 'VOICE_MISMATCH', 'WEIGHTS_INVALID', 'RUNTIME_MISSING'])
const isOperators = ({ code, status }: SparsewaveError): boolean =>
  OPERATORS.has(code) || (status >= 500 && /^(?:KERNEL|PRECISION|DISK|ENGINE|QUEUE_UNAVAILABLE)/.test(code))

/** An error as a client may see it. What it may not see goes to the log. */
export function publicError(
  error: unknown,
  { id, deps, traced }: Pick<SpeechOwner, 'id' | 'deps' | 'traced'>,
): SparsewaveError {
  if (error instanceof SparsewaveError && !isOperators(error)) return error
  const line = { id, ...traced?.logged }
  if (error instanceof SparsewaveError) {
    deps.logger.error(
      { ...line, code: error.code, detail: error.message },
      'a voice or a part of the server cannot be used',
    )
    return new SparsewaveError(error.code, 'The server cannot use this voice.', {
      remedy: 'Ask for another voice, or tell whoever runs the server.',
    })
  }
  deps.logger.error({ ...line, fault: faultOf(error) }, 'a message failed inside the server')
  return new SparsewaveError('SYNTHESIS_FAILED', 'The request failed inside the server.')
}
