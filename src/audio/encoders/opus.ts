/** Opus in Ogg (RFC 7845) by libopus as WebAssembly: packets of 20 ms, one page for each piece of audio. */
import { Buffer } from 'node:buffer'
import { createEncoder, Signal } from 'libopus-wasm'
import { joinBytes } from '../../arrays.ts'
import { type AudioFormat, NO_BYTES } from './encoder.ts'
import { OggPages } from './ogg.ts'

const BITRATE = 32_000
/** 10 costs six times as much and speech at 32 kbit/s does not need it (docs/decisions/140). */
const COMPLEXITY = 5
/** Granule positions count at 48 kHz whatever the input's rate. */
const GRANULE_RATE = 48_000
const VENDOR = 'sparsewave'
/** One of 50 packets of at most 255 * 3 bytes fits a page's 255 lacing values. */
const PACKETS_A_PAGE = 50

export const opus: AudioFormat = {
  mediaType: () => 'audio/ogg;codecs=opus',
  async open({ sampleRate, bitrate = BITRATE }) {
    const frameSize = sampleRate / 50
    const encoder = await createEncoder({
      sampleRate: sampleRate as 24000,
      channels: 1,
      frameSize,
      bitrate: Math.min(256_000, Math.max(6_000, bitrate)),
      complexity: COMPLEXITY,
      signal: Signal.Voice,
    })
    const pages = new OggPages(1)
    const scale = GRANULE_RATE / sampleRate
    const preSkip = encoder.getLookahead()
    const frame = new Float32Array(frameSize)
    let filled = 0
    let samples = 0
    let packets = 0
    let begun = false
    const head = (): Uint8Array[] => {
      if (begun) return []
      begun = true
      return [pages.page([opusHead(preSkip * scale, sampleRate)], 0), pages.page([opusTags()], 0)]
    }
    return {
      encode(piece) {
        const made: Uint8Array[] = []
        samples += piece.length
        for (let at = 0; at < piece.length; ) {
          const n = Math.min(frameSize - filled, piece.length - at)
          frame.set(piece.subarray(at, at + n), filled)
          filled += n
          at += n
          if (filled === frameSize) {
            made.push(encoder.encodeFloat(frame))
            filled = 0
          }
        }
        if (made.length === 0) return NO_BYTES
        const out = head()
        for (let i = 0; i < made.length; i += PACKETS_A_PAGE) {
          const some = made.slice(i, i + PACKETS_A_PAGE)
          packets += some.length
          out.push(pages.page(some, packets * frameSize * scale))
        }
        return joinBytes(out)
      },
      finish() {
        // Packets until what the encoder holds back has come out. The last granule position says where the sound ends.
        const made: Uint8Array[] = []
        const end = samples + preSkip
        while (made.length === 0 || (packets + made.length) * frameSize < end) {
          frame.fill(0, filled)
          filled = 0
          made.push(encoder.encodeFloat(frame))
        }
        return joinBytes([...head(), pages.page(made, end * scale, true)])
      },
      close: () => encoder.free(),
    }
  },
}

function opusHead(preSkip: number, sampleRate: number): Uint8Array {
  const head = Buffer.alloc(19)
  head.write('OpusHead')
  head[8] = 1
  head[9] = 1
  head.writeUInt16LE(preSkip, 10)
  head.writeUInt32LE(sampleRate, 12)
  return head
}

function opusTags(): Uint8Array {
  const tags = Buffer.alloc(8 + 4 + VENDOR.length + 4)
  tags.write('OpusTags')
  tags.writeUInt32LE(VENDOR.length, 8)
  tags.write(VENDOR, 12)
  return tags
}
