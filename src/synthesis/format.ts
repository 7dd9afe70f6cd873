/**
 * Samples to bytes in the formats that can be asked for. Command line and server both go through here, so the same
 * request gives the same bytes in both.
 */
import { toPcm16Bytes } from '../audio/pcm.ts'
import { wavHeader } from '../audio/wav.ts'
import type { Chunk } from './synthesizer.ts'

export const FORMATS = ['wav', 'pcm'] as const
export type Format = (typeof FORMATS)[number]

export const MEDIA_TYPES: Record<Format, string> = { wav: 'audio/wav', pcm: 'audio/pcm;rate=24000;channels=1' }

/** Texts up to this many characters are measured before a WAV's header is written; longer ones start sooner. */
const MEASURED_CHARACTERS = 600

/** Whether a request is to be measured (`SpeechOptions.measure`), so that its WAV header names the length. */
export const isMeasured = (format: Format, text: string): boolean =>
  format === 'wav' && text.length <= MEASURED_CHARACTERS

/** Bytes before the samples; `totalSamples` undefined = not known yet. */
export const headerBytes = (format: Format, totalSamples: number | undefined): Uint8Array =>
  format === 'wav' ? wavHeader(totalSamples === undefined ? undefined : totalSamples * 2) : new Uint8Array(0)

/** A stream's bytes in `format`, piece by piece: header, then samples as they are made. */
export async function* encodeChunks(chunks: AsyncIterable<Chunk>, format: Format): AsyncGenerator<Uint8Array> {
  let started = false
  for await (const { samples, totalSamples } of chunks) {
    if (!started) {
      started = true
      const header = headerBytes(format, totalSamples)
      if (header.length > 0) yield header
    }
    if (samples.length > 0) yield toPcm16Bytes(samples)
  }
}
