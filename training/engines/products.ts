/**
 * The three products of a block-sparse matrix, on activations [groups, features, 16 lanes]. Native where the addon is built
 * (native/train), else these loops, which define them.
 */

import { LANES } from '../net/engine.ts'
import { BLOCK_ROWS, type MaskedMatrix } from '../net/layout.ts'
import type { Mask } from '../net/mask.ts'
import { stripColumns } from '../net/mask.ts'

/**
 * One product. `weights` is the matrix's part of the flat vector (of the gradient for `accumulate`), [rows / 16, columns, 16];
 * `x` [groups, columns, 16], `y` [groups, rows, 16].
 */
export type Product = (
  weights: Float32Array,
  matrix: Pick<MaskedMatrix, 'rows' | 'columns'>,
  mask: Mask,
  x: Float32Array,
  y: Float32Array,
) => void

export interface Products {
  readonly name: string
  /** y += W x over the kept blocks. */
  readonly forward: Product
  /** x += W' y. */
  readonly backward: Product
  /** gradient += y x', summed over lanes, in the kept blocks only. */
  readonly accumulate: Product
}

/** Calls `visit` for every kept block and group with the first index of its weights, of its column in x and of its rows in y. */
function visitBlocks(
  { rows, columns }: Pick<MaskedMatrix, 'rows' | 'columns'>,
  mask: Mask,
  groups: number,
  visit: (w: number, x: number, y: number) => void,
): void {
  for (let strip = 0; strip < rows / BLOCK_ROWS; strip++)
    for (const column of stripColumns(mask, { rows }, strip))
      for (let g = 0; g < groups; g++)
        visit(
          (strip * columns + column) * BLOCK_ROWS,
          (g * columns + column) * LANES,
          (g * rows + strip * BLOCK_ROWS) * LANES,
        )
}

const product =
  (term: (w: Float32Array, wi: number, x: Float32Array, xi: number, y: Float32Array, yi: number) => void): Product =>
  (weights, matrix, mask, x, y) =>
    visitBlocks(matrix, mask, x.length / (matrix.columns * LANES), (w, xi, yi) => {
      for (let r = 0; r < BLOCK_ROWS; r++)
        for (let l = 0; l < LANES; l++) term(weights, w + r, x, xi + l, y, yi + r * LANES + l)
    })

export const portableProducts: Products = {
  name: 'portable',
  forward: product((w, wi, x, xi, y, yi) => {
    y[yi]! += w[wi]! * x[xi]!
  }),
  backward: product((w, wi, x, xi, y, yi) => {
    x[xi]! += w[wi]! * y[yi]!
  }),
  accumulate: product((w, wi, x, xi, y, yi) => {
    w[wi]! += x[xi]! * y[yi]!
  }),
}
