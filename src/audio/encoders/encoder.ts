/** What a format's encoder does: samples in as they are made, bytes out as soon as the format allows. */

export interface AudioEncoder {
  /** Bytes that are ready after these samples (-1..1); may be none. The samples are not kept. */
  encode(samples: Float32Array): Uint8Array | Promise<Uint8Array>
  /** The rest of the bytes. Nothing may be encoded after it. */
  finish(): Uint8Array | Promise<Uint8Array>
  /** Frees what the encoder holds; harmless after `finish` and when called twice. */
  close(): void
}

export interface EncoderOptions {
  /** Hz, of the samples and of the audio written. */
  readonly sampleRate: number
  /** Length of the whole stream, where a header is to name it and it is known. */
  readonly totalSamples?: number | undefined
  /** Bits a second, for formats that lose something; each has its own default for speech. */
  readonly bitrate?: number | undefined
}

export interface AudioFormat {
  mediaType(sampleRate: number): string
  /** What keeps this format from being made here; undefined = nothing does. */
  missing?(): string | undefined
  open(options: EncoderOptions): Promise<AudioEncoder>
}

export const NO_BYTES = new Uint8Array(0)

/** The pieces as one. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const out = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
