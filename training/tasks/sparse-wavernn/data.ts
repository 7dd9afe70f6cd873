/**
 * The corpus as the trainer reads it: recordings from the feature cache, and the normalisation of their frames.
 */
import { ENVELOPE_POINTS } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import { FRAME_FEATURES } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { readCached } from '../../data/cache.ts'
import type { Normalization } from './batches.ts'
import { readPredicted } from './predicted.ts'
import type { Recording } from './utterance.ts'

/** Standard deviation of the noise added to every recording: -100 dBFS, so that no silence is exactly 0. */
const DITHER = 1e-5

/** A recording with its cached frames; with `predicted` (a folder of predicted.ts) the acoustic model's envelope. */
export function readRecording(cacheDir: string, id: string, predicted?: string): Recording {
  const { samples, frames: own, phase } = readCached(cacheDir, id)
  const frames = predicted === undefined ? own : { ...own, envelope: readPredicted(predicted, id) }
  const random = new Random(0x5eed, samples.length)
  const dithered = new Float32Array(samples.length)
  for (let n = 0; n < samples.length; n++)
    dithered[n] = samples[n]! / 32768 + DITHER * 1.732 * (2 * random.uniform() - 1)
  return { samples: dithered, frames, phase }
}

/**
 * Mean and deviation of each envelope point over `recordings`; log-F0 and voicing are scaled by constants, so that an
 * unvoiced frame's zeros stay what they are.
 */
export function measureNormalization(recordings: Iterable<Pick<Recording, 'frames'>>): Normalization {
  const mean = new Float32Array(FRAME_FEATURES)
  const std = new Float32Array(FRAME_FEATURES).fill(1)
  const sum = new Float64Array(ENVELOPE_POINTS)
  const square = new Float64Array(ENVELOPE_POINTS)
  let count = 0
  for (const { frames } of recordings) {
    count += frames.count
    for (let k = 0; k < frames.envelope.length; k++) {
      const v = frames.envelope[k]!
      sum[k % ENVELOPE_POINTS]! += v
      square[k % ENVELOPE_POINTS]! += v * v
    }
  }
  for (let i = 0; i < ENVELOPE_POINTS; i++) {
    mean[i] = sum[i]! / count
    std[i] = Math.sqrt(Math.max(square[i]! / count - mean[i]! ** 2, 1e-4))
  }
  std[ENVELOPE_POINTS] = 0.25
  mean[ENVELOPE_POINTS + 1] = 0.5
  std[ENVELOPE_POINTS + 1] = 0.5
  return { mean, std }
}
