/**
 * Block-sparse products in TensorFlow.js, on any of its backends: rows of the activations are gathered by kept column and multiplied strip by
 * strip, so that dropped blocks cost nothing. Activations are [features, n], the n columns independent of one another.
 */
import type { Rank, Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs'
import { LANES } from '../../net/engine.ts'
import { BLOCK_ROWS, type MaskedMatrix } from '../../net/layout.ts'
import type { Mask } from '../../net/mask.ts'
import type { Products } from '../products.ts'
import type { Tf } from '../tfjs.ts'

export interface TfMatrix {
  /** W x. */
  forward(x: Tensor2D): Tensor2D
  /** W' y. */
  backward(y: Tensor2D): Tensor2D
  /** y x' in the matrix's blocks: [strips, kept, 16]; with `dense` in all of them, [strips, columns, 16]. */
  gradient(x: Tensor2D, y: Tensor2D, dense?: boolean): Tensor3D
}

/** `weights` [strips, columns, 16]; without a mask every block counts. Makes tensors: to be called in a `tf.tidy`. */
export function tfMatrix(
  tf: Tf,
  weights: Float32Array,
  { rows, columns }: Pick<MaskedMatrix, 'rows' | 'columns'>,
  mask: Mask | undefined,
): TfMatrix {
  const strips = rows / BLOCK_ROWS
  const denseGradient = (x: Tensor2D, y: Tensor2D) =>
    tf.matMul(y, x, false, true).reshape([strips, BLOCK_ROWS, columns]).transpose<Tensor3D>([0, 2, 1])
  if (!mask) {
    const w = tf
      .tensor3d(weights, [strips, columns, BLOCK_ROWS])
      .transpose([0, 2, 1])
      .reshape<Tensor2D>([rows, columns])
    return {
      forward: (x) => tf.matMul(w, x),
      backward: (y) => tf.matMul(w, y, true),
      gradient: denseGradient,
    }
  }
  const kept = mask.length / strips
  const column = tf.tensor1d(Int32Array.from(mask), 'int32')
  const w = tf.tensor3d(keptBlocks(weights, columns, mask, kept), [strips, kept, BLOCK_ROWS])
  const strip = (y: Tensor2D) => y.reshape<Tensor3D>([strips, BLOCK_ROWS, y.shape[1]])
  const gathered = (x: Tensor2D) => tf.gather(x, column).reshape<Tensor3D>([strips, kept, x.shape[1]])
  const { places, most } = placesByColumn(mask, columns)
  const place = tf.tensor1d(places, 'int32')
  return {
    forward: (x) => tf.matMul(w, gathered(x), true).reshape([rows, x.shape[1]]),
    backward(y) {
      const n = y.shape[1]
      const terms = tf.matMul(w, strip(y)).reshape<Tensor2D>([mask.length, n])
      // A row of zeros, for columns that fewer strips keep than others.
      const padded = tf.concat([terms, tf.zeros<Rank.R2>([1, n])])
      return tf.gather(padded, place).reshape([columns, most, n]).sum<Tensor2D>(1)
    },
    gradient: (x, y, dense = false) =>
      dense ? denseGradient(x, y) : tf.matMul<Tensor3D>(gathered(x), strip(y), false, true),
  }
}

function keptBlocks(weights: Float32Array, columns: number, mask: Mask, kept: number): Float32Array {
  const out = new Float32Array(mask.length * BLOCK_ROWS)
  for (const [k, column] of mask.entries()) {
    const from = (Math.floor(k / kept) * columns + column) * BLOCK_ROWS
    out.set(weights.subarray(from, from + BLOCK_ROWS), k * BLOCK_ROWS)
  }
  return out
}

/** Places in the mask that keep each column, [columns, most]; `mask.length` where there are fewer. */
function placesByColumn(mask: Mask, columns: number): { places: Int32Array; most: number } {
  const counts = new Int32Array(columns)
  for (const column of mask) counts[column]!++
  const most = Math.max(1, ...counts)
  const places = new Int32Array(columns * most).fill(mask.length)
  counts.fill(0)
  for (const [k, column] of mask.entries()) places[column * most + counts[column]!++] = k
  return { places, most }
}

/** Adds `made`, what `gradient` returned, to a segment's part of the flat gradient. */
export function addBlocks(
  part: Float32Array,
  made: ArrayLike<number>,
  { rows, columns }: Pick<MaskedMatrix, 'rows' | 'columns'>,
  mask: Mask | undefined,
): void {
  const blocks = made.length / BLOCK_ROWS
  const kept = blocks / (rows / BLOCK_ROWS)
  for (let k = 0; k < blocks; k++) {
    const block = kept === columns || !mask ? k : Math.floor(k / kept) * columns + mask[k]!
    for (let r = 0; r < BLOCK_ROWS; r++) part[block * BLOCK_ROWS + r]! += made[k * BLOCK_ROWS + r]!
  }
}

/** The products that plugged-in tasks are computed with (training/engines/net.ts), in TensorFlow.js. */
export function tfjsProducts(tf: Tf): Products {
  /** [groups, features, 16] as [features, groups x 16]. */
  const load = (data: Float32Array, features: number): Tensor2D =>
    tf
      .tensor3d(data, [data.length / (features * LANES), features, LANES])
      .transpose([1, 0, 2])
      .reshape<Tensor2D>([features, data.length / features])
  const add = (to: Float32Array, made: Tensor, features: number) => {
    const lanes = made.reshape([features, to.length / (features * LANES), LANES]).transpose([1, 0, 2])
    for (const [i, v] of lanes.dataSync().entries()) to[i]! += v
  }
  return {
    name: `tfjs (${tf.getBackend()})`,
    forward: (weights, m, mask, x, y) =>
      tf.tidy(() => add(y, tfMatrix(tf, weights, m, mask).forward(load(x, m.columns)), m.rows)),
    backward: (weights, m, mask, x, y) =>
      tf.tidy(() => add(x, tfMatrix(tf, weights, m, mask).backward(load(y, m.rows)), m.columns)),
    accumulate: (gradient, m, mask, x, y) =>
      tf.tidy(() => {
        const made = tfMatrix(tf, gradient, m, mask).gradient(load(x, m.columns), load(y, m.rows))
        addBlocks(gradient, made.dataSync(), m, mask)
      }),
  }
}
