/**
 * Data parallel: the parts of a batch are computed by worker processes, each with an engine of one thread. Parts are what they are
 * whatever the number of workers: a mirrored pair with its groups (`share: pairs`), else one group of 16 lanes with all members. Their
 * gradients g_i, the means over n_i examples, are added in one fixed tree, so that any number of workers gives the same bits:
 *
 *     g = T(n_1 g_1, ..., n_S g_S) / sum_i n_i                                                                 (sum-tree.ts)
 *
 * A worker gets everything with each call and keeps nothing, so one that dies is started again and does its parts again.
 */
import type { ChildProcess } from 'node:child_process'
import { type Batch, batchCount, type Engine, type EngineOptions, memberGroups, partsOf } from '../net/engine.ts'
import type { ParameterLayout } from '../net/vocoder-layout.ts'
import { createEngine } from './index.ts'
import { type Share, type ShareResult, startPool } from './parallel-pool.ts'
import { largestWithin, partEdges, treeSum } from './sum-tree.ts'

/** An engine of `workers` processes. Throws what `createEngine` throws, and ENGINE_UNAVAILABLE from `run` when workers keep dying. */
export async function createParallelEngine(
  name: string,
  layout: ParameterLayout,
  { workers, ...options }: { readonly workers: number } & Pick<EngineOptions, 'warn'>,
): Promise<Engine & { readonly processes: readonly ChildProcess[] }> {
  const local = await createEngine(name, layout, { threads: 1, ...options })
  const pool = startPool(workers, { name, net: layout.config })
  return {
    name: `${local.name} x ${workers}`,
    /** Of the workers, as they are now. */
    processes: pool.processes,
    async run(parameters, members, batch, state, gradient, options = {}) {
      const pairs = options.share === 'pairs'
      const counts = Float64Array.from(members, (_, m) =>
        batchCount(batch, ...memberGroups(m, members.length, batch.groups, options)),
      )
      const parts = partsOf(members.length, batch.groups, options.share)
      const edges = partEdges(Math.min(workers, parts), parts)
      const shares = edges.slice(1).map((to, w): Share => {
        const from = edges[w]!
        return {
          from,
          to,
          parts,
          batch: groupsOf(batch, (from * batch.groups) / parts, (to * batch.groups) / parts),
          members: pairs ? members.slice(2 * from, 2 * to) : members,
          state: statesOf(state, members.length, parts, from, to, pairs),
          parameters,
          gradient: gradient !== null,
          options,
        }
      })
      const results = await Promise.all(shares.map((share, w) => pool.run(w, share)))

      const each = results[0]!.losses[0]!.length / (pairs ? 2 : members.length)
      const losses = new Float64Array(members.length * each)
      for (const [w, { losses: found, state: left }] of results.entries()) {
        const { from, to } = shares[w]!
        found.forEach((part, i) => {
          const at = pairs ? 2 * (from + i) * each : 0
          for (const [k, v] of part.entries()) losses[at + k]! += v
        })
        putStates(left, state, members.length, parts, from, to, pairs)
      }
      if (gradient) {
        const nodes = new Map(results.flatMap((r) => r.nodes).map((node) => [`${node.from} ${node.to}`, node.sum]))
        const scale =
          1 /
          Math.max(
            1,
            counts.reduce((a, b) => a + b, 0),
          )
        const sum = treeSum(0, parts, (from, to) => nodes.get(`${from} ${to}`))
        for (let k = 0; k < sum.length; k++) gradient[k] = sum[k]! * scale
      }
      return { losses, count: batchCount(batch), counts }
    },
    outputs: (parameters, member, batch, state) => local.outputs(parameters, member, batch, state),
    close() {
      local.close()
      pool.close()
    },
  }
}

/** A part's gradient g, a mean over n examples, as the tree takes it: n g, in memory of its own. */
export type LeafOf = (gradient: Float32Array, n: number) => Float32Array

const whole: LeafOf = (gradient, n) => {
  const leaf = new Float32Array(gradient.length)
  for (let k = 0; k < leaf.length; k++) leaf[k] = gradient[k]! * n
  return leaf
}

/** What a worker does: its parts one by one, and the nodes of the tree that it can make of them. `gradient`: memory for one. */
export async function runShare(
  engine: Engine,
  share: Share,
  gradient: Float32Array,
  leafOf: LeafOf = whole,
): Promise<ShareResult> {
  const { from, to, parts, parameters, members, batch, options } = share
  const pairs = options.share === 'pairs'
  const own = to - from
  const state = share.state
  const losses: Float64Array[] = []
  const leaves: Float32Array[] = []
  for (let i = 0; i < own; i++) {
    const part = groupsOf(batch, (i * batch.groups) / own, ((i + 1) * batch.groups) / own)
    const seen = pairs ? members.slice(2 * i, 2 * i + 2) : members
    const states = statesOf(state, members.length, own, i, i + 1, pairs)
    const result = await engine.run(parameters, seen, part, states, share.gradient ? gradient : null, options)
    putStates(states, state, members.length, own, i, i + 1, pairs)
    losses.push(result.losses)
    if (!share.gradient) continue
    const n = result.counts.reduce((a, b) => a + b, 0)
    leaves.push(leafOf(gradient, n))
  }
  const sum = (lo: number, hi: number) => treeSum(lo, hi, (a, b) => (b - a === 1 ? leaves[a - from] : undefined))
  const nodes = share.gradient
    ? largestWithin(0, parts, from, to).map(([lo, hi]) => ({ from: lo, to: hi, sum: sum(lo, hi) }))
    : []
  return { losses, state, nodes }
}

/** Groups [from, to) of a batch, in its memory. */
function groupsOf(batch: Batch, from: number, to: number): Batch {
  const cut = (data: Float32Array) =>
    data.subarray((data.length / batch.groups) * from, (data.length / batch.groups) * to)
  const { steps, examples, frames, weights } = batch
  return {
    groups: to - from,
    steps,
    examples: cut(examples),
    frames: cut(frames),
    weights: cut(weights),
  }
}

/** Offsets of parts [from, to) in a state: by pairs one piece, else one of every member. */
function pieces(
  length: number,
  members: number,
  parts: number,
  from: number,
  to: number,
  pairs: boolean,
): [number, number][] {
  const part = length / (pairs ? parts : members * parts)
  if (pairs) return [[from * part, to * part]]
  return Array.from({ length: members }, (_, m) => [(m * parts + from) * part, (m * parts + to) * part])
}

function statesOf(
  state: Float32Array,
  members: number,
  parts: number,
  from: number,
  to: number,
  pairs: boolean,
): Float32Array {
  const found = pieces(state.length, members, parts, from, to, pairs)
  const out = new Float32Array(found.reduce((sum, [a, b]) => sum + b - a, 0))
  let at = 0
  for (const [a, b] of found) {
    out.set(state.subarray(a, b), at)
    at += b - a
  }
  return out
}

function putStates(
  own: Float32Array,
  state: Float32Array,
  members: number,
  parts: number,
  from: number,
  to: number,
  pairs: boolean,
): void {
  let at = 0
  for (const [a, b] of pieces(state.length, members, parts, from, to, pairs)) {
    state.set(own.subarray(at, at + b - a), a)
    at += b - a
  }
}
