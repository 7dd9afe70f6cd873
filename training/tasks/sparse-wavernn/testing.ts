/** Made-up speech, a corpus of it and a tiny net for tests. Never part of a build's exports. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { createFrames, HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import { netConfigSchema, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { Normalization } from './batches.ts'
import type { Recording } from './utterance.ts'

const share = 0.5
export const TINY_NET = netConfigSchema.parse({
  hidden: 32,
  headHidden: 16,
  conditioning: 16,
  density: { reset: share, update: share, candidate: share, input: share, head: share },
})

export const PLAIN: Normalization = { mean: new Float32Array(66), std: new Float32Array(66).fill(1) }

/** Harmonics of a gliding pitch through one resonance, then noise, between silences at -70 dBFS. */
export function madeUpSpeech(seconds: number, hertz: number, seed: number): Float32Array {
  const random = new Random(seed)
  const count = Math.round(seconds * SAMPLE_RATE)
  let phase = 0
  return Float32Array.from({ length: count }, (_, n) => {
    const at = n / count
    const f0 = hertz * (1 + 0.1 * Math.sin(2 * Math.PI * at))
    phase += f0 / SAMPLE_RATE
    let value = 3e-4 * random.normal()
    if (at > 0.1 && at < 0.65) {
      for (let k = 1; k * f0 < 9000; k++) {
        value += (0.08 / (1 + ((k * f0 - 700) / 500) ** 2) + 0.002) * Math.cos(2 * Math.PI * k * phase)
      }
    } else if (at >= 0.65 && at < 0.9) value += 0.03 * random.normal()
    return value
  })
}

/** A corpus in LJSpeech's layout, ids u00, u01, ...: of 24, three are held out for validation and two for tests. */
export function writeMadeUpCorpus(dir: string, utterances = 24, seconds = 0.5): void {
  mkdirSync(path.join(dir, 'wavs'), { recursive: true })
  const lines: string[] = []
  for (let i = 0; i < utterances; i++) {
    const id = `u${String(i).padStart(2, '0')}`
    const samples = madeUpSpeech(seconds + 0.01 * (i % 5), 110 + 6 * i, i)
    writeFileSync(path.join(dir, 'wavs', `${id}.wav`), encodeWav(samples))
    lines.push(`${id}|text ${i}|text ${i}\n`)
  }
  writeFileSync(path.join(dir, 'metadata.csv'), lines.join(''))
}

/** Noise with frames drawn at random, voiced and unvoiced by turns; cheaper than analysis. */
export function madeUpRecording(frames: number, seed: number): Recording {
  const random = new Random(seed)
  const f = createFrames(frames)
  const phase = new Float32Array(frames * STEPS_PER_FRAME)
  for (let j = 0; j < frames; j++) {
    f.f0[j] = j % 8 < 5 ? 150 + 5 * (j % 8) : 0
    for (let i = 0; i < 64; i++) f.envelope[j * 64 + i] = -6 - 2 * Math.cos((i + j) / 9) + 0.2 * random.normal()
    for (let t = j * STEPS_PER_FRAME; t < (j + 1) * STEPS_PER_FRAME; t++) {
      if (f.f0[j]! > 0) phase[t] = t === 0 ? 0 : (phase[t - 1]! + f.f0[j]! / 6000) % 1
    }
  }
  const samples = Float32Array.from({ length: frames * HOP - 50 }, () => 0.05 * random.normal())
  return { samples, frames: f, phase }
}
