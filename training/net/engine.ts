/**
 * The one interface of training compute: a population of masks and a batch in, every member's loss and the mean gradient of the
 * shared weights out. No engine makes the dense product of a masked matrix.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { BANDS, STEP_INPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { AdamOptions } from './adam.ts'
import type { MaskSet, Weights } from './mask.ts'
import type { ParameterLayout } from './vocoder-layout.ts'

/** Sequences that run side by side in one group; the innermost dimension of every batch array. */
export const LANES = 16
/** Rows of a step's example: D inputs, then 4 targets. */
export const EXAMPLE_ROWS = STEP_INPUTS.count + BANDS

export interface Batch {
  /** Groups of 16 lanes. */
  readonly groups: number
  /** Steps, a multiple of 30 (whole frames). */
  readonly steps: number
  /** [groups, steps, D + 4, 16] inputs of every step (docs/reference/net.md), behind them its targets, the residuals e_b. */
  readonly examples: Float32Array
  /** [groups, steps / 30 + 2, 66, 16] normalised frame features, one frame of context on each side. */
  readonly frames: Float32Array
  /** [groups, steps / 30, 16] weight of a frame's loss: 0 for frames past the end of an utterance, else 1. */
  readonly weights: Float32Array
}

/** Weighted steps of groups [from, from + groups) of a batch (default all): lanes x steps whose frames have weight 1. */
export function batchCount(batch: Batch, from = 0, groups = batch.groups): number {
  const perGroup = batch.weights.length / batch.groups
  let sum = 0
  for (const w of batch.weights.subarray(from * perGroup, (from + groups) * perGroup)) sum += w
  return sum * (batch.steps / (perGroup / LANES))
}

export interface StepOptions {
  /**
   * Also the gradient of the masked matrices' dropped blocks. Their forward and backward products stay sparse; the product that
   * makes weight gradients does not, so methods ask for it every so many updates only (default false).
   */
  readonly denseGradient?: boolean
  /**
   * How members share the batch. `all` (default): every member sees all groups. `pairs`: members 2i and 2i + 1 see the i-th of
   * members / 2 equal parts of the groups, so that a population costs one or two members' time.
   */
  readonly share?: 'all' | 'pairs'
}

export interface StepResult {
  /** [members, parts] sum of the loss over what each member saw; a task's loss may have several parts (bands). */
  readonly losses: Float64Array
  /** Weighted examples (lanes x steps) of the batch. */
  readonly count: number
  /** [members] weighted examples that each was evaluated on. */
  readonly counts: Float64Array
}

/** Compute for one task's net; `B` is the task's batch. */
export interface PopulationEngine<B> {
  readonly name: string
  /**
   * Runs every member over its part of the batch from `state` (per member; a net without state takes an empty array), which is
   * replaced by the state after the last step. Adds nothing: `gradient` (flat, `layout.size`) is overwritten with the mean over
   * all examples of all members (blocks outside all masks are 0). With `gradient` null only losses are computed.
   */
  run(
    parameters: Float32Array,
    members: readonly MaskSet[],
    batch: B,
    state: Float32Array,
    gradient: Float32Array | null,
    options?: StepOptions,
  ): Promise<StepResult>
  /** Where the engine has a device that can keep a run's weights; absent: they are the host's. */
  readonly resident?: Resident<B>
  close(): void
}

/**
 * The weights and state of one run on the engine's device: an update brings back its losses and the gradient's norm, nothing else. All calls
 * but `upload` throw DeviceLost where what was uploaded is gone.
 */
export interface Resident<B> {
  /** Copies weights and state [groups, features, 16] to the device. */
  upload(weights: Weights, state: Float32Array): Promise<void>
  /**
   * One update: lanes `fresh` of the state start at 0, every member runs from its groups' state, the state becomes the mean of theirs;
   * Adam's step on the mean gradient, clipped. Returns the gradient's norm too; where it is not finite the weights stay.
   */
  update(
    members: readonly MaskSet[],
    batch: B,
    fresh: readonly number[],
    adam: AdamOptions,
    options?: StepOptions,
  ): Promise<StepResult & { readonly norm: number }>
  /**
   * Copies the batch of the next update to the device, behind the update in progress; it must not change until then. Where it fails,
   * that update copies it again.
   */
  send?(batch: B): Promise<void>
  /** Copies weights and state back. */
  download(weights: Weights, state: Float32Array): Promise<void>
}

/** The device went away, and with it what `Resident.upload` put there. The engine can be used again after another upload. */
export class DeviceLost extends SparsewaveError {
  readonly reason: string

  constructor(reason: string, cause?: unknown) {
    super('ENGINE_UNAVAILABLE', `The device that kept the weights was lost (${reason}).`, {
      remedy: 'Go on from the last checkpoint, with this engine or another.',
      cause,
    })
    this.reason = reason
  }
}

/** The engine of the Sparse WaveRNN: losses [members, 4] in nats by band, state [members, groups a member sees, H, 16]. */
export interface Engine extends PopulationEngine<Batch> {
  /**
   * Teacher-forced outputs o_b (biases in, means with their skip) of member 0: [groups, steps, 4, 12, 16]. For tests and evaluation.
   */
  outputs(parameters: Float32Array, member: MaskSet, batch: Batch, state: Float32Array): Promise<Float32Array>
}

/** First group and number of groups that member `m` of `members` sees. Throws when the groups cannot be shared so. */
export function memberGroups(m: number, members: number, groups: number, options: StepOptions = {}): [number, number] {
  if (options.share !== 'pairs') return [0, groups]
  const each = groups / (members / 2)
  if (!Number.isInteger(each) || members % 2 !== 0 || each < 1)
    throw new Error(`${groups} groups cannot be shared by ${members / 2} pairs`)
  return [Math.floor(m / 2) * each, each]
}

/** Parts that a batch of so many groups has when it is shared by several processes: mirrored pairs, else groups. */
export const partsOf = (members: number, groups: number, share: StepOptions['share']): number =>
  share === 'pairs' ? members / 2 : groups

export interface EngineOptions {
  readonly threads: number
  /** Told what an engine went on from, such as a lack of memory (default: standard error). */
  readonly warn?: (message: string) => void
}

export type EngineFactory = (layout: ParameterLayout, options: EngineOptions) => Promise<Engine>
