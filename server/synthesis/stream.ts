/**
 * A stream as the main thread sees it: events in order, and credit given back as the client takes the audio.
 * It ends exactly once, with `done` or `error`, whatever happens to its worker.
 */
import type { SparsewaveError } from '../../src/errors.ts'
import type { SpeechTrace } from '../tracing.ts'
import type { AudioInfo, SpeechRequest } from './messages.ts'

export interface StreamEvents {
  /** Hears of what the stream waits for and what its worker does. */
  readonly trace?: SpeechTrace
  /** A worker has the stream; before that it waits in the queue. A stream whose worker died may be given to a second one. */
  started?(): void
  /** Bytes as the request's `output` says; may be none. `taken()` must be called once they have left: it lets the worker go on. */
  audio(bytes: Uint8Array, info: AudioInfo, taken: () => void): void
  flushed?(mark: number): void
  cleared?(mark: number): void
  done(): void
  error(error: SparsewaveError): void
}

/** What a holder of a stream may do with it; all of it is harmless after the end. */
export interface StreamHandle {
  readonly request: SpeechRequest
  /** The stream ends with INPUT_TOO_LONG or SERVER_BUSY when too much text waits. */
  text(piece: string): void
  /** Speaks what is buffered; `flushed(mark)` follows its last audio. */
  flush(mark: number): void
  /** Drops what is not spoken yet; no audio of it comes after this call. `cleared(mark)` follows. */
  clear(mark: number): void
  /** No more text: the stream ends when everything is spoken. */
  end(): void
  /** Ends the stream at once; no event follows. */
  cancel(): void
}
