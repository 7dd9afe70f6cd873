/**
 * The net over a padded batch in TensorFlow.js with the recording's own durations and pitch (teacher forcing), and its
 * losses. Padding adds nothing to any loss.
 */
import type { Scalar, Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs'
import {
  decode,
  encode,
  placeUnits,
  predictDurations,
  predictPitch,
  speakerValues,
} from 'sparsewave/internal/acoustic/net/net'
import type { Tf } from '../../engines/tfjs.ts'
import type { Batch } from './batches.ts'
import {
  type AcousticConfig,
  ENVELOPE_POINTS,
  FRAMES_PER_UNIT,
  PITCH_FIELDS,
  POSITION_FIELDS,
  UNIT_FIELDS,
} from './config.ts'
import { lightGradients, tfOps } from './tf-ops.ts'

export interface Predictions {
  /** [B, P, 1] */
  readonly lnDurations: Tensor
  /** [B, U, 10] normalised ln F0, voicing logits. */
  readonly pitch: Tensor
  /** [B, F, 64] normalised. */
  readonly envelope: Tensor
}

/** Parts of the loss; `total` is what is minimised. */
export interface Losses {
  readonly total: Scalar
  /** Mean |error| of ln duration. */
  readonly duration: Scalar
  /** Mean |error| of normalised ln F0, voiced frames. */
  readonly pitch: Scalar
  /** Cross-entropy, nats. */
  readonly voicing: Scalar
  /** Mean |error| of the normalised envelope. */
  readonly envelope: Scalar
}
export const LOSSES = ['total', 'duration', 'pitch', 'voicing', 'envelope'] as const

export interface ForwardOptions {
  readonly tf: Tf
  readonly config: AcousticConfig
  readonly parameter: (name: string) => Tensor
  readonly keep?: ((batch: number, channels: number) => Tensor) | undefined
}

export function forward({ tf, config, parameter, keep }: ForwardOptions, batch: Batch): Predictions {
  const { size: B, symbols: P, units: U } = batch
  const symbolMask = tf.tensor3d(batch.symbolMask, [B, P, 1])
  const unitMask = tf.tensor3d(batch.unitMask, [B, U, 1])
  const frameMask = unitMask.tile([1, 1, FRAMES_PER_UNIT]).reshape([B, U * FRAMES_PER_UNIT, 1]) as Tensor3D
  const symbolOps = tfOps({ tf, parameter, mask: symbolMask, keep })
  const unitOps = tfOps({ tf, parameter, mask: unitMask, keep })
  const frameOps = tfOps({ tf, parameter, mask: frameMask, keep })

  const ids = tf.tensor2d(batch.ids, [B, P], 'int32')
  const speaker =
    config.speakers.length > 0
      ? speakerValues(symbolOps, config, tf.tensor2d(batch.speakers, [B, 1], 'int32'))
      : undefined
  const encoded = encode(symbolOps, config, ids, tf.tensor3d(batch.positions, [B, P, POSITION_FIELDS]), speaker)
  const lnDurations = predictDurations(symbolOps, config, encoded)
  const repeated = tf
    .gather(encoded.reshape([B * P, config.channels]), tf.tensor1d(batch.symbolOfUnit, 'int32'))
    .reshape([B, U, config.channels])
  const units = placeUnits(unitOps, config, repeated, tf.tensor3d(batch.places, [B, U, UNIT_FIELDS]))
  const pitch = predictPitch(unitOps, config, units, speaker)
  const given = tf.tensor3d(batch.pitch, [B, U, PITCH_FIELDS])
  return { lnDurations, pitch, envelope: decode(unitOps, frameOps, config, units, given, speaker) }
}

// An L1 loss alone is content with a smeared envelope; its differences along time and frequency are not.
const DELTA_TIME = 1
const DELTA_POINTS = 1
const PITCH_UNVOICED = 0.1

export function losses(tf: Tf, batch: Batch, { lnDurations, pitch, envelope }: Predictions): Losses {
  const { size: B, symbols: P, units: U } = batch
  const F = U * FRAMES_PER_UNIT
  const { abs } = lightGradients(tf)
  const mean = (values: Tensor, weights: Tensor) => values.mul(weights).sum().div(weights.sum()) as Scalar

  const symbolMask = tf.tensor2d(batch.symbolMask, [B, P])
  const durationError = lnDurations.reshape([B, P]).sub(tf.tensor2d(batch.lnDurations, [B, P]))
  const duration = mean(abs(durationError), symbolMask)

  const target = tf.tensor3d(batch.pitch, [B, U, PITCH_FIELDS])
  const half = [B, U, FRAMES_PER_UNIT] as [number, number, number]
  const first = (x: Tensor) => tf.slice(x as Tensor3D, [0, 0, 0], half)
  const second = (x: Tensor) => tf.slice(x as Tensor3D, [0, 0, FRAMES_PER_UNIT], half)
  const voiced = second(target)
  const unitMask = tf.tensor3d(batch.unitMask, [B, U, 1]).tile([1, 1, FRAMES_PER_UNIT])
  const pitchError = first(pitch).sub(first(target))
  const pitchWeight = voiced
    .mul(1 - PITCH_UNVOICED)
    .add(PITCH_UNVOICED)
    .mul(unitMask)
  const pitchLoss = mean(abs(pitchError), voiced.mul(unitMask).add(1e-9))
  // Differences between neighbouring frames keep the contour's shape; mean |error| of the whole keeps its height.
  const flat = pitchError.mul(pitchWeight).reshape([B, F])
  const pitchDelta = abs(difference(tf, flat, 1))
    .sum()
    .div(pitchWeight.sum()) as Scalar
  const pitchAll = mean(abs(pitchError), pitchWeight)
  const logits = second(pitch)
  // Cross-entropy from logits: max(x, 0) - x y + ln(1 + exp(-|x|)).
  const crossEntropy = logits.relu().sub(logits.mul(voiced)).add(logits.abs().neg().exp().log1p())
  const voicing = mean(crossEntropy, unitMask)

  const weight = tf.tensor3d(batch.frameWeight, [B, F, 1])
  const weights = weight.sum().mul(ENVELOPE_POINTS)
  const error = envelope.sub(tf.tensor3d(batch.envelope, [B, F, ENVELOPE_POINTS])).mul(weight)
  const l1 = (x: Tensor) => abs(x).sum().div(weights) as Scalar
  const envelopeLoss = l1(error)
  const total = tf.addN([
    duration,
    pitchAll,
    pitchDelta,
    voicing,
    envelopeLoss,
    l1(difference(tf, error, 1)).mul(DELTA_TIME),
    l1(difference(tf, error, 2)).mul(DELTA_POINTS),
  ]) as Scalar
  return { total, duration, pitch: pitchLoss, voicing, envelope: envelopeLoss }
}

/** x[i + 1] - x[i] along an axis. */
function difference(tf: Tf, x: Tensor, axis: number): Tensor {
  const begin = x.shape.map(() => 0)
  const size = x.shape.map((n, i) => (i === axis ? n - 1 : n))
  const ahead = tf.slice(x as Tensor4D, begin.map((_, i) => (i === axis ? 1 : 0)) as never, size as never)
  return ahead.sub(tf.slice(x as Tensor4D, begin as never, size as never))
}
