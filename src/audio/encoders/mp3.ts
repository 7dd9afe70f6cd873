/**
 * MP3 by LAME as WebAssembly (npm wasm-media-encoders, MIT; LAME itself is LGPL, so the package is optional and
 * stays a file of its own that anyone may replace).
 */
import { createRequire } from 'node:module'
import { SparsewaveError } from '../../errors.ts'
import type { AudioFormat } from './encoder.ts'

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
  async open({ sampleRate, bitrate = BITRATE }) {
    const encoder = idle.pop() ?? (await instantiate())
    // MPEG-2 (up to 24 kHz) ends at 160 kbit/s.
    const kilobits = Math.min(bitrate / 1000, sampleRate <= 24000 ? 160 : 320)
    const nearest = RATES.reduce((a, b) => (Math.abs(b - kilobits) < Math.abs(a - kilobits) ? b : a))
    encoder.configure({ sampleRate, channels: 1, bitrate: nearest as 64 })
    let isOpen = true
    return {
      // The bytes lie in the encoder's memory, which its next call overwrites.
      encode: (samples) => encoder.encode([samples]).slice(),
      finish: () => encoder.finalize().slice(),
      close() {
        if (isOpen && idle.length < MAX_IDLE) idle.push(encoder)
        isOpen = false
      },
    }
  },
}
