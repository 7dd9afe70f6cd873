/**
 * Masks as the kernels read them: one array of u32 with, for every masked matrix and member, how many columns a strip keeps, the kept
 * columns of every strip, and the same by columns (starts, places among the strips' columns).
 */

import { BLOCK_ROWS, type MaskedMatrix } from '../../net/layout.ts'
import type { Mask, MaskSet } from '../../net/mask.ts'

export interface MatrixIndex {
  /** Where the first member's words start. */
  readonly at: number
  /** Words of a member. */
  readonly stride: number
  /** Columns of a strip that some member keeps, at most. */
  readonly most: number
}

type Matrix = Pick<MaskedMatrix, 'name' | 'rows' | 'columns'>

/** Keeps the words of the last call, so that only masks that have changed are built and sent again. */
export class IndexTable {
  readonly #matrices: readonly Matrix[]
  /** Copies of the masks that the words are of, by matrix and member. */
  #masks: Mask[][] = []
  #places: Map<string, MatrixIndex> = new Map()
  #words = new Uint32Array(0)
  /** Buffer that has the words, and what has changed since. */
  #sentTo: object | undefined
  #changed: [number, number][] = []

  constructor(matrices: readonly Matrix[]) {
    this.#matrices = matrices
  }

  get size(): number {
    return this.#words.length
  }

  /** The same as long as no mask has another number of columns: what is computed from them can be kept. */
  get places(): ReadonlyMap<string, MatrixIndex> {
    return this.#places
  }

  /** Members may keep different numbers of blocks, as pruning methods do. */
  set(members: readonly MaskSet[]): void {
    const masks = this.#matrices.map(({ name }) =>
      members.map((member) => {
        const mask = member.get(name)
        if (!mask) throw new Error(`the member has no mask for ${name}`)
        return mask
      }),
    )
    const most = masks.map((of) => Math.max(...of.map((mask) => mask.length)))
    const same = this.#matrices.every(
      ({ name, rows }, i) =>
        this.#places.get(name)?.most === most[i]! / (rows / BLOCK_ROWS) && this.#masks[i]!.length === members.length,
    )
    if (!same) {
      this.#places = new Map()
      let size = 0
      for (const [i, { name, rows, columns }] of this.#matrices.entries()) {
        const stride = 1 + 2 * most[i]! + columns + 1
        this.#places.set(name, { at: size, stride, most: most[i]! / (rows / BLOCK_ROWS) })
        size += stride * members.length
      }
      this.#words = new Uint32Array(size)
      this.#masks = masks.map(() => [])
      this.#sentTo = undefined
    }
    for (const [i, { name, rows, columns }] of this.#matrices.entries()) {
      const { at, stride } = this.#places.get(name)!
      for (const [m, mask] of masks[i]!.entries()) {
        if (sameMask(this.#masks[i]![m], mask)) continue
        const range: [number, number] = [at + m * stride, at + (m + 1) * stride]
        writeMember(this.#words.subarray(...range), mask, rows / BLOCK_ROWS, columns)
        this.#masks[i]![m] = mask.slice()
        this.#changed.push(range)
      }
    }
  }

  /** Calls `put` with the words that `buffer` does not have yet, and where they go. */
  send(buffer: object, put: (words: Uint32Array, at: number) => void): void {
    const ranges = this.#sentTo === buffer ? this.#changed : [[0, this.#words.length] as const]
    for (const [from, to] of ranges) put(this.#words.subarray(from, to), from)
    this.#sentTo = buffer
    this.#changed = []
  }
}

/** By content: what a caller does with its own array later changes nothing. */
function sameMask(a: Mask | undefined, b: Mask): boolean {
  const bytes = (mask: Mask) => Buffer.from(mask.buffer, mask.byteOffset, mask.byteLength)
  return a !== undefined && a.length === b.length && bytes(a).equals(bytes(b))
}

function writeMember(words: Uint32Array, mask: Mask, strips: number, columns: number): void {
  const kept = mask.length / strips
  words.fill(0)
  words[0] = kept
  words.set(mask, 1)
  const starts = words.subarray(1 + mask.length, 1 + mask.length + columns + 1)
  const byColumn = words.subarray(2 + mask.length + columns)
  for (const column of mask) starts[column + 1]!++
  for (let c = 0; c < columns; c++) starts[c + 1]! += starts[c]!
  const next = starts.slice()
  for (const [k, column] of mask.entries()) byColumn[next[column]!++] = k
}
