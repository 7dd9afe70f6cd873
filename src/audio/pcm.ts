/**
 * 16-bit PCM. The same samples give the same bytes on every machine: rounding is floor(x + .5), values outside -1..1 are
 * clipped, NaN becomes 0.
 */
import { bytesOf } from '../arrays.ts'

const SCALE = 32767
const IS_BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0

/** Samples (-1..1) as signed 16-bit integers, one each. */
export function toPcm16(samples: Float32Array): Int16Array {
  const out = new Int16Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const v = Math.floor(samples[i]! * SCALE + 0.5)
    out[i] = Math.min(SCALE, Math.max(-SCALE, v))
  }
  return out
}

/** Samples (-1..1) as bytes, s16le: two bytes per sample. */
export function toPcm16Bytes(samples: Float32Array): Uint8Array {
  return pcmBytes(toPcm16(samples))
}

/** 16-bit samples as little-endian bytes, in the same memory. */
export function pcmBytes(pcm: Int16Array): Uint8Array {
  const bytes = bytesOf(pcm)
  if (IS_BIG_ENDIAN) Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap16()
  return bytes
}

/** s16le bytes back to samples. A trailing odd byte is ignored. */
export function fromPcm16Bytes(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.byteLength >> 1 }, (_, i) => view.getInt16(2 * i, true) / SCALE)
}
