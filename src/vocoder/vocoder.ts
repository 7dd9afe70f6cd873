/**
 * The one interface of vocoders: frames in, samples out, all state in a stream object. Whatever the sizes of the
 * pieces pushed and read, the samples of a stream are the same bit for bit.
 */
import type { Frames } from '../frames.ts'

export const VOCODERS = ['sparse-wavernn', 'source-filter'] as const
export type VocoderKind = (typeof VOCODERS)[number]

export interface Vocoder {
  readonly kind: VocoderKind
  /**
   * Frames to push between reads, the last number for all that follow. Few before the first sound, then enough that playback does not underrun
   * while other streams are served.
   */
  readonly pushes: readonly number[]
  /** Opens a stream; every random draw of it comes from `seed` (unsigned 32-bit). */
  open(options: { seed: number }): VocoderStream
  /** Frees what the vocoder holds outside the JavaScript heap. Streams must be closed before. */
  close(): void
}

export interface VocoderStream {
  /** Appends frames to the stream's input. */
  push(frames: Frames): Promise<void>
  /** Ends the input, so that the last samples can be generated. */
  end(): Promise<void>
  /**
   * Generates up to `out.length` samples (-1..1, 24 kHz) and returns how many were written. Fewer means that more frames are needed or
   * that the stream has ended. A stream of n frames gives exactly n * HOP samples.
   */
  read(out: Float32Array): number
  /** As `read`, batched with the vocoder's other streams that are read this way at the same time. One read at a time. */
  readTogether(out: Float32Array): Promise<number>
  /** Frees the stream. Safe to call twice. */
  close(): void
}
