/**
 * One utterance as the acoustic net sees it: ids, durations, and targets at 25 ms units and 5 ms frames. Every array is
 * consistent with `durations`: units = their sum, frames = 5 units.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { ENVELOPE_POINTS, type Frames } from 'sparsewave/internal/frames'
import { readCached } from '../../data/cache.ts'
import type { Utterance } from '../../data/corpus.ts'
import { type AcousticConfig, FRAMES_PER_UNIT, UNIT_FIELDS } from './config.ts'

/** Means and spreads that targets are normalised by. */
export interface Normalization {
  readonly pitchMean: number
  readonly pitchSpread: number
  /** [64] by point; the spread is common, so that differences between points keep their scale. */
  readonly envelopeMean: Float32Array
  readonly envelopeSpread: number
  /** By speaker: mean ln F0 less `pitchMean`. Empty in a net of one voice. */
  readonly speakerPitch: readonly number[]
}

export interface Example {
  readonly id: string
  /** Index of its speaker in the net's; 0 in a net of one voice. */
  readonly speaker: number
  /** [P] with a silence (0) at both ends. */
  readonly ids: Int32Array
  /** [P] units. */
  readonly durations: Int32Array
  readonly units: number
  /** [frames] ln F0 in nats, interpolated where unvoiced. */
  readonly lnF0: Float32Array
  /** [frames] 1 = voiced. */
  readonly voiced: Uint8Array
  /** [frames, 64]. */
  readonly envelope: Float32Array
}

/** ids of a phoneme string with the silences around it; symbols that are not in the set are left out. */
export function symbolIds(symbols: string, phonemes: string): Int32Array {
  const table = new Map(Array.from(symbols, (symbol, i) => [symbol, i + 1]))
  const ids = Array.from(phonemes, (symbol) => table.get(symbol)).filter((id) => id !== undefined)
  return Int32Array.of(0, ...ids, 0)
}

/**
 * Joins an utterance with its frames. The first speaker's are those that name none. Throws CORPUS_INVALID when it has no phonemes and
 * durations, or a symbol or speaker that the net does not have.
 */
export function createExample(
  { symbols, speakers }: Pick<AcousticConfig, 'symbols' | 'speakers'>,
  utterance: Utterance,
  frames: Frames,
): Example {
  const { id, phonemes, durations } = utterance
  const speaker = utterance.speaker === undefined || speakers.length === 0 ? 0 : speakers.indexOf(utterance.speaker)
  if (speaker < 0)
    throw new SparsewaveError(
      'CORPUS_INVALID',
      `Utterance ${id} is of ${utterance.speaker}, who is not among the model's speakers.`,
    )
  if (phonemes === undefined || durations === undefined)
    throw new SparsewaveError('CORPUS_INVALID', `Utterance ${id} has no phonemes with durations.`)
  const ids = symbolIds(symbols, phonemes)
  if (ids.length !== durations.length)
    throw new SparsewaveError('CORPUS_INVALID', `Utterance ${id} has a symbol that is not in the model's set.`)
  const units = durations.reduce((a, b) => a + b, 0)
  const count = units * FRAMES_PER_UNIT
  if (frames.count < count)
    throw new SparsewaveError('CORPUS_INVALID', `Utterance ${id} has ${frames.count} frames, its durations ${count}.`)
  const f0 = frames.f0.subarray(0, count)
  return {
    id,
    speaker,
    ids,
    durations: Int32Array.from(durations),
    units,
    lnF0: interpolateLnF0(f0),
    voiced: Uint8Array.from(f0, (v) => (v > 0 ? 1 : 0)),
    envelope: frames.envelope.subarray(0, count * ENVELOPE_POINTS),
  }
}

/** Examples of cached utterances, one after the other. */
export function* cachedExamples(
  config: Pick<AcousticConfig, 'symbols' | 'speakers'>,
  utterances: readonly Utterance[],
  cache: string,
): Generator<Example> {
  for (const utterance of utterances) yield createExample(config, utterance, readCached(cache, utterance.id).frames)
}

/** ln F0, linear between voiced frames and constant beyond the first and last; all 0 when nothing is voiced. */
export function interpolateLnF0(f0: Float32Array): Float32Array {
  const out = new Float32Array(f0.length)
  let last = -1
  for (let i = 0; i < f0.length; i++) {
    if (!(f0[i]! > 0)) continue
    const value = Math.log(f0[i]!)
    const from = last < 0 ? value : out[last]!
    for (let k = last + 1; k < i; k++) out[k] = from + ((value - from) * (k - last)) / (i - last)
    out[i] = value
    last = i
  }
  if (last >= 0) out.fill(out[last]!, last + 1)
  return out
}

/** The symbol of every unit, and its place in it: [U] and [U, UNIT_FIELDS]. */
export function unitPlaces(durations: ArrayLike<number>): { symbol: Int32Array; places: Float32Array } {
  let units = 0
  for (let s = 0; s < durations.length; s++) units += durations[s]!
  const symbol = new Int32Array(units)
  const places = new Float32Array(units * UNIT_FIELDS)
  let u = 0
  for (let s = 0; s < durations.length; s++)
    for (let i = 0; i < durations[s]!; i++, u++) {
      symbol[u] = s
      places[u * UNIT_FIELDS] = (i + 0.5) / durations[s]!
      places[u * UNIT_FIELDS + 1] = Math.log(durations[s]!)
      places[u * UNIT_FIELDS + 2] = (i + 0.5) / 10
    }
  return { symbol, places }
}

/** By speaker of `count`: mean ln F0 of the voiced frames, less `pitchMean`; 0 for one without any. */
export function measureSpeakerPitch(examples: Iterable<Example>, count: number, pitchMean: number): number[] {
  const sums = Array.from({ length: count }, () => ({ total: 0, frames: 0 }))
  for (const { speaker, lnF0, voiced } of examples)
    for (let f = 0; f < lnF0.length; f++) {
      if (!voiced[f]) continue
      sums[speaker]!.total += lnF0[f]!
      sums[speaker]!.frames++
    }
  return sums.map(({ total, frames }) => (frames > 0 ? total / frames - pitchMean : 0))
}

/** Measures the normalisation of a net of one voice over examples. */
export function measureNormalization(examples: Iterable<Example>): Normalization {
  let voiced = 0
  let sum = 0
  let square = 0
  let count = 0
  const pointSum = new Float64Array(ENVELOPE_POINTS)
  let pointSquare = 0
  for (const { lnF0, voiced: v, envelope } of examples) {
    for (let i = 0; i < lnF0.length; i++) {
      if (!v[i]) continue
      voiced++
      sum += lnF0[i]!
      square += lnF0[i]! ** 2
    }
    count += lnF0.length
    for (let i = 0; i < envelope.length; i++) {
      pointSum[i % ENVELOPE_POINTS]! += envelope[i]!
      pointSquare += envelope[i]! ** 2
    }
  }
  const pitchMean = sum / Math.max(1, voiced)
  const envelopeMean = Float32Array.from(pointSum, (v) => v / Math.max(1, count))
  const meanSquare = envelopeMean.reduce((a, m) => a + m * m, 0) / ENVELOPE_POINTS
  const variance = pointSquare / Math.max(1, count * ENVELOPE_POINTS) - meanSquare
  return {
    pitchMean,
    pitchSpread: Math.max(0.01, Math.sqrt(Math.max(0, square / Math.max(1, voiced) - pitchMean ** 2))),
    envelopeMean,
    speakerPitch: [],
    envelopeSpread: Math.max(0.01, Math.sqrt(Math.max(0, variance))),
  }
}

/** Frames further than this (nats of power; 50 dB) below the loudest hold little but the noise floor. */
const SILENCE_DEPTH = 11.5

/** Which frames of an envelope [frames, 64] are within 50 dB of its loudest. */
export function loudFrames(envelope: Float32Array): boolean[] {
  const levels = Array.from({ length: envelope.length / ENVELOPE_POINTS }, (_, f) => {
    const frame = envelope.subarray(f * ENVELOPE_POINTS, (f + 1) * ENVELOPE_POINTS)
    return frame.reduce((a, b) => a + b, 0) / ENVELOPE_POINTS
  })
  const loudest = levels.reduce((a, v) => Math.max(a, v), Number.NEGATIVE_INFINITY)
  return levels.map((level) => level >= loudest - SILENCE_DEPTH)
}
