/**
 * Masks: which columns every 16-row strip of a matrix keeps. Each strip keeps the same number, ascending, so that
 * work is balanced and no strip is empty.
 */
import type { Segment } from '../tasks/sparse-wavernn/parameters.ts'

/** [strips, kept] kept columns of every strip, ascending. */
export type Mask = Uint16Array

/** Masks by name of the matrix. */
export type MaskSet = ReadonlyMap<string, Mask>

/** Called by the trainer around its steps; owns the masks and says which members the next step evaluates. */
export interface MaskMethod {
  readonly name: string
  /** Masks of the population's members for step `step`; one member for methods without a population. */
  members(step: number): MaskSet[]
  /** Learns from the members' losses (nats a step and band, same order) and the averaged gradient. */
  update(step: number, losses: Float64Array, gradient: Float32Array): void
  /** Masks to export. */
  final(): MaskSet
  /** What must be saved for an exact resume. */
  state(): Record<string, Uint16Array | Float32Array>
  restore(state: Record<string, Uint16Array | Float32Array>): void
}

export interface MaskContext {
  readonly segments: readonly (Segment & { kept: number })[]
  readonly seed: number
}

/** Throws when a mask breaks the invariant of this file. */
export function checkMask(mask: Mask, s: Segment & { kept: number }): void {
  const strips = s.rows / 16
  if (mask.length !== strips * s.kept) throw new Error(`${s.name}: mask has ${mask.length} entries`)
  for (let i = 0; i < mask.length; i++) {
    const first = i % s.kept === 0
    if (mask[i]! >= s.columns || (!first && mask[i]! <= mask[i - 1]!)) throw new Error(`${s.name}: bad column at ${i}`)
  }
}
