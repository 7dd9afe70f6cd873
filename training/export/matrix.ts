/**
 * Prefix-sum compaction of one block-sparse matrix: of [strips][columns] blocks those that the mask keeps, brought together
 * in order. A kept block's place in the export is the number of kept blocks before it.
 */
import { BLOCK } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { BlockSparseMatrix } from 'sparsewave/internal/vocoder/sparse-wavernn/weights'
import { maskFlags } from '../net/blocks.ts'
import { checkMask, type Mask } from '../net/mask.ts'
import type { Segment } from '../net/vocoder-layout.ts'

/** Exclusive prefix sums: out[i] = flags[0] + .. + flags[i - 1]; one element more than `flags`, the last is the total. */
export function prefixSums(flags: Uint8Array): Uint32Array {
  const sums = new Uint32Array(flags.length + 1)
  for (let i = 0; i < flags.length; i++) sums[i + 1] = sums[i]! + flags[i]!
  return sums
}

/**
 * Compacts the matrix of segment `s`, whose weights are `values` [strips, columns, 16], to values [strips, kept, 16] and
 * column indices [strips, kept]. Throws when the mask does not fit the segment.
 */
export function compactMatrix(values: Float32Array, s: Segment & { kept: number }, mask: Mask): BlockSparseMatrix {
  checkMask(mask, s)
  const flags = maskFlags(mask, s)
  const place = prefixSums(flags)
  const compact = new Float32Array(mask.length * BLOCK)
  const index = new Uint16Array(mask.length)
  for (let block = 0; block < flags.length; block++) {
    if (flags[block] === 0) continue
    const to = place[block]!
    compact.set(values.subarray(block * BLOCK, (block + 1) * BLOCK), to * BLOCK)
    index[to] = block % s.columns
  }
  return { rows: s.rows, columns: s.columns, kept: s.kept, values: compact, index }
}
