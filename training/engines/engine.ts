/**
 * The one interface of training compute: a population of masks and a batch in, every member's loss and the mean gradient of the
 * shared weights out. No engine makes the dense product of a masked matrix.
 */
import type { MaskSet } from '../masks/mask.ts'
import type { ParameterLayout } from '../tasks/sparse-wavernn/parameters.ts'

/** Sequences that run side by side in one group; the innermost dimension of every batch array. */
export const LANES = 16

export interface Batch {
  /** Groups of 16 lanes. */
  readonly groups: number
  /** Steps, a multiple of 30 (whole frames). */
  readonly steps: number
  /** [groups, steps, D, 16] inputs of every step (docs/net.md). */
  readonly inputs: Float32Array
  /** [groups, steps, 4, 16] residuals e_b. */
  readonly targets: Float32Array
  /** [groups, steps / 30 + 2, 66, 16] normalised frame features, one frame of context on each side. */
  readonly frames: Float32Array
  /** [groups, steps / 30, 16] weight of a frame's loss: 0 for frames past the end of an utterance, else 1. */
  readonly weights: Float32Array
}

/** Weighted steps of a batch: lanes x steps whose frames have weight 1. */
export function batchCount(batch: Batch): number {
  let sum = 0
  for (const w of batch.weights) sum += w
  return sum * (batch.steps / (batch.weights.length / (batch.groups * LANES)))
}

export interface StepResult {
  /** [members, 4] sum of the negative log density in nats, by band. */
  readonly losses: Float64Array
  /** Weighted steps (lanes x steps) that every member was evaluated on. */
  readonly count: number
}

export interface Engine {
  readonly name: string
  /**
   * Runs every member over the batch from `state` [members, groups, H, 16], which is replaced by the state after the last step.
   * Adds nothing: `gradient` (flat, `layout.size`) is overwritten with the mean over members, steps and lanes (blocks
   * outside all masks are 0). With `gradient` null only losses are computed.
   */
  run(
    parameters: Float32Array,
    members: readonly MaskSet[],
    batch: Batch,
    state: Float32Array,
    gradient: Float32Array | null,
  ): Promise<StepResult>
  /**
   * Teacher-forced outputs o_b (biases in, means with their skip) of member 0: [groups, steps, 4, 12, 16]. For tests and evaluation.
   */
  outputs(parameters: Float32Array, member: MaskSet, batch: Batch, state: Float32Array): Promise<Float32Array>
  close(): void
}

export type EngineFactory = (layout: ParameterLayout, options: { threads: number }) => Promise<Engine>
