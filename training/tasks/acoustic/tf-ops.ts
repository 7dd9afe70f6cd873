/**
 * `Ops` in TensorFlow.js over padded batches [batch, length, channels]. Positions outside the mask never reach the
 * others: they are zeroed before every convolution and left out of attention.
 */
import type { Tensor, Tensor3D } from '@tensorflow/tfjs'
import { NORM_EPSILON, type Ops } from 'sparsewave/internal/acoustic/net/ops'
import type { Tf } from '../../engines/tfjs.ts'

type Save = (tensors: Tensor[]) => void

/** Operations whose gradients take a third of the kernels that the library's own take; they are half of a step's cost. */
export function lightGradients(tf: Tf) {
  return {
    relu: tf.customGrad((x, save) => {
      const y = tf.relu(x as Tensor)
      ;(save as Save)([y])
      return { value: y, gradFunc: (dy, saved) => [dy.mul(saved[0]!.greater(0).cast('float32'))] }
    }),
    abs: tf.customGrad((x, save) => {
      ;(save as Save)([x as Tensor])
      return { value: tf.abs(x as Tensor), gradFunc: (dy, saved) => [dy.mul(saved[0]!.sign())] }
    }),
    /** Layer normalisation over the last of three axes. */
    normalize: tf.customGrad((...inputs) => {
      const [x, scale, shift, save] = inputs as unknown as [Tensor, Tensor, Tensor, Save]
      const centred = x.sub(x.mean(-1, true))
      const factor = centred.square().mean(-1, true).add(NORM_EPSILON).rsqrt()
      const unit = centred.mul(factor)
      save([unit, factor, scale])
      return {
        value: unit.mul(scale).add(shift),
        gradFunc: (dy, saved) => {
          const [u, f, s] = saved as [Tensor, Tensor, Tensor]
          const g = dy.mul(s)
          const dx = g.sub(g.mean(-1, true)).sub(u.mul(g.mul(u).mean(-1, true)))
          return [dx.mul(f), dy.mul(u).sum([0, 1]), dy.sum([0, 1])]
        },
      }
    }),
  }
}

export interface TfOpsOptions {
  readonly tf: Tf
  readonly parameter: (name: string) => Tensor
  /** [batch, length, 1] of 1 and 0; undefined when nothing is padded. */
  readonly mask: Tensor3D | undefined
  /** [batch, 1, channels] factors for the next dropout; undefined when not training. */
  readonly keep?: ((batch: number, channels: number) => Tensor) | undefined
}

export function tfOps({ tf, parameter, mask, keep }: TfOpsOptions): Ops<Tensor> {
  const sizes = (x: Tensor) => x.shape as [number, number, number]
  const { relu, normalize } = lightGradients(tf)
  const linear: Ops<Tensor>['linear'] = (x, name, from, to) => {
    const [batch, length] = sizes(x)
    const y = tf.matMul(x.reshape([batch * length, from]), parameter(`${name}.weight`) as never)
    return y.add(parameter(`${name}.bias`)).reshape([batch, length, to])
  }
  return {
    linear,
    embed(ids, name, _count, channels) {
      const [batch, length] = ids.shape as [number, number]
      return tf.gather(parameter(`${name}.table`), ids.flatten().toInt()).reshape([batch, length, channels])
    },
    conv(x, name) {
      const input = mask ? x.mul(mask) : x
      const y = tf.conv1d(input as Tensor3D, parameter(`${name}.weight`) as Tensor3D, 1, 'same')
      return y.add(parameter(`${name}.bias`))
    },
    norm: (x, name) => normalize(x, parameter(`${name}.scale`), parameter(`${name}.shift`)),
    attention(x, name, channels, heads) {
      const [batch, length] = sizes(x)
      const width = channels / heads
      const inner = linear(x, `${name}.in`, channels, 3 * channels)
      // [batch, heads, length, width] of queries, keys and values.
      const [q, k, v] = tf
        .split(inner, 3, -1)
        .map((part) => part.reshape([batch, length, heads, width]).transpose([0, 2, 1, 3])) as [Tensor, Tensor, Tensor]
      let scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(width))
      if (mask) scores = scores.add(mask.reshape([batch, 1, 1, length]).sub(1).mul(1e9))
      const mixed = tf.matMul(tf.softmax(scores), v).transpose([0, 2, 1, 3]).reshape([batch, length, channels])
      return linear(mixed, `${name}.out`, channels, channels)
    },
    shift: (x, row, name, from, to) => tf.add(x, linear(row, name, from, to)),
    relu: (x) => relu(x),
    add: (a, b) => tf.add(a, b),
    dropout: (x, channels) => (keep ? x.mul(keep(x.shape[0]!, channels)) : x),
    spread(x, factor, channels) {
      const [batch, length] = sizes(x)
      return x.reshape([batch, length * factor, channels])
    },
  }
}
