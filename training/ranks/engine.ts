/**
 * Data and population parallel over ranks: each computes its parts of every batch, the parts of training/engines/parallel.ts, and all come
 * to the same losses and gradient, which are those of `workers` bit for bit. What goes from rank to rank: losses, and the gradient's sums in
 * blocks that any member keeps. Masks do not: every rank draws those of all members from the job's seed.
 */
import { BANDS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { createEngine } from '../engines/index.ts'
import { runShare } from '../engines/parallel.ts'
import { partEdges } from '../engines/sum-tree.ts'
import { batchCount, type Engine, type EngineOptions, partsOf } from '../net/engine.ts'
import type { Ranks } from '../net/ranks.ts'
import type { ParameterLayout } from '../net/vocoder-layout.ts'
import { createPackings } from './pack.ts'

export interface RanksEngine extends Engine {
  /** This rank's own engine, for what it computes alone. */
  readonly local: Engine
  /** Groups [from, to) of a batch that rank `r` computes when it has so many parts. */
  groupsOf(parts: number, r: number): readonly [number, number]
}

/**
 * An engine whose `run` all ranks call together, each with its own groups of the batch and their states, and with all members. Losses,
 * counts and gradient are those of the whole batch. Throws what `createEngine` throws.
 *
 * @param groups of the whole batch
 */
export async function createRanksEngine(
  name: string,
  layout: ParameterLayout,
  groups: number,
  ranks: Ranks,
  options: EngineOptions,
): Promise<RanksEngine> {
  const local = await createEngine(name, layout, options)
  const packingOf = createPackings(layout)
  const scratch = new Float32Array(layout.size)
  /** Memory of this rank's leaves, used again by each update. */
  const leaves: Float32Array[] = []
  return {
    name: `${local.name} x ${ranks.size} ranks`,
    local,
    groupsOf(parts, r) {
      const edges = partEdges(ranks.size, parts)
      return [(edges[r]! * groups) / parts, (edges[r + 1]! * groups) / parts]
    },
    async run(parameters, members, batch, state, gradient, options = {}) {
      const pairs = options.share === 'pairs'
      const parts = partsOf(members.length, groups, options.share)
      const edges = partEdges(ranks.size, parts)
      const [from, to] = [edges[ranks.rank]!, edges[ranks.rank + 1]!]
      const packing = packingOf(members, options.denseGradient ?? false)
      let made = 0
      const leafOf = (g: Float32Array, n: number) => {
        const old = leaves[made]
        const leaf = old?.length === packing.length ? old : new Float32Array(packing.length)
        leaves[made++] = leaf
        packing.pack(g, n, leaf)
        return leaf
      }
      const own = pairs ? members.slice(2 * from, 2 * to) : members
      const share = { from, to, parts, batch, members: own, state, parameters, gradient: gradient !== null, options }
      const result = await runShare(local, share, scratch, leafOf)
      if (result.state !== state) state.set(result.state)

      // Of every part its count, then its losses.
      const counted = Array.from({ length: to - from }, (_, i) =>
        batchCount(batch, (i * batch.groups) / (to - from), batch.groups / (to - from)),
      )
      const perPart = pairs ? 2 : members.length
      const width = 1 + perPart * BANDS
      const told = Float64Array.from(result.losses.flatMap((losses, i) => [counted[i]!, ...losses]))
      const sizes = Array.from({ length: ranks.size }, (_, r) => (edges[r + 1]! - edges[r]!) * width * 8)
      const all = new Float64Array((await ranks.gather(new Uint8Array(told.buffer), sizes)).buffer)
      const losses = new Float64Array(members.length * BANDS)
      const counts = new Float64Array(members.length)
      let count = 0
      for (let part = 0; part < parts; part++) {
        const n = all[part * width]!
        count += n
        const first = pairs ? 2 * part : 0
        for (let m = 0; m < perPart; m++) counts[first + m]! += n
        for (let k = 0; k < perPart * BANDS; k++) losses[first * BANDS + k]! += all[part * width + 1 + k]!
      }
      if (gradient) {
        const sum = await ranks.sum(
          result.nodes.map((node) => node.sum),
          packing.length,
          edges,
          parts,
        )
        packing.unpack(
          sum,
          1 /
            Math.max(
              1,
              counts.reduce((a, b) => a + b, 0),
            ),
          gradient,
        )
      }
      return { losses, count, counts }
    },
    outputs: (parameters, member, batch, state) => local.outputs(parameters, member, batch, state),
    close: () => local.close(),
  }
}
