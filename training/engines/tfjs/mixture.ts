/**
 * The loss of one band in TensorFlow.js: a mixture of four logistics (docs/reference/net.md), forward and backward.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { Tf } from '../tfjs.ts'

const LOG_SCALE_MIN = -7
const LOG_SCALE_MAX = 4

export interface Mixture {
  /** [4, n] each: logits of the shares, means, log scales before they are clipped. */
  readonly logits: Tensor2D
  readonly means: Tensor2D
  readonly scales: Tensor2D
  /** [1, n]. */
  readonly target: Tensor2D
  /** [n] of every column's loss. */
  readonly weights: Tensor1D
}

export interface MixtureResult {
  /** Weighted sum of the negative log densities, nats. */
  readonly loss: Scalar
  /** [12, n]. */
  readonly outputs: Tensor2D
  /** Gradients [4, n]. */
  readonly dlogits: Tensor2D
  readonly dmeans: Tensor2D
  readonly dscales: Tensor2D
}

export function mixtureLoss(tf: Tf, { logits, means, scales, target, weights }: Mixture): MixtureResult {
  const weight = weights.expandDims<Tensor2D>(0)
  const logScale: Tensor2D = tf.clipByValue(scales, LOG_SCALE_MIN, LOG_SCALE_MAX)
  const inverse: Tensor2D = tf.exp(tf.neg(logScale))
  const v: Tensor2D = tf.mul(tf.sub(target, means), inverse)
  const away: Tensor2D = tf.abs(v)
  const tail: Tensor2D = tf.exp(tf.neg(away))
  const share: Tensor2D = tf.sub(logits, tf.logSumExp(logits, 0, true))
  // The logistic density is symmetric: with |v| nothing overflows.
  const joint: Tensor2D = tf.sub(tf.sub(share, away), tf.add(tf.mul(2, tf.log1p(tail)), logScale))
  const density: Tensor2D = tf.logSumExp(joint, 0, true)
  const responsibility: Tensor2D = tf.exp(tf.sub(joint, density))
  // d log logistic(v) / dv = -tanh(v / 2).
  const slope: Tensor2D = tf.neg(tf.mul(tf.sign(v), tf.div(tf.sub(1, tail), tf.add(1, tail))))
  const free = tf.cast(tf.equal(scales, logScale), 'float32')
  const nats = tf.neg(tf.mul(weight, density))
  return {
    // A lane without weight does not count, whatever its numbers are.
    loss: tf.where(tf.notEqual(weight, 0), nats, tf.zerosLike(nats)).sum(),
    outputs: tf.concat([logits, means, scales], 0),
    dlogits: tf.mul(weight, tf.sub(tf.exp(share), responsibility)),
    dmeans: tf.mul(tf.mul(weight, responsibility), tf.mul(slope, inverse)),
    dscales: tf.mul(tf.mul(tf.mul(weight, responsibility), tf.add(1, tf.mul(v, slope))), free),
  }
}
