/** PCM without a header (s16le), and WAV: the same bytes after a header of 44. */
import { joinBytes } from '../../arrays.ts'
import { toPcm16Bytes } from '../pcm.ts'
import { wavHeader } from '../wav.ts'
import { type AudioFormat, NO_BYTES } from './encoder.ts'

export const pcm: AudioFormat = {
  mediaType: (sampleRate) => `audio/pcm;rate=${sampleRate};channels=1`,
  open: async () => ({ encode: toPcm16Bytes, finish: () => NO_BYTES, close() {} }),
}

export const wav: AudioFormat = {
  mediaType: () => 'audio/wav',
  async open({ sampleRate, totalSamples }) {
    const header = wavHeader(totalSamples === undefined ? undefined : 2 * totalSamples, sampleRate)
    let begun = false
    let bytes = 0
    const begin = (): Uint8Array => {
      if (begun) return NO_BYTES
      begun = true
      return header
    }
    return {
      encode(samples) {
        const data = toPcm16Bytes(samples)
        bytes += data.length
        return begun ? data : joinBytes([begin(), data])
      },
      finish: begin,
      head: () => (totalSamples === undefined ? wavHeader(bytes, sampleRate) : undefined),
      close() {},
    }
  },
}
