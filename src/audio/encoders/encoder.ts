/** The interface of encoders: samples in while they are synthesized, bytes out as soon as the format allows. */

export interface AudioEncoder {
  /** Bytes that are ready after these samples (-1..1), perhaps none. The samples are not kept. */
  encode(samples: Float32Array): Uint8Array | Promise<Uint8Array>
  /** The rest of the bytes. Nothing may be encoded after it. */
  finish(): Uint8Array | Promise<Uint8Array>
  /**
   * After `finish`: what the first bytes should be now that everything is known, as long as those that were written. A file
   * that can be written to again gets them in their place. Undefined when nothing changed.
   */
  head?(): Uint8Array | undefined
  /** Frees what the encoder holds. Harmless after `finish` and when called twice. */
  close(): void
}

/**
 * What the bytes are for. A `stream` is heard while it is made. A `part` is one of several files in one stream, so its
 * length says nothing of the stream. A `file` is used as a whole: what is short may be held back until its end.
 */
export type Purpose = 'stream' | 'part' | 'file'

export interface EncoderOptions {
  /** Hz, of the samples and of the audio written. */
  readonly sampleRate: number
  /** Length of the whole stream in samples, for the header. Undefined where it is not known. */
  readonly totalSamples?: number | undefined
  readonly purpose: Purpose
  /** Bits per second, for lossy formats. Each has its own default for speech. */
  readonly bitrate?: number | undefined
}

export interface AudioFormat {
  mediaType(sampleRate: number): string
  /** Why this format cannot be encoded here. Undefined when it can. */
  missing?(): string | undefined
  open(options: EncoderOptions): Promise<AudioEncoder>
}

export const NO_BYTES = new Uint8Array(0)
