/**
 * Masks: which columns every 16-row strip of a matrix keeps. Each strip of a matrix keeps the same number, ascending, so that
 * work is balanced and no strip is empty; methods know matrices only, so that they serve any task.
 */
import type { z } from 'zod'
import { BLOCK_ROWS, type MaskedMatrix } from './layout.ts'

/** [strips, kept] kept columns of every strip, ascending. */
export type Mask = Uint16Array

/** Masks by name of the matrix. */
export type MaskSet = ReadonlyMap<string, Mask>

/** Where a run is: updates done, and the share of its budget that is spent, 0..1, which is what schedules go by. */
export interface Moment {
  readonly step: number
  readonly progress: number
}

/** The flat vectors of a run that a method may edit: newborn blocks start from a defined value without a past. */
export interface Weights {
  readonly parameters: Float32Array
  /** Adam's moments. */
  readonly first: Float32Array
  readonly second: Float32Array
  /** Moving average of the weights. */
  readonly average: Float32Array
}

export interface Feedback {
  /** [members] mean loss of each. */
  readonly losses: Float64Array
  /** Mean gradient of the weights, before clipping; 0 outside all masks, also where a dense one was asked for. */
  readonly gradient: Float32Array
  /** L2 norms [strips, columns] of every block's gradient by matrix, kept or not, where `wantsDenseGradient` asked for them. */
  readonly norms: ReadonlyMap<string, Float32Array> | undefined
  readonly weights: Weights
}

export type MaskState = Record<string, Uint16Array | Float32Array>

/** Called by the trainer around its updates; owns the masks and says which members the next one evaluates. */
export interface MaskMethod {
  readonly name: string
  /** How members share a batch (training/net/engine.ts); `all` when absent. */
  readonly share?: 'all' | 'pairs'
  /** Most pairs that share a batch, where `share` says so. */
  readonly pairs?: number
  /** Training begins with every block: initial weights are scaled for all columns, not for the kept ones. */
  readonly startsDense?: boolean
  /** Masks of the population's members for this update; one member for methods without a population. */
  members(at: Moment): MaskSet[]
  /** Whether this update's feedback needs the gradient's norms in dropped blocks too, which costs a dense product. */
  wantsDenseGradient?(at: Moment): boolean
  /**
   * Whether this update's feedback must hold weights and gradient; absent: always. Where it need not, they may stay on an engine's device.
   * Never asked of methods with gates or of updates that want the dense gradient, which always get them.
   */
  wantsWeights?(at: Moment): boolean
  /** Weights as the net uses them, for methods that multiply blocks by gates: written to `out`. */
  gate?(at: Moment, parameters: Float32Array, out: Float32Array): void
  /** Turns the gradient of gated weights into that of the weights, in place, keeping what the gates need. */
  gateBackward?(at: Moment, parameters: Float32Array, gradient: Float32Array): void
  /** Learns from one update, after Adam's step. */
  update(at: Moment, feedback: Feedback): void
  /** Masks to validate with and to export. */
  final(): MaskSet
  /** Weights to validate with and to export, for methods with gates: written to `out`. */
  gateFinal?(parameters: Float32Array, out: Float32Array): void
  /** What the method would log now. */
  telemetry?(): Record<string, number>
  /** What must be saved for an exact resume. */
  state(): MaskState
  restore(state: MaskState): void
}

export interface MaskContext {
  readonly matrices: readonly MaskedMatrix[]
  readonly seed: number
}

/** One file of this folder: how a method is made, and what a job may set. */
export interface MaskMethodFactory<O = never> {
  readonly name: string
  readonly options: z.ZodType<O>
  create(context: MaskContext, options: O): MaskMethod
}

/** Columns that strip `strip` keeps. */
export function stripColumns(mask: Mask, matrix: Pick<MaskedMatrix, 'rows'>, strip: number): Mask {
  const kept = mask.length / (matrix.rows / BLOCK_ROWS)
  return mask.subarray(strip * kept, (strip + 1) * kept)
}

/** Throws when a mask breaks the invariant of this file or keeps another number than the matrix should. */
export function checkMask(mask: Mask, s: MaskedMatrix): void {
  const strips = s.rows / BLOCK_ROWS
  if (mask.length !== strips * s.kept) throw new Error(`${s.name}: mask has ${mask.length} entries`)
  for (let i = 0; i < mask.length; i++) {
    const first = i % s.kept === 0
    if (mask[i]! >= s.columns || (!first && mask[i]! <= mask[i - 1]!)) throw new Error(`${s.name}: bad column at ${i}`)
  }
}
