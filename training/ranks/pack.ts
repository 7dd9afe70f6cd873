/** The part of a gradient that is not zero, in one piece: blocks that any member keeps, and all that has no mask. */
import { findAddon } from '../net/addon.ts'
import { blocksOf, maskFlags } from '../net/blocks.ts'
import { BLOCK_ROWS, type Layout } from '../net/layout.ts'
import type { Mask, MaskSet } from '../net/mask.ts'

export class Packing {
  /** Pairs of a first element and a number of elements, ascending. */
  readonly #runs: Int32Array
  readonly length: number

  constructor(runs: readonly number[]) {
    this.#runs = Int32Array.from(runs)
    let length = 0
    for (let i = 1; i < runs.length; i += 2) length += runs[i]!
    this.length = length
  }

  /** out[i] = flat[i-th of the packing] * factor. */
  pack(flat: Float32Array, factor: number, out: Float32Array): void {
    const addon = findAddon()
    if (addon) {
      addon.pack(flat, this.#runs, factor, out)
      return
    }
    let at = 0
    for (let i = 0; i < this.#runs.length; i += 2) {
      const from = this.#runs[i]!
      const to = from + this.#runs[i + 1]!
      for (let k = from; k < to; k++) out[at++] = flat[k]! * factor
    }
  }

  /** The inverse; the rest of `flat` becomes 0. */
  unpack(packed: Float32Array, factor: number, flat: Float32Array): void {
    const addon = findAddon()
    if (addon) {
      addon.unpack(packed, this.#runs, factor, flat)
      return
    }
    flat.fill(0)
    let at = 0
    for (let i = 0; i < this.#runs.length; i += 2) {
      const from = this.#runs[i]!
      const to = from + this.#runs[i + 1]!
      for (let k = from; k < to; k++) flat[k] = packed[at++]! * factor
    }
  }
}

/** Packings of a layout; that of the masks before is kept. */
export function createPackings(layout: Layout): (members: readonly MaskSet[], dense: boolean) => Packing {
  let last: { key: readonly (Mask | undefined)[]; packing: Packing } | undefined
  return (members, dense) => {
    const key = dense
      ? [undefined]
      : members.flatMap((masks) => layout.segments.flatMap((s) => (s.kept === undefined ? [] : [masks.get(s.name)])))
    if (!last || last.key.length !== key.length || last.key.some((mask, i) => mask !== key[i]))
      last = { key, packing: new Packing(runsOf(layout, members, dense)) }
    return last.packing
  }
}

function runsOf(layout: Layout, members: readonly MaskSet[], dense: boolean): number[] {
  const runs: number[] = []
  const add = (from: number, length: number) => {
    const at = runs.length - 2
    if (at >= 0 && runs[at]! + runs[at + 1]! === from) runs[at + 1]! += length
    else runs.push(from, length)
  }
  for (const s of layout.segments) {
    if (s.kept === undefined || dense) {
      add(s.offset, s.size)
      continue
    }
    const kept = new Uint8Array(blocksOf(s))
    for (const masks of members)
      for (const [b, flag] of maskFlags(masks.get(s.name)!, s).entries()) if (flag) kept[b] = 1
    for (let b = 0; b < kept.length; b++) if (kept[b]) add(s.offset + b * BLOCK_ROWS, BLOCK_ROWS)
  }
  return runs
}
