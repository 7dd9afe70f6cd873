/**
 * Updates of a run, for every task: the engine's losses and gradient, the mask method's part in them, Adam's step. Where the engine has
 * a device that keeps weights (`resident`), updates whose weights the mask method does not ask for stay there; the
 * others, every so many, are the host's. Which is which depends on the moment only, so that a resumed run does the same.
 */

import { joinFloats } from 'sparsewave/internal/arrays'
import { type AdamOptions, adamUpdate } from './adam.ts'
import { blockNorms, keepMasked } from './blocks.ts'
import { LANES, memberGroups, type PopulationEngine, type StepResult } from './engine.ts'
import { type Layout, maskedSegments } from './layout.ts'
import type { Feedback, MaskMethod, MaskSet, Moment, Weights } from './mask.ts'

export interface Update extends StepResult {
  /** All of the population. */
  readonly members: readonly MaskSet[]
  readonly share: 'all' | 'pairs'
  readonly denseGradient: boolean
  /** Of the gradient before clipping; where it is not finite the weights are as they were. */
  readonly norm: number
  /** What the mask method learns from, given the members' mean losses. */
  feedback(losses: Float64Array): Feedback
}

export interface Run {
  readonly layout: Layout
  readonly masks: MaskMethod
  /** Changed in place by updates; only `fetch` makes sure that they are what the last one left. */
  readonly weights: Weights
  /** [groups, features, 16 lanes] what the net carries from batch to batch; likewise. */
  readonly state: Float32Array
  /** Groups of a batch that are computed here. */
  readonly groups: number
  /** The members that see them (default: all). */
  readonly membersHere?: (members: readonly MaskSet[], share: 'all' | 'pairs') => readonly MaskSet[]
}

export interface Updates<B> {
  /** Hands the next update's batch to a device while it computes the one in progress. No more than time is lost without it. */
  send(batch: B): Promise<void>
  /** One update; lanes `fresh` start from state 0. Does not call `masks.update`. Throws DeviceLost where weights were lost with a device. */
  update(at: Moment, batch: B, adam: AdamOptions, fresh?: readonly number[]): Promise<Update>
  /** Brings weights and state of the run back from the device, if they are there. Throws DeviceLost. */
  fetch(): Promise<void>
}

/** Who computes an update, and how they share the batch. */
export function populationAt(masks: MaskMethod, at: Moment): Pick<Update, 'members' | 'share'> {
  const members = masks.members(at)
  return { members, share: members.length > 1 ? (masks.share ?? 'all') : 'all' }
}

export function createUpdates<B>(engine: PopulationEngine<B>, run: Run): Updates<B> {
  const { layout, masks, weights, state, groups } = run
  const { parameters } = weights
  const matrices = maskedSegments(layout)
  const gradient = new Float32Array(layout.size)
  // Weights as the net uses them, where the method has gates.
  const used = masks.gate ? parameters.slice() : parameters
  const { resident } = engine
  /** Where the newest weights and state are. */
  let newest: 'host' | 'device' | 'both' = 'host'

  async function fetch(): Promise<void> {
    if (newest !== 'device') return
    await resident!.download(weights, state)
    newest = 'both'
  }

  async function onHost(at: Moment, batch: B, adam: AdamOptions, fresh: readonly number[]): Promise<Update> {
    if (newest === 'device') await fetch()
    newest = 'host'
    for (const lane of fresh) clearLane(state, lane, groups)
    const { members, share } = populationAt(masks, at)
    const denseGradient = masks.wantsDenseGradient?.(at) ?? false
    masks.gate?.(at, parameters, used)
    const here = (run.membersHere?.(members, share) ?? members).length
    const states = spreadState(state, here, groups, share)
    const result = await engine.run(used, members, batch, states, gradient, { denseGradient, share })
    if (states !== state) gatherState(state, states, here, groups, share)
    const norms = denseGradient ? new Map(matrices.map((m) => [m.name, blockNorms(gradient, m)] as const)) : undefined
    if (denseGradient) keepMasked(gradient, members, matrices)
    masks.gateBackward?.(at, parameters, gradient)
    const { first, second, average } = weights
    const norm = adamUpdate(parameters, gradient, first, second, average, adam)
    const feedback = (losses: Float64Array): Feedback => ({ losses, gradient, norms, weights })
    return { ...result, members, share, denseGradient, norm, feedback }
  }

  async function onDevice(at: Moment, batch: B, adam: AdamOptions, fresh: readonly number[]): Promise<Update> {
    if (newest === 'host') await resident!.upload(weights, state)
    newest = 'device'
    const { members, share } = populationAt(masks, at)
    const result = await resident!.update(members, batch, fresh, adam, { share })
    return { ...result, members, share, denseGradient: false, feedback: withoutWeights }
  }

  const isHosts = (at: Moment) =>
    !resident || masks.gate !== undefined || (masks.wantsWeights?.(at) ?? true) || masks.wantsDenseGradient?.(at)
  return {
    update: (at, batch, adam, fresh = []) => (isHosts(at) ? onHost : onDevice)(at, batch, adam, fresh),
    fetch,
    send: async (batch) => resident?.send?.(batch),
  }
}

function withoutWeights(losses: Float64Array): Feedback {
  const absent = (): never => {
    throw new Error('the mask method uses weights of an update that it did not ask them of')
  }
  return {
    losses,
    norms: undefined,
    get gradient() {
      return absent()
    },
    get weights() {
      return absent()
    },
  }
}

/** Zeroes one lane of a state [groups, features, 16]. */
function clearLane(state: Float32Array, lane: number, groups: number): void {
  const features = state.length / (groups * LANES)
  const from = Math.floor(lane / LANES) * features * LANES + (lane % LANES)
  for (let i = 0; i < features; i++) state[from + i * LANES] = 0
}

/** State [groups, features, 16] for every member, [members, groups it sees, features, 16]; one member takes it as it is. */
function spreadState(state: Float32Array, members: number, groups: number, share: 'pairs' | 'all'): Float32Array {
  if (members === 1) return state
  const perGroup = state.length / groups
  const parts = Array.from({ length: members }, (_, m) => {
    const [from, seen] = memberGroups(m, members, groups, { share })
    return state.subarray(from * perGroup, (from + seen) * perGroup)
  })
  return joinFloats(parts)
}

/** The inverse: every group's state becomes the mean of the members' that saw it, so that all members start alike. */
function gatherState(
  state: Float32Array,
  states: Float32Array,
  members: number,
  groups: number,
  share: 'pairs' | 'all',
): void {
  const perGroup = state.length / groups
  const weight = share === 'pairs' ? 1 / 2 : 1 / members
  state.fill(0)
  let at = 0
  for (let m = 0; m < members; m++) {
    const [from, seen] = memberGroups(m, members, groups, { share })
    for (let i = 0; i < seen * perGroup; i++) state[from * perGroup + i]! += weight * states[at++]!
  }
}
