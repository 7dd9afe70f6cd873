/**
 * What the main thread and a synthesis worker say to each other. A stream is opened, fed with text, and read under
 * credit: the worker makes audio only while the reader has allowed it samples.
 */
import type { ErrorCode } from '../../src/errors.ts'
import type { SentenceTime, Stage } from '../../src/synthesis/index.ts'
import type { VocoderKind } from '../../src/vocoder/vocoder.ts'

export interface StreamRequest {
  readonly voice: string
  readonly seed: number
  readonly speed: number
  readonly vocoder?: VocoderKind
  /** The text of a stream that is not live; live streams get theirs by `text` messages. */
  readonly text?: string
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

export interface WorkerFailure {
  readonly code: ErrorCode
  readonly message: string
  readonly remedy: string
}

export type FromWorker =
  | { type: 'ready'; kernel: string; kernelReason: string; vocoder: VocoderKind }
  | { type: 'failed'; error: WorkerFailure }
  | { type: 'audio'; id: number; pcm: Uint8Array<ArrayBuffer>; sentence?: SentenceTime; totalSamples?: number }
  | { type: 'flushed'; id: number; mark: number }
  | { type: 'cleared'; id: number; mark: number }
  | { type: 'stage'; id: number; stage: Stage; seconds: number }
  | { type: 'done'; id: number }
  | { type: 'error'; id: number; error: WorkerFailure }

/** The part of a worker thread, or of a MessagePort, that the pool uses. */
export interface WorkerPort {
  postMessage(message: ToWorker): void
  on(event: 'message', listener: (message: FromWorker) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'exit', listener: (code: number) => void): unknown
  terminate(): unknown
}
