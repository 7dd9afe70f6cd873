/** Samples to files and streams in the formats that people play. */
import { ENCODINGS, type EncodingName, mediaType, OUTPUT_RATES, type OutputRate } from '../audio/encoders/index.ts'
import { encodeChunks } from '../synthesis/format.ts'
import { checkName } from './options.ts'
import type { SpeechChunk } from './types.ts'

/** A format that speech can be encoded in. */
export type AudioFormat = EncodingName
/** A sample rate in Hz that speech can be encoded at. */
export type AudioRate = OutputRate

/** All formats: mp3, opus, aac, flac, wav, pcm, mulaw, alaw, wav-mulaw, wav-alaw. */
export const AUDIO_FORMATS: readonly AudioFormat[] = ENCODINGS
/** All sample rates in Hz, from 8000 to 48000. */
export const AUDIO_RATES: readonly AudioRate[] = OUTPUT_RATES

/** How audio is encoded. */
export interface AudioOptions {
  /**
   * `wav`, `mp3`, `opus` (in Ogg), `flac`, `aac` (needs the program ffmpeg), `pcm` (signed 16-bit little-endian without a
   * header), `mulaw` or `alaw` (telephony, 8 bits a sample), `wav-mulaw` or `wav-alaw` (the same in WAV). Default `wav`.
   */
  readonly format?: AudioFormat | undefined
  /** Hz. Default 24000, the rate of the voices. */
  readonly sampleRate?: AudioRate | undefined
  /** Bits per second, for mp3, opus and aac. Each has a default that suits speech. */
  readonly bitrate?: number | undefined
}

/** The same with the format filled in. Throws REQUEST_INVALID for a format or rate that there is none of. */
export function checkAudioOptions({ format = 'wav', sampleRate, bitrate }: AudioOptions) {
  checkName('format', format, AUDIO_FORMATS)
  if (sampleRate !== undefined) checkName('sampleRate', String(sampleRate), AUDIO_RATES.map(String))
  return { format, ...(sampleRate !== undefined && { sampleRate }), ...(bitrate !== undefined && { bitrate }) }
}

/**
 * Encodes speech while it is synthesized. Each piece of bytes is given out as soon as the format allows.
 *
 * A streamed WAV names no length, because its header goes out before the length is known. Players accept that. Use
 * `voice.speak` for a file with an exact header.
 *
 * @throws SparsewaveError `FORMAT_UNAVAILABLE` when the encoder is not installed, `REQUEST_INVALID` for an unknown format.
 * @example
 * ```ts
 * import { createWriteStream } from 'node:fs'
 * import { pipeline } from 'node:stream/promises'
 * import { encode, openVoice } from 'sparsewave'
 *
 * const voice = await openVoice()
 * await pipeline(encode(voice.stream('Hello there.'), { format: 'mp3' }), createWriteStream('hello.mp3'))
 * await voice.close()
 * ```
 */
export function encode(
  chunks: AsyncIterable<Pick<SpeechChunk, 'samples'>>,
  options: AudioOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return encodeChunks(chunks, checkAudioOptions(options))
}

/**
 * The media type of encoded audio, for a `Content-Type` header.
 *
 * @example
 * ```ts
 * import { audioMediaType } from 'sparsewave'
 *
 * audioMediaType({ format: 'mp3' }) // 'audio/mpeg'
 * ```
 */
export const audioMediaType = (options: AudioOptions = {}): string => mediaType(checkAudioOptions(options))
