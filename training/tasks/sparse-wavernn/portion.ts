/**
 * The groups of the batch that this process computes, with their batches, states and updates: all of them, or of several ranks a part. Ranks
 * share the groups anew when the population changes its size, as mirrored pairs cannot be divided.
 */
import { type Batch, type PopulationEngine, partsOf } from '../../net/engine.ts'
import type { Layout } from '../../net/layout.ts'
import type { MaskMethod, MaskSet, Moment, Weights } from '../../net/mask.ts'
import type { Ranks } from '../../net/ranks.ts'
import { createUpdates, populationAt, type Updates } from '../../net/updates.ts'
import type { RanksEngine } from '../../ranks/engine.ts'
import { createBatchMaker, defaultThreads, type Source } from './batch-threads.ts'
import type { BatchOptions, BatchState, LaneBatch, Normalization } from './batches.ts'

export interface Together {
  readonly ranks: Ranks
  readonly engine: RanksEngine
}

export interface PortionOptions {
  readonly engine: PopulationEngine<Batch>
  readonly together: Together | undefined
  readonly layout: Layout
  readonly masks: MaskMethod
  readonly weights: Weights
  readonly source: Source
  readonly normalization: Normalization
  readonly shape: BatchOptions
  readonly batchThreads: number | undefined
}

export interface Portion {
  readonly updates: Updates<Batch>
  /** The next batch of this portion. */
  next(): Promise<LaneBatch>
  /** Whether the update at that moment divides the batch in the same way. */
  fits(at: Moment): boolean
  /** [all groups, features, 16] the newest state, of all ranks. */
  wholeState(): Promise<Float32Array>
  close(): Promise<void>
}

/** @param state of all groups; @param before where in the data they are */
export function openPortion(o: PortionOptions, at: Moment, state: Float32Array, before: BatchState): Portion {
  const { together, layout, masks, weights, source, normalization, shape } = o
  const { groups } = shape
  const partsAt = (moment: Moment) => {
    if (!together) return 1
    const { members, share } = populationAt(masks, moment)
    return partsOf(members.length, groups, share)
  }
  const parts = partsAt(at)
  const groupsOf = (r: number) => together?.engine.groupsOf(parts, r) ?? ([0, groups] as const)
  const [from, to] = groupsOf(together?.ranks.rank ?? 0)
  const each = state.length / groups
  const own = state.slice(from * each, to * each)
  const membersHere = (members: readonly MaskSet[], share: 'all' | 'pairs') =>
    share === 'pairs' ? members.slice((from * members.length) / groups, (to * members.length) / groups) : members
  const updates = createUpdates(together?.engine ?? o.engine, {
    ...{ layout, masks, weights, state: own, groups: to - from },
    ...(together && { membersHere }),
  })
  const { batchThreads = defaultThreads(to - from) } = o
  const batches = createBatchMaker(source, normalization, shape, batchThreads, before, [from, to])
  return {
    updates,
    next: () => batches.next(),
    fits: (moment) => partsAt(moment) === parts,
    async wholeState() {
      if (!together) return own.slice()
      const sizes = Array.from({ length: together.ranks.size }, (_, r) => {
        const [first, last] = groupsOf(r)
        return (last - first) * each * own.BYTES_PER_ELEMENT
      })
      const all = await together.ranks.gather(new Uint8Array(own.buffer), sizes)
      return new Float32Array(all.buffer)
    },
    close: () => batches.close(),
  }
}
