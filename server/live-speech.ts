/**
 * Speech on a connection that stays open, whatever its protocol: a stream of the pool whose metrics and line in the log are
 * kept here.
 */
import { SparsewaveError } from '../src/errors.ts'
import { SAMPLE_RATE } from '../src/frames.ts'
import type { Caller } from './access/gate.ts'
import type { ServerDeps } from './deps.ts'
import { outcomeOf } from './metrics.ts'
import type { AudioInfo, StreamRequest } from './synthesis/messages.ts'
import type { StreamHandle } from './synthesis/stream.ts'

/** With `text` the whole of it is spoken; else it comes piece by piece. */
export type SpeechRequest = Omit<StreamRequest, 'measure'>

/** The connection that a speech belongs to. */
export interface SpeechOwner {
  readonly id: string
  readonly deps: ServerDeps
  readonly caller: Caller | undefined
}

export interface SpeechEvents {
  audio(bytes: Uint8Array, info: AudioInfo, taken: () => void): void
  flushed(): void
  cleared(): void
  done(): void
  error(error: SparsewaveError): void
}

/** One stream of a connection. */
export class Speech {
  readonly #owner: SpeechOwner
  readonly #route: string
  readonly #format: string
  readonly #stream: StreamHandle
  readonly #ended: () => void
  readonly #startedAt = performance.now()
  #marks = 0
  /** Clears the client waits for: mark of each. */
  readonly #clears: number[] = []
  /** When text came that no audio has followed yet, ms. */
  #textAt: number | undefined
  #firstMs: number | undefined
  #characters = 0
  #samples = 0
  #over = false
  #spoken = ''

  constructor(owner: SpeechOwner, request: SpeechRequest, events: SpeechEvents, route: string, ended: () => void) {
    this.#owner = owner
    this.#route = route
    this.#ended = ended
    this.#format = request.output?.format ?? 'pcm'
    const { metrics, pool } = owner.deps
    this.#stream = pool.open(request, {
      audio: (bytes, info, taken) => {
        this.#samples += info.samples
        if (this.#textAt !== undefined && bytes.length > 0) {
          const waited = performance.now() - this.#textAt
          this.#firstMs ??= Math.round(waited)
          metrics.firstAudio.observe({ route }, waited / 1000)
          this.#textAt = undefined
        }
        events.audio(bytes, info, taken)
      },
      flushed: () => {
        this.#textAt = undefined
        events.flushed()
      },
      cleared: (mark) => {
        while (this.#clears.length > 0 && this.#clears[0]! <= mark) {
          this.#clears.shift()
          events.cleared()
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
    })
    if (request.text !== undefined) this.#count(request.text)
  }

  text(piece: string): void {
    this.#count(piece)
    this.#stream.text(piece)
  }

  #count(piece: string): void {
    const { deps } = this.#owner
    this.#textAt ??= performance.now()
    this.#characters += piece.length
    if (deps.config.logText) this.#spoken += piece
    deps.metrics.inputCharacters.inc(piece.length)
  }

  flush(): void {
    this.#stream.flush(++this.#marks)
  }

  clear(): void {
    this.#textAt = undefined
    this.#clears.push(++this.#marks)
    this.#stream.clear(this.#marks)
  }

  end(): void {
    this.#stream.end()
  }

  /** Ends the stream at once; no event follows. */
  cancel(): void {
    if (this.#over) return
    this.#settle('cancelled')
    this.#stream.cancel()
  }

  #settle(outcome: string): void {
    if (this.#over) return
    this.#over = true
    this.#ended()
    const { metrics, logger, config } = this.#owner.deps
    const ms = performance.now() - this.#startedAt
    metrics.requests.inc({ route: this.#route, model: 'sparsewave', format: this.#format, outcome })
    if (this.#samples > 0) metrics.duration.observe({ route: this.#route, format: this.#format }, ms / 1000)
    const { voice, seed } = this.#stream.request
    logger.info({
      id: this.#owner.id,
      path: this.#route,
      caller: this.#owner.caller?.name,
      outcome,
      voice,
      seed,
      format: this.#format,
      characters: this.#characters,
      audio_s: Number((this.#samples / SAMPLE_RATE).toFixed(2)),
      ...(this.#firstMs !== undefined && { first_ms: this.#firstMs }),
      ...(config.logText && { text: this.#spoken }),
      ms: Math.round(ms),
    })
  }
}

/** What a client may be told of an error; the rest goes to the log. */
export function tellable(error: unknown, { id, deps }: Pick<SpeechOwner, 'id' | 'deps'>): SparsewaveError {
  if (error instanceof SparsewaveError) return error
  deps.logger.error({ id, err: error }, 'a message failed inside the server')
  return new SparsewaveError('SYNTHESIS_FAILED', 'The request failed inside the server.')
}
