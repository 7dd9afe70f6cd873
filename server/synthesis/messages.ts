/**
 * What the main thread and a synthesis worker say to each other. A stream is opened, fed with text, and read under
 * credit: the worker makes audio only while the reader has allowed it samples.
 */
import type { Output } from '../../src/audio/encoders/index.ts'
import type { ErrorCode } from '../../src/errors.ts'
import type { SentenceTime, Stage } from '../../src/synthesis/index.ts'
import type { VocoderKind } from '../../src/vocoder/vocoder.ts'
import type { Load } from './meter.ts'

export interface StreamRequest {
  readonly voice: string
  readonly seed: number
  readonly speed: number
  readonly pitch?: number
  /** `text` is SSML. */
  readonly ssml?: boolean
  readonly lexicon?: Readonly<Record<string, string>>
  readonly vocoder?: VocoderKind
  /** What the audio is written as; pcm at 24 kHz unless told. */
  readonly output?: Output
  /** The text of a stream that is not live; live streams get theirs by `text` messages. */
  readonly text?: string
  /** Speak a turn's first clause without waiting for its sentence (live streams). */
  readonly early?: boolean
  /** Find the length before the first sample (`text` only). */
  readonly measure?: boolean
}

export type ToWorker =
  | { type: 'open'; id: number; request: StreamRequest; credit: number }
  | { type: 'text'; id: number; text: string }
  | { type: 'flush'; id: number; mark: number }
  | { type: 'clear'; id: number; mark: number }
  | { type: 'end'; id: number }
  | { type: 'credit'; id: number; samples: number }
  | { type: 'cancel'; id: number }
  | { type: 'stop' }

/** What is told with a piece of audio. */
export interface AudioInfo {
  /** Samples at 24 kHz that were made for it; its bytes may come with a later piece, where the format needs more. */
  readonly samples: number
  /** The sentence that begins with it. */
  readonly sentence?: SentenceTime
}

/** What the metrics are told with a piece of audio. */
export interface AudioTiming {
  /** Streams that were at work side by side when it was made. */
  readonly company: number
  /** Seconds by which it came after a real-time listener had heard all before it; not told of live streams, whose text may be late. */
  readonly late?: number
}

export const WORKER_KINDS = ['thread', 'process'] as const
export type WorkerKind = (typeof WORKER_KINDS)[number]

export interface WorkerFailure {
  readonly code: ErrorCode
  readonly message: string
  readonly remedy: string
}

export type FromWorker =
  | {
      type: 'ready'
      kernel: string
      kernelReason: string
      precision: string
      layers?: string
      sparsity: number
      vocoder: VocoderKind
      cost?: number
    }
  | { type: 'failed'; error: WorkerFailure }
  /** Told twice a second while there is something to tell; `idle` streams wait for text and have nothing to say. */
  | ({ type: 'load'; idle: number } & Load)
  | ({ type: 'audio'; id: number; bytes: Uint8Array<ArrayBuffer> } & AudioInfo & AudioTiming)
  | { type: 'flushed'; id: number; mark: number }
  | { type: 'cleared'; id: number; mark: number }
  | { type: 'stage'; id: number; stage: Stage; seconds: number }
  | { type: 'done'; id: number }
  | { type: 'error'; id: number; error: WorkerFailure }

/** The part of a worker thread, of a process or of a MessagePort that the pool uses. */
export interface WorkerPort {
  postMessage(message: ToWorker): void
  on(event: 'message', listener: (message: FromWorker) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'exit', listener: (code: number, why?: string) => void): unknown
  terminate(): unknown
}
