/**
 * Measures a trained acoustic model on utterances it did not see, and gives its frames on the recordings' own durations
 * (teacher-forced), which are aligned with the recordings: for measures, and for training vocoders on predicted frames.
 */

import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import { ENVELOPE_POINTS, type Frames } from 'sparsewave/internal/frames'
import { DURATION_UNIT, readCached, type Utterance } from '../../data/index.ts'
import { loadTfjs, type Tf } from '../../engines/tfjs.ts'
import { createBatch } from './batches.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type AcousticConfig, FRAMES_PER_UNIT, PITCH_FIELDS } from './config.ts'
import { createExample, type Example, loudFrames } from './example.ts'
import { forward } from './forward.ts'
import { openCheckpoint } from './open.ts'
import { type Sharpening, sharpen } from './sharpen.ts'

/** Opens a checkpoint, a run's newest one, or a voice's. Throws CHECKPOINT_INVALID, VOICE_*, ENGINE_UNAVAILABLE. */
export async function openPredictor(
  checkpoint: string,
  options: { engine?: 'auto' | 'native' | 'cpu'; threads?: number } = {},
): Promise<Predictor> {
  const { tf } = await loadTfjs({ backend: options.engine ?? 'auto', threads: options.threads ?? 1 })
  return new Predictor(tf, openCheckpoint(checkpoint))
}

export interface TeacherForced {
  /** Predicted, on the recording's durations. */
  readonly frames: Frames
  /** [P] predicted durations in units, not rounded. */
  readonly durations: Float32Array
}

export class Predictor {
  readonly #tf: Tf
  readonly #checkpoint: Checkpoint
  readonly #shapes: ReadonlyMap<string, number[]>

  constructor(tf: Tf, checkpoint: Checkpoint) {
    this.#tf = tf
    this.#checkpoint = checkpoint
    this.#shapes = new Map(parametersOf(checkpoint.config).map((p) => [p.name, [...p.shape]]))
  }

  get config(): AcousticConfig {
    return this.#checkpoint.config
  }

  /**
   * Frames on the recording's durations; pitch and voicing are the model's own, as they are in synthesis. With the
   * sharpening of an export its envelopes are that export's.
   */
  teacherForced(example: Example, sharpening?: Sharpening): TeacherForced {
    const { normalization } = this.#checkpoint
    const { pitchMean, pitchSpread, envelopeMean, envelopeSpread, speakerPitch } = normalization
    const ownMean = pitchMean + (speakerPitch[example.speaker] ?? 0)
    const count = example.lnF0.length
    const first = this.#run(example)
    const lnF0 = new Float32Array(count)
    const voiced = new Uint8Array(count)
    for (let f = 0; f < count; f++) {
      const at = Math.floor(f / FRAMES_PER_UNIT) * PITCH_FIELDS + (f % FRAMES_PER_UNIT)
      lnF0[f] = ownMean + pitchSpread * first.pitch[at]!
      voiced[f] = first.pitch[at + FRAMES_PER_UNIT]! > 0 ? 1 : 0
    }
    const { envelope } = this.#run({ ...example, lnF0, voiced })
    const smooth = envelope.map((v, i) => envelopeSpread * v + envelopeMean[i % ENVELOPE_POINTS]!)
    return {
      frames: {
        count,
        f0: lnF0.map((v, f) => (voiced[f] ? Math.exp(v) : 0)),
        envelope: sharpening ? sharpen(smooth, sharpening, example.speaker) : smooth,
      },
      durations: first.lnDurations.map(Math.exp),
    }
  }

  #run(example: Example): Record<'lnDurations' | 'pitch' | 'envelope', Float32Array> {
    const tf = this.#tf
    const { config, average, normalization } = this.#checkpoint
    const out: Partial<Record<'lnDurations' | 'pitch' | 'envelope', Float32Array>> = {}
    tf.tidy(() => {
      const parameter = (name: string) => tf.tensor(average[name]!, this.#shapes.get(name)!)
      const predicted = forward({ tf, config, parameter }, createBatch([example], normalization))
      for (const name of ['lnDurations', 'pitch', 'envelope'] as const)
        out[name] = predicted[name].dataSync() as Float32Array
    })
    return out as Required<typeof out>
  }
}

export interface AcousticMeasures {
  readonly utterances: number
  /** Mean |error| of a symbol's duration, ms; of a whole utterance's, %. */
  readonly durationMs: number
  readonly lengthPercent: number
  /** Predicted length over real length, all utterances. */
  readonly lengthRatio: number
  /** RMS error of F0 in cents where both are voiced, and the median of its absolute value. */
  readonly f0Cents: number
  readonly f0MedianCents: number
  /** Share of frames whose voicing differs. */
  readonly voicingError: number
  /** Mean |error| of the envelope, not sharpened, dB, over frames within 50 dB of the loudest. */
  readonly envelopeDb: number
  /** RMS change of the predicted envelope, not sharpened, from frame to frame over the recording's: below 1 is smeared. */
  readonly movement: number
}

const DB = 10 / Math.LN10

/** Measures a model on cached utterances. */
export function measureAcoustic(
  predictor: Predictor,
  cache: string,
  utterances: readonly Utterance[],
): AcousticMeasures {
  const sums = { duration: 0, symbols: 0, length: 0, real: 0, predicted: 0, f0: 0, voiced: 0, voicing: 0, frames: 0 }
  const cents: number[] = []
  let envelope = 0
  let points = 0
  let movement = 0
  for (const utterance of utterances) {
    const example = createExample(predictor.config, utterance, readCached(cache, utterance.id).frames)
    const { frames, durations } = predictor.teacherForced(example)
    const rounded = durations.map((d) => Math.max(1, Math.round(d)))
    durations.forEach((d, s) => {
      sums.duration += Math.abs(d - example.durations[s]!)
    })
    sums.symbols += durations.length
    const length = rounded.reduce((a, b) => a + b, 0)
    sums.length += Math.abs(length - example.units) / example.units
    sums.predicted += length
    sums.real += example.units
    sums.frames += frames.count
    const audible = loudFrames(example.envelope)
    for (let f = 0; f < frames.count; f++) {
      const both = example.voiced[f] === 1 && frames.f0[f]! > 0
      if ((example.voiced[f] === 1) !== frames.f0[f]! > 0) sums.voicing++
      if (both) {
        sums.voiced++
        const error = (1200 / Math.LN2) * (Math.log(frames.f0[f]!) - example.lnF0[f]!)
        sums.f0 += error ** 2
        cents.push(Math.abs(error))
      }
      if (!audible[f]) continue
      for (let k = f * ENVELOPE_POINTS; k < (f + 1) * ENVELOPE_POINTS; k++)
        envelope += Math.abs(frames.envelope[k]! - example.envelope[k]!)
      points += ENVELOPE_POINTS
    }
    movement += deltaSpread(frames.envelope, audible) / deltaSpread(example.envelope, audible)
  }
  const n = utterances.length
  return {
    utterances: n,
    durationMs: ((sums.duration / sums.symbols) * DURATION_UNIT) / 24,
    lengthPercent: (100 * sums.length) / n,
    lengthRatio: sums.predicted / sums.real,
    f0Cents: Math.sqrt(sums.f0 / sums.voiced),
    f0MedianCents: cents.sort((a, b) => a - b)[cents.length >> 1] ?? Number.NaN,
    voicingError: sums.voicing / sums.frames,
    envelopeDb: (DB * envelope) / points,
    movement: movement / n,
  }
}

/** RMS change from frame to frame, over audible frames. */
function deltaSpread(envelope: Float32Array, audible: readonly boolean[]): number {
  let square = 0
  let count = 0
  for (let f = 1; f < audible.length; f++) {
    if (!audible[f]) continue
    for (let k = f * ENVELOPE_POINTS; k < (f + 1) * ENVELOPE_POINTS; k++)
      square += (envelope[k]! - envelope[k - ENVELOPE_POINTS]!) ** 2
    count += ENVELOPE_POINTS
  }
  return Math.sqrt(square / Math.max(1, count))
}
