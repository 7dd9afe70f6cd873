/**
 * Messages between the main thread and a synthesis worker. A stream is opened, fed with text, and read under credit:
 * the worker synthesizes only as many samples as the reader has allowed.
 */
import type { Output } from '../../src/audio/encoders/index.ts'
import type { ErrorCode } from '../../src/errors.ts'
import type { Sentence, SentenceTime, Stage } from '../../src/synthesis/index.ts'
import type { VocoderKind } from '../../src/vocoder/vocoder.ts'
import type { Fault } from '../fault.ts'
import type { Load } from './meter.ts'

/** What is to be spoken: all of it at once, or piece by piece over an open connection. */
export type SpeechInput =
  | { readonly kind: 'text'; readonly text: string }
  /** SSML, parsed where the request came in. */
  | { readonly kind: 'sentences'; readonly sentences: readonly Sentence[] }
  /** `early`: a turn's first clause is spoken without waiting for the end of its sentence. */
  | { readonly kind: 'live'; readonly early: boolean }

/** The one description of a request, from the edge where it was checked to the worker that serves it. */
export interface SpeechRequest {
  readonly voice: string
  /** Tag of the voice's language; American English when absent. */
  readonly language?: string
  readonly seed: number
  readonly speed: number
  readonly pitch?: number
  readonly lexicon?: Readonly<Record<string, string>>
  readonly vocoder?: VocoderKind
  readonly output: Output
  readonly input: SpeechInput
  /** Find the length before the first sample, for formats whose header names it. Not for live input. */
  readonly measure?: boolean
}

export type ToWorker =
  /** `traced`: the stream's times are asked for, with its stages and its audio. */
  | { type: 'open'; id: number; request: SpeechRequest; credit: number; traced?: true }
  | { type: 'text'; id: number; text: string }
  | { type: 'flush'; id: number; mark: number }
  | { type: 'clear'; id: number; mark: number }
  | { type: 'end'; id: number }
  | { type: 'credit'; id: number; samples: number }
  | { type: 'cancel'; id: number }
  /** Answered by `pong` as soon as the worker's thread is free. */
  | { type: 'ping' }
  /** Voices that are another package now: opened anew for the next stream. */
  | { type: 'forget'; voices: readonly string[] }
  | { type: 'stop' }

/** Reported with a piece of audio. */
export interface AudioInfo {
  /** Samples at 24 kHz that were synthesized for it. Its bytes may come with a later piece, where the format needs more. */
  readonly samples: number
  /** The sentence that begins with it. */
  readonly sentence?: SentenceTime
}

/** Reported with a piece of audio for the metrics. */
export interface AudioTiming {
  /** Streams in the batch that it was synthesized in. */
  readonly batch: number
  /** Seconds by which it came after a real-time listener ran out of audio. Absent for live streams, whose text may be late. */
  readonly late?: number
  /** Of a traced stream: the batches that it took part in since its last audio. */
  readonly batches?: readonly Batch[]
}

/** One run of the vocoder for a stream. Times are those of `wallTime`. */
export interface Batch {
  readonly start: number
  readonly end: number
  /** Streams that shared it. */
  readonly streams: number
}

/** Now, in ms since 1970 with fractions: the same on every thread and in worker processes. */
export const wallTime = (): number => performance.timeOrigin + performance.now()

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
  | { type: 'pong' }
  /** Sent twice a second while there are streams. `idle` streams wait for text and have nothing to say. */
  | ({ type: 'load'; idle: number } & Load)
  | ({ type: 'audio'; id: number; bytes: Uint8Array<ArrayBuffer> } & AudioInfo & AudioTiming)
  /** So much of what the stream was sent, in the units of `weightOf`, is no longer held by the worker. */
  | { type: 'consumed'; id: number; weight: number }
  | { type: 'flushed'; id: number; mark: number }
  | { type: 'cleared'; id: number; mark: number }
  /** `end`: when it ended, of a traced stream. */
  | { type: 'stage'; id: number; stage: Stage; seconds: number; end?: number }
  | { type: 'done'; id: number }
  | { type: 'error'; id: number; error: WorkerFailure; fault?: Fault }

/** Characters that a message counts for in the memory budget of a live stream: its text, plus a fixed cost. */
export const weightOf = (message: ToWorker): number =>
  MESSAGE_WEIGHT + (message.type === 'text' ? message.text.length : 0)
const MESSAGE_WEIGHT = 64

/** The part of a worker thread, of a process or of a MessagePort that the pool uses. */
export interface WorkerPort {
  postMessage(message: ToWorker): void
  on(event: 'message', listener: (message: FromWorker) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'exit', listener: (code: number, why?: string) => void): unknown
  terminate(): unknown
}
