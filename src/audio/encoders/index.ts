/** The registry of formats that audio can be encoded in: one file and one line here each. */
import { joinBytes } from '../../arrays.ts'
import { SparsewaveError } from '../../errors.ts'
import { SAMPLE_RATE } from '../../frames.ts'
import { Resampler } from '../resample.ts'
import { aac } from './aac.ts'
import type { AudioEncoder, AudioFormat, EncoderOptions, Purpose } from './encoder.ts'
import { flac } from './flac.ts'
import { alaw, mulaw, wavAlaw, wavMulaw } from './g711.ts'
import { mp3 } from './mp3.ts'
import { opus } from './opus.ts'
import { pcm, wav } from './pcm.ts'

export type { AudioEncoder } from './encoder.ts'

const REGISTRY = {
  mp3,
  opus,
  aac,
  flac,
  wav,
  pcm,
  mulaw,
  alaw,
  'wav-mulaw': wavMulaw,
  'wav-alaw': wavAlaw,
} satisfies Record<string, AudioFormat>

export type EncodingName = keyof typeof REGISTRY
export const ENCODINGS = Object.keys(REGISTRY) as EncodingName[]

/** Sample rates in Hz that audio can be encoded at. Voices speak at 24 kHz. */
export const OUTPUT_RATES = [8000, 12000, 16000, 22050, 24000, 32000, 44100, 48000] as const
export type OutputRate = (typeof OUTPUT_RATES)[number]

export interface Output {
  readonly format: EncodingName
  readonly sampleRate?: OutputRate
  /** Bits per second. */
  readonly bitrate?: number
}

export const mediaType = ({ format, sampleRate = SAMPLE_RATE }: Output): string =>
  REGISTRY[format].mediaType(sampleRate)

/** Why a format cannot be encoded here. Undefined when it can. */
export const missingEncoder = (format: EncodingName): string | undefined =>
  (REGISTRY[format] as AudioFormat).missing?.()

/** Throws FORMAT_UNAVAILABLE, naming the available formats, when this one cannot be encoded here. */
export function requireFormat(format: EncodingName): void {
  const missing = missingEncoder(format)
  if (missing === undefined) return
  const others = ENCODINGS.filter((name) => !name.includes('-') && missingEncoder(name) === undefined)
  throw new SparsewaveError('FORMAT_UNAVAILABLE', `${format} cannot be made: ${missing}.`, {
    remedy: `Ask for another format: ${others.join(', ')}.`,
  })
}

/**
 * An encoder of 24 kHz samples. `totalSamples` are at 24 kHz. Throws FORMAT_UNAVAILABLE.
 */
export async function openEncoder(
  output: Output,
  totalSamples?: number,
  purpose: Purpose = 'stream',
): Promise<AudioEncoder> {
  requireFormat(output.format)
  const { format, sampleRate = SAMPLE_RATE, bitrate } = output
  const open = (total: number | undefined): Promise<AudioEncoder> => {
    const options: EncoderOptions = { sampleRate, bitrate, totalSamples: total, purpose }
    return REGISTRY[format].open(options)
  }
  if (sampleRate === SAMPLE_RATE) return open(totalSamples)
  const resampler = new Resampler(SAMPLE_RATE, sampleRate)
  const inner = await open(totalSamples === undefined ? undefined : resampler.lengthOf(totalSamples))
  return {
    encode: (samples) => inner.encode(resampler.push(samples)),
    async finish() {
      const rest = await inner.encode(resampler.end())
      return joinBytes([rest, await inner.finish()])
    },
    head: () => inner.head?.(),
    close: () => inner.close(),
  }
}
