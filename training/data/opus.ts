/**
 * Ogg Opus files to 24 kHz mono. The decoder itself makes 24 kHz (Opus codes at the output's rate without a resampler
 * of ours), so samples stay aligned with what was encoded.
 */
import { readFile } from 'node:fs/promises'
import { OggOpusDecoder } from 'ogg-opus-decoder'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'

// `sampleRate` is documented but absent from the package's types.
const options: Record<string, unknown> = { sampleRate: SAMPLE_RATE }

/**
 * Decodes an Ogg Opus file (path or bytes) to 24 kHz, channels averaged. `samples`: the exact length, to which the end is
 * cut or padded with zeros. Throws AUDIO_INVALID.
 */
export async function readOpus(source: string | Uint8Array, samples?: number): Promise<Float32Array> {
  const name = typeof source === 'string' ? source : 'the Opus data'
  const fail = (why: string, cause?: unknown): SparsewaveError =>
    new SparsewaveError('AUDIO_INVALID', `Cannot read ${name} as Ogg Opus: ${why}`, {
      cause,
      remedy: 'Replace the file by an Ogg Opus or 24 kHz mono WAV file.',
    })
  let bytes: Uint8Array
  try {
    bytes = typeof source === 'string' ? await readFile(source) : source
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause), cause)
  }
  const decoder = new OggOpusDecoder(options)
  try {
    await decoder.ready
    const { channelData, samplesDecoded, errors } = await decoder.decodeFile(bytes)
    if (errors.length > 0) throw fail(errors[0]!.message)
    if (channelData.length === 0 || samplesDecoded === 0) throw fail('there is no audio in it')
    const length = Math.min(samplesDecoded, codedLength(bytes))
    const out = new Float32Array(samples ?? length)
    const count = Math.min(out.length, length)
    for (const channel of channelData) for (let i = 0; i < count; i++) out[i]! += channel[i]! / channelData.length
    return out
  } catch (cause) {
    throw cause instanceof SparsewaveError ? cause : fail(cause instanceof Error ? cause.message : String(cause), cause)
  } finally {
    decoder.free()
  }
}

/**
 * Samples at 24 kHz that the last page's granule position allows (RFC 7845, section 4): the decoder forgets to cut the end of
 * files that fit one page.
 */
function codedLength(bytes: Uint8Array): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head = file.indexOf('OpusHead')
  const page = file.lastIndexOf('OggS')
  if (head < 0 || page < 0 || head + 12 > file.length || page + 14 > file.length) return Number.POSITIVE_INFINITY
  const length = Number(file.readBigInt64LE(page + 6)) - file.readUInt16LE(head + 10)
  return length > 0 ? Math.round((length * SAMPLE_RATE) / 48000) : Number.POSITIVE_INFINITY
}
