/**
 * MP3 by LAME as WebAssembly (npm wasm-media-encoders, MIT; LAME itself is LGPL, so the package is optional and
 * stays a file of its own that anyone may replace).
 */
import { createRequire } from 'node:module'
import { joinBytes } from '../../arrays.ts'
import { SparsewaveError } from '../../errors.ts'
import { type AudioFormat, NO_BYTES } from './encoder.ts'

const BITRATE = 64_000
const RATES = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320] as const
const PACKAGE = 'wasm-media-encoders'

/**
 * Instances for the next streams; `configure` begins anew. Each instance compiles the library again, 0.4 MB of code and as
 * much memory, which the garbage collector does not see and so leaves for long.
 */
const idle: Encoder[] = []
const MAX_IDLE = 32

type Encoder = Awaited<ReturnType<typeof import('wasm-media-encoders').createMp3Encoder>>

async function instantiate(): Promise<Encoder> {
  const { createMp3Encoder } = await import('wasm-media-encoders').catch((cause) => {
    throw new SparsewaveError('FORMAT_UNAVAILABLE', `mp3 cannot be encoded: ${mp3.missing!()}.`, { cause })
  })
  return createMp3Encoder()
}

export const mp3: AudioFormat = {
  mediaType: () => 'audio/mpeg',
  missing() {
    try {
      createRequire(import.meta.url).resolve(PACKAGE)
      return undefined
    } catch {
      return `the optional package ${PACKAGE} is not installed`
    }
  },
  async open({ sampleRate, bitrate = BITRATE, totalSamples, purpose }) {
    const encoder = idle.pop() ?? (await instantiate())
    // MPEG-2 (up to 24 kHz) ends at 160 kbit/s, MPEG-1 begins at 32.
    const isFirst = sampleRate > 24000
    const kilobits = Math.min(Math.max(bitrate / 1000, isFirst ? 32 : 8), isFirst ? 320 : 160)
    const nearest = RATES.reduce((a, b) => (Math.abs(b - kilobits) < Math.abs(a - kilobits) ? b : a))
    // LAME would choose a lower rate at few bits.
    encoder.configure({
      sampleRate,
      outputSampleRate: sampleRate as 24000,
      channels: 1,
      bitrate: nearest as 64,
    })
    let isOpen = true
    let samplesIn = 0
    let frameHeader: Uint8Array | undefined
    /** Puts the information frame before the first bytes, since it takes over their header. */
    const begin = (bytes: Uint8Array): Uint8Array => {
      if (purpose === 'part' || frameHeader !== undefined || bytes.length < 4) return bytes
      frameHeader = bytes.slice(0, 4)
      return joinBytes([infoFrame(frameHeader, sampleRate, nearest, totalSamples), bytes])
    }
    return {
      // The bytes lie in the encoder's memory, which its next call overwrites.
      encode(samples) {
        samplesIn += samples.length
        return begin(encoder.encode([samples]).slice())
      },
      finish: () => begin(encoder.finalize().slice()),
      head: () =>
        frameHeader && totalSamples === undefined ? infoFrame(frameHeader, sampleRate, nearest, samplesIn) : undefined,
      close() {
        if (isOpen && idle.length < MAX_IDLE) idle.push(encoder)
        isOpen = false
      },
    }
  },
}

/** Samples by which LAME delays the sound. */
const DELAY = 576

/**
 * A frame of silence that holds LAME's information tag, from which players cut the samples at the start and the end that
 * were not in the original (gapless). Without a length it names the delay alone. Empty where a frame is too small for it.
 */
export function infoFrame(
  header: Uint8Array,
  sampleRate: number,
  kilobits: number,
  samples: number | undefined,
): Uint8Array {
  // MPEG-1 above 24 kHz, else MPEG-2 with half as many samples a frame. Mono.
  const isFirst = sampleRate > 24000
  const perFrame = isFirst ? 1152 : 576
  const padded = (header[2]! >> 1) & 1
  const size = Math.floor(((perFrame / 8) * 1000 * kilobits) / sampleRate) + padded
  const at = 4 + (isFirst ? 17 : 9)
  if (size < at + 16 + 36) return NO_BYTES
  const frame = new Uint8Array(size)
  frame.set(header)
  const view = new DataView(frame.buffer)
  const text = (offset: number, letters: string): void => {
    for (let i = 0; i < letters.length; i++) frame[offset + i] = letters.charCodeAt(i)
  }
  text(at, 'Info')
  // Frames and bytes stand there, or would.
  const frames = samples === undefined ? 0 : Math.ceil(samples / perFrame) + (isFirst ? 1 : 2)
  let tag = at + 8
  if (samples !== undefined) {
    view.setUint32(at + 4, 3)
    view.setUint32(at + 8, frames)
    view.setUint32(at + 12, Math.round((frames + 1) * ((perFrame / 8) * 1000 * (kilobits / sampleRate))))
    tag = at + 16
  }
  text(tag, 'LAME3.100')
  // Constant bit rate, of so many kilobits a second.
  frame[tag + 9] = 1
  frame[tag + 20] = Math.min(255, kilobits)
  const padding = samples === undefined ? 0 : frames * perFrame - samples - DELAY
  view.setUint16(tag + 21, (DELAY << 4) | (padding >> 8))
  frame[tag + 23] = padding & 0xff
  view.setUint32(tag + 28, size)
  return frame
}
