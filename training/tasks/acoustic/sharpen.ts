/**
 * Undoes part of the smearing of a net trained on mean errors: the envelope's deviations from its mean are raised to the
 * recordings' variance, by cosine coefficient (finer ripples need more), and steps in time are steepened. Linear, so a few
 * constants in the exported graph. After Toda & Tokuda 2007 (global variance); what it gains: docs/measurements/acoustic-model.md.
 */
import { ENVELOPE_POINTS } from 'sparsewave/internal/frames'
import type { AcousticConfig } from './config.ts'
import { type Example, loudFrames } from './example.ts'

export interface Sharpening {
  /** By speaker, one in a net of one voice: [64] the envelope that deviations are taken from. */
  readonly means: readonly Float32Array[]
  /** By speaker likewise: [64, 64] to multiply deviations [frames, 64] with from the right. */
  readonly matrices: readonly Float32Array[]
  /** Share of a frame's difference from its neighbours within TIME_SPAN frames that is added to it. */
  readonly time: number
}

export const TIME_SPAN = 2
const TIME_GAIN = 0.3
/** Largest ratio of deviations that is believed. */
const RATIO_LIMIT = 4

const N = ENVELOPE_POINTS
/** [64, 64] orthonormal cosines, coefficient outer. */
const COSINES = Float64Array.from({ length: N * N }, (_, i) => {
  const c = Math.floor(i / N)
  return Math.sqrt((c === 0 ? 1 : 2) / N) * Math.cos((Math.PI * c * ((i % N) + 0.5)) / N)
})

/** Sharpening that multiplies cosine coefficient c of a speaker's deviation by that speaker's gains[c]. */
export const sharpeningOf = (
  means: readonly Float32Array[],
  gains: readonly ArrayLike<number>[],
  time: number,
): Sharpening => ({ means, matrices: gains.map(matrixOf), time })

function matrixOf(gains: ArrayLike<number>): Float32Array {
  const matrix = new Float32Array(N * N)
  for (let i = 0; i < N; i++)
    for (let k = 0; k < N; k++) {
      let sum = 0
      for (let c = 0; c < N; c++) sum += gains[c]! * COSINES[c * N + i]! * COSINES[c * N + k]!
      matrix[i * N + k] = sum
    }
  return matrix
}

/** A model whose envelopes are measured (evaluate.ts). */
interface Measurable {
  readonly config: Pick<AcousticConfig, 'speakers'>
  teacherForced(example: Example): { readonly frames: { readonly envelope: Float32Array } }
}

/**
 * Measures how much less a model's envelopes vary than the recordings', speaker by speaker, over audible frames.
 * The level keeps its gain 1; each other coefficient gets (recordings' deviation / model's) ^ amount.
 */
export function measureSharpening(predictor: Measurable, examples: Iterable<Example>, amount: number): Sharpening {
  const sums = Array.from({ length: Math.max(1, predictor.config.speakers.length) }, () => ({
    real: new Float64Array(N),
    predicted: new Float64Array(N),
    total: new Float64Array(N),
    count: 0,
  }))
  for (const example of examples) {
    const { envelope } = predictor.teacherForced(example).frames
    const audible = loudFrames(example.envelope)
    const own = sums[example.speaker]!
    addVariance(own.real, example.envelope, audible)
    addVariance(own.predicted, envelope, audible)
    for (let i = 0; i < envelope.length; i++) own.total[i % N]! += envelope[i]!
    own.count += audible.length
  }
  const gains = sums.map(({ real, predicted }) =>
    Array.from(real, (v, c) => {
      const ratio = Math.sqrt(v / predicted[c]!)
      return c === 0 || !(ratio > 1) ? 1 : Math.min(RATIO_LIMIT, ratio) ** amount
    }),
  )
  return sharpeningOf(
    sums.map(({ total, count }) => Float32Array.from(total, (v) => v / Math.max(1, count))),
    gains,
    TIME_GAIN,
  )
}

/** Adds the sums of squared deviations, by cosine coefficient, from an utterance's own mean. */
function addVariance(sums: Float64Array, envelope: Float32Array, audible: readonly boolean[]): void {
  const all = audible.flatMap((loud, f) => (loud ? [cosines(envelope, f)] : []))
  for (let c = 0; c < N; c++) {
    const mean = all.reduce((a, v) => a + v[c]!, 0) / Math.max(1, all.length)
    for (const v of all) sums[c]! += (v[c]! - mean) ** 2
  }
}

function cosines(envelope: Float32Array, frame: number): Float64Array {
  const out = new Float64Array(N)
  for (let c = 0; c < N; c++) for (let k = 0; k < N; k++) out[c]! += COSINES[c * N + k]! * envelope[frame * N + k]!
  return out
}

/** Sharpens envelopes [frames, 64]; edges are repeated in time. The exported graph does the same. */
export function sharpen(envelope: Float32Array, { means, matrices, time }: Sharpening, speaker: number): Float32Array {
  const mean = means[speaker]!
  const matrix = matrices[speaker]!
  const frames = envelope.length / N
  const fine = new Float32Array(envelope.length)
  for (let f = 0; f < frames; f++)
    for (let i = 0; i < N; i++) {
      const deviation = envelope[f * N + i]! - mean[i]!
      for (let k = 0; k < N; k++) fine[f * N + k]! += deviation * matrix[i * N + k]!
    }
  return fine.map((value, at) => {
    const f = Math.floor(at / N)
    const k = at % N
    let around = 0
    for (let o = 1; o <= TIME_SPAN; o++)
      around += fine[Math.max(0, f - o) * N + k]! + fine[Math.min(frames - 1, f + o) * N + k]!
    return mean[k]! + value + time * (value - around / (2 * TIME_SPAN))
  })
}
