/**
 * What mask methods do to blocks: norms, the best of every strip, exchange of kept blocks. A block is named by
 * strip * columns + column; its 16 weights start at offset + 16 * that in the flat vector.
 */
import { BLOCK_ROWS, type MaskedMatrix } from './layout.ts'
import { type Mask, type MaskSet, stripColumns, type Weights } from './mask.ts'

export const stripsOf = (m: Pick<MaskedMatrix, 'rows'>): number => m.rows / BLOCK_ROWS
export const blocksOf = (m: Pick<MaskedMatrix, 'rows' | 'columns'>): number => stripsOf(m) * m.columns

/** Share of all matrices' blocks that masks leave out, 0-1. */
export function sparsityOf(masks: MaskSet, matrices: readonly MaskedMatrix[]): number {
  let kept = 0
  let all = 0
  for (const m of matrices) {
    kept += masks.get(m.name)?.length ?? blocksOf(m)
    all += blocksOf(m)
  }
  return all === 0 ? 0 : 1 - kept / all
}

/** L2 norm of every block of a matrix in a flat vector: [strips, columns]. */
export function blockNorms(flat: Float32Array, m: MaskedMatrix): Float32Array {
  const norms = new Float32Array(blocksOf(m))
  for (let b = 0; b < norms.length; b++) {
    const at = m.offset + b * BLOCK_ROWS
    let sum = 0
    for (let k = at; k < at + BLOCK_ROWS; k++) sum += flat[k]! * flat[k]!
    norms[b] = Math.sqrt(sum)
  }
  return norms
}

/** The `kept` columns of highest score in every strip of `scores` [strips, columns]; of equal ones the first. */
export function topColumns(scores: Float32Array, columns: number, kept: number): Mask {
  const strips = scores.length / columns
  const mask = new Uint16Array(strips * kept)
  const scratch = new Float32Array(columns)
  for (let s = 0; s < strips; s++) {
    const row = scores.subarray(s * columns, (s + 1) * columns)
    scratch.set(row)
    const threshold = select(scratch, columns - kept)
    let ties = kept
    for (let c = 0; c < columns; c++) if (row[c]! > threshold) ties--
    for (let c = 0, at = s * kept; c < columns; c++) {
      if (row[c]! > threshold || (row[c] === threshold && ties-- > 0)) mask[at++] = c
    }
  }
  return mask
}

/** The value that would be at index `k` if `values` were sorted (Hoare's quickselect); reorders them. */
function select(values: Float32Array, k: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = values[(low + high) >> 1]!
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! < pivot) i++
      while (values[j]! > pivot) j--
      if (i <= j) {
        const swap = values[i]!
        values[i++] = values[j]!
        values[j--] = swap
      }
    }
    if (k <= j) high = j
    else if (k >= i) low = i
    else break
  }
  return values[k]!
}

/** 1 for kept blocks, else 0: [strips, columns]. */
export function maskFlags(mask: Mask, m: Pick<MaskedMatrix, 'rows' | 'columns'>): Uint8Array {
  const flags = new Uint8Array(blocksOf(m))
  const kept = mask.length / stripsOf(m)
  for (let i = 0; i < mask.length; i++) flags[Math.floor(i / kept) * m.columns + mask[i]!] = 1
  return flags
}

/** Share of the blocks of `a` that `b` keeps too, over all matrices. */
export function overlap(a: MaskSet, b: MaskSet, matrices: readonly MaskedMatrix[]): number {
  let same = 0
  let all = 0
  for (const m of matrices) {
    const flags = maskFlags(b.get(m.name)!, m)
    const mask = a.get(m.name)!
    for (let s = 0; s < stripsOf(m); s++)
      for (const c of stripColumns(mask, m, s)) {
        same += flags[s * m.columns + c]!
        all++
      }
  }
  return same / all
}

/** Blocks that `next` keeps and `before` does not. */
export function newborns(before: Mask, next: Mask, m: MaskedMatrix): number[] {
  const was = maskFlags(before, m)
  const flags = maskFlags(next, m)
  const born: number[] = []
  for (let b = 0; b < flags.length; b++) if (flags[b] && !was[b]) born.push(b)
  return born
}

/** Gives a block the value 0 (or leaves its weights, `keepWeights`) and no past: Adam's moments 0, the average the weight itself. */
export function resetBlock(weights: Weights, m: MaskedMatrix, block: number, keepWeights = false): void {
  const from = m.offset + block * BLOCK_ROWS
  const to = from + BLOCK_ROWS
  if (!keepWeights) weights.parameters.fill(0, from, to)
  weights.first.fill(0, from, to)
  weights.second.fill(0, from, to)
  weights.average.set(weights.parameters.subarray(from, to), from)
}

/**
 * In every strip exchanges the `count` kept blocks of lowest `worth` for the `count` dropped ones of highest `promise`
 * (both [strips, columns]). The basis of SET and RigL.
 */
export function exchange(mask: Mask, m: MaskedMatrix, count: number, worth: Float32Array, promise: Float32Array): Mask {
  const kept = mask.length / stripsOf(m)
  const n = Math.min(count, kept, m.columns - kept)
  const next = mask.slice()
  const flags = maskFlags(mask, m)
  for (let s = 0; s < stripsOf(m); s++) {
    const at = s * m.columns
    const row = next.subarray(s * kept, (s + 1) * kept)
    const order = Array.from(row).sort((a, b) => worth[at + b]! - worth[at + a]! || a - b)
    const grown = Array.from({ length: m.columns }, (_, c) => c)
      .filter((c) => !flags[at + c])
      .sort((a, b) => promise[at + b]! - promise[at + a]! || a - b)
    row.set(Uint16Array.from([...order.slice(0, kept - n), ...grown.slice(0, n)]).sort())
  }
  return next
}

/** Zeroes what lies outside the masks of all members in the masked matrices of a flat gradient. */
export function keepMasked(
  gradient: Float32Array,
  members: readonly MaskSet[],
  matrices: readonly MaskedMatrix[],
): void {
  for (const m of matrices) {
    const kept = new Uint8Array(blocksOf(m))
    for (const masks of members) for (const [b, f] of maskFlags(masks.get(m.name)!, m).entries()) if (f) kept[b] = 1
    for (let b = 0; b < kept.length; b++) {
      if (!kept[b]) gradient.fill(0, m.offset + b * BLOCK_ROWS, m.offset + (b + 1) * BLOCK_ROWS)
    }
  }
}

/** One number a block for all matrices together, in one array: where each matrix's part [strips, columns] begins, and the length. */
export class ScoreLayout {
  readonly matrices: readonly MaskedMatrix[]
  readonly #starts: number[] = []
  readonly size: number

  constructor(matrices: readonly MaskedMatrix[]) {
    this.matrices = matrices
    let size = 0
    for (const m of matrices) {
      this.#starts.push(size)
      size += blocksOf(m)
    }
    this.size = size
  }

  part<A extends Float32Array | Uint8Array>(all: A, index: number): A {
    const from = this.#starts[index]!
    return all.subarray(from, from + blocksOf(this.matrices[index]!)) as A
  }

  start(index: number): number {
    return this.#starts[index]!
  }

  /** The masks that keep the best `kept` blocks of every strip. */
  top(scores: Float32Array): Map<string, Mask> {
    return new Map(this.matrices.map((m, i) => [m.name, topColumns(this.part(scores, i), m.columns, m.kept)]))
  }

  /** sum_r w_r g_r of every block: the derivative of the loss by a gate on the block. */
  gateGradient(parameters: Float32Array, gradient: Float32Array): Float32Array {
    const out = new Float32Array(this.size)
    for (const [i, m] of this.matrices.entries()) {
      const part = this.part(out, i)
      for (let b = 0; b < part.length; b++) {
        const at = m.offset + b * BLOCK_ROWS
        for (let k = at; k < at + BLOCK_ROWS; k++) part[b]! += parameters[k]! * gradient[k]!
      }
    }
    return out
  }
}
