/**
 * Samples to bytes in the formats that can be asked for. Command line and server both go through here, so the same
 * request gives the same bytes in both.
 */
import { type EncodingName, mediaType, type Output, openEncoder } from '../audio/encoders/index.ts'
import type { Chunk } from './synthesizer.ts'

/** OpenAI's formats. */
export const FORMATS = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'] as const satisfies readonly EncodingName[]
export type Format = (typeof FORMATS)[number]

export const mediaTypeOf = (format: Format): string => mediaType({ format })

/** Texts up to this many characters are measured before a WAV's header is written; longer ones start sooner. */
const MEASURED_CHARACTERS = 600

/**
 * Whether a request is to be measured (`SpeechOptions.measure`), so that its header names the length. FLAC always is:
 * libsndfile cannot read a file of unknown length as a whole.
 */
export const isMeasured = (format: EncodingName, text: string): boolean =>
  format === 'flac' || (format.startsWith('wav') && text.length <= MEASURED_CHARACTERS)

/**
 * A stream's bytes, piece by piece as they are made. `onHead` gets what the first bytes should have been, when the end has
 * shown it: a file that can be written to again gets them in their place. Throws FORMAT_UNAVAILABLE.
 */
export async function* encodeChunks(
  chunks: AsyncIterable<Chunk>,
  format: Format | Output,
  onHead?: (head: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const output = typeof format === 'string' ? { format } : format
  let encoder: Awaited<ReturnType<typeof openEncoder>> | undefined
  try {
    for await (const { samples, totalSamples } of chunks) {
      encoder ??= await openEncoder(output, totalSamples)
      const bytes = await encoder.encode(samples)
      if (bytes.length > 0) yield bytes
    }
    const rest = await encoder?.finish()
    if (rest !== undefined && rest.length > 0) yield rest
    const head = encoder?.head?.()
    if (head) onHead?.(head)
  } finally {
    encoder?.close()
  }
}
