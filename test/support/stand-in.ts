/**
 * A synthesizer for tests of everything around the nets: letters are phonemes, every symbol lasts 50 ms, and the
 * vocoder makes seeded noise with the delay that real ones have. Quick, and exact on every machine.
 */
import type { Prediction } from '../../src/acoustic/index.ts'
import { createFrames, ENVELOPE_POINTS, HOP } from '../../src/frames.ts'
import { Synthesizer, type SynthesizerParts } from '../../src/synthesis/synthesizer.ts'
import type { Vocoder, VocoderKind, VocoderStream } from '../../src/vocoder/vocoder.ts'

/** Samples that the vocoder holds back until `end`. */
const DELAY = 91
const SILENCE = 30
const SYMBOL = 10

export interface StandIn {
  readonly synthesizer: Synthesizer
  /** Vocoder streams that are open now. */
  readonly open: () => number
  /** Phonemes that were predicted, in order. */
  readonly predicted: readonly string[]
}

export function standIn(options: { voice?: string; parts?: Partial<SynthesizerParts> } = {}): StandIn {
  let open = 0
  const predicted: string[] = []
  const openVocoder = async (kind: VocoderKind): Promise<Vocoder> => ({
    kind,
    pushes: [6, 8, 16, 32],
    open: ({ seed }) => {
      open++
      return noiseStream(seed + (kind === 'source-filter' ? 1 : 0), () => open--)
    },
    close() {},
  })
  const synthesizer = new Synthesizer({
    voice: options.voice ?? 'stand-in',
    defaultVocoder: 'sparse-wavernn',
    phonemize: (text) => ({
      phonemes: text.replace(/[^\p{L} ]/gu, ''),
      words: [...text.matchAll(/\p{L}+/gu)].map(({ 0: word, index }) => {
        const start = text.slice(0, index).replace(/[^\p{L} ]/gu, '').length
        return {
          text: word,
          start: index,
          end: index + word.length,
          phonemeStart: start,
          phonemeEnd: start + word.length,
        }
      }),
    }),
    async predict(phonemes, options) {
      predicted.push(phonemes)
      return predictLetters(phonemes, options)
    },
    openVocoder,
    ...options.parts,
  })
  return { synthesizer, open: () => open, predicted }
}

/** Frames of letters: silence, 50 ms of sound a letter at rate 1, silence. */
export async function predictLetters(phonemes: string, { rate }: { rate: number }): Promise<Prediction> {
  const durations = new Int32Array(phonemes.length + 2).fill(Math.max(1, Math.round(SYMBOL / rate)))
  durations[0] = SILENCE
  durations[durations.length - 1] = SILENCE
  const frames = createFrames(durations.reduce((a, b) => a + b))
  for (let i = 0; i < frames.count; i++) {
    const speaking = i >= SILENCE && i < frames.count - SILENCE
    frames.envelope.fill(speaking ? -4 : -20, i * ENVELOPE_POINTS, (i + 1) * ENVELOPE_POINTS)
  }
  return { frames, durations, phonemes }
}

function noiseStream(seed: number, closed: () => void): VocoderStream {
  const gains: number[] = []
  let at = 0
  let ended = false
  let isOpen = true
  return {
    async push(frames) {
      for (let i = 0; i < frames.count; i++) gains.push(Math.exp(frames.envelope[i * ENVELOPE_POINTS]! / 2))
    },
    async end() {
      ended = true
    },
    read(out) {
      const available = Math.max(0, gains.length * HOP - (ended ? 0 : DELAY)) - at
      const n = Math.min(out.length, available)
      for (let i = 0; i < n; i++, at++) out[i] = gains[Math.floor(at / HOP)]! * noise(seed, at)
      return n
    },
    async readTogether(out) {
      return this.read(out)
    },
    close() {
      if (isOpen) closed()
      isOpen = false
    },
  }
}

/** White noise, -1..1, a function of seed and position. */
function noise(seed: number, at: number): number {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(at + 1, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return ((h ^ (h >>> 13)) | 0) / 2 ** 31
}
