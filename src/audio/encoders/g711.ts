/** The 8-bit companding of telephony (ITU-T G.711): mu-law and A-law, one byte per sample. */
import { joinBytes } from '../../arrays.ts'
import { toPcm16 } from '../pcm.ts'
import { companded } from '../wav.ts'
import { type AudioFormat, NO_BYTES } from './encoder.ts'

const BIAS = 0x84
const CLIP = 32635

/** A 16-bit sample as mu-law. */
export function muLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(Math.abs(sample), CLIP) + BIAS
  const exponent = 24 - Math.clz32(magnitude)
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff
}

/** A 16-bit sample as A-law. */
export function aLaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80
  const magnitude = Math.min(sample < 0 ? -sample - 1 : sample, 32767)
  const exponent = magnitude < 256 ? 0 : 24 - Math.clz32(magnitude)
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 15
  return (sign | (exponent << 4) | mantissa) ^ 0x55
}

const g711 = (mime: string, code: (sample: number) => number): AudioFormat => ({
  mediaType: (sampleRate) => `${mime};rate=${sampleRate}`,
  open: async () => ({
    encode: (samples) => Uint8Array.from(toPcm16(samples), code),
    finish: () => NO_BYTES,
    close() {},
  }),
})

export const mulaw = g711('audio/basic', muLaw)
export const alaw = g711('audio/x-alaw-basic', aLaw)

/** The same in a WAV file. Data of an odd length is followed by a byte that does not count. */
const inWav = (code: 6 | 7, of: (sample: number) => number): AudioFormat => ({
  mediaType: () => 'audio/wav',
  async open({ sampleRate, totalSamples }) {
    const head = companded(code, totalSamples, sampleRate)
    let begun = false
    let bytes = 0
    const begin = (): Uint8Array => {
      if (begun) return NO_BYTES
      begun = true
      return head
    }
    return {
      encode(samples) {
        bytes += samples.length
        return joinBytes([begin(), Uint8Array.from(toPcm16(samples), of)])
      },
      finish: () => joinBytes([begin(), new Uint8Array(totalSamples === undefined ? 0 : bytes % 2)]),
      close() {},
    }
  },
})

export const wavMulaw = inWav(7, muLaw)
export const wavAlaw = inWav(6, aLaw)
