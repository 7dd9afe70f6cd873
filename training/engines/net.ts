/**
 * Engines for tasks that are not written in C++: a task is a layout and a function that runs its net forward and backward on
 * the matrices it is handed, which multiply kept blocks only. training/engines/net.test.ts shows one in thirty lines.
 */

import { LANES, memberGroups, type PopulationEngine, type StepOptions, type StepResult } from '../net/engine.ts'
import { BLOCK_ROWS, type Layout, type Segment } from '../net/layout.ts'
import type { Mask, MaskSet } from '../net/mask.ts'
import { nativeProducts } from './native.ts'
import { type Products, portableProducts } from './products.ts'

/** A matrix of one member; activations are [groups, features, 16 lanes], features padded to the matrix's own size. */
export interface BlockMatrix {
  readonly rows: number
  readonly columns: number
  /** y += W x. */
  forward(x: Float32Array, y: Float32Array): void
  /** x += W' y: the gradient of x from that of y. */
  backward(x: Float32Array, y: Float32Array): void
  /** Weight gradient += y x', x the input and y the gradient of the output; nothing where no gradient is wanted. */
  accumulate(x: Float32Array, y: Float32Array): void
}

/** What a task sees of the net with one member's masks. */
export interface Net {
  matrix(name: string): BlockMatrix
  /** A segment's values; a task reads them. */
  values(name: string): Float32Array
  /** A segment's gradient, added to; undefined where no gradient is wanted. */
  gradient(name: string): Float32Array | undefined
  readonly wantsGradient: boolean
}

export interface Example {
  /** [parts] sums over the examples, not means. */
  readonly losses: readonly number[]
  /** Examples the sums are over. */
  readonly count: number
}

/** A task: the layout of its parameters, and one evaluation of one member. */
export interface NetTask<B> {
  readonly layout: Layout
  /** Parts of the loss (default 1). */
  readonly parts?: number
  /** Groups of 16 examples in a batch. */
  groups(batch: B): number
  /** Floats of state a group carries from batch to batch (default 0). */
  readonly statePerGroup?: number
  /**
   * Runs groups [from, from + groups) of the batch with the net of one member; with `net.wantsGradient` also backward, adding the
   * gradient of the sum of the losses. Replaces `state` [groups, statePerGroup] by what the next batch starts from.
   */
  evaluate(net: Net, batch: B, from: number, groups: number, state: Float32Array): Example
}

/** Makes `PopulationEngine`s of tasks. `products`: default native where it is built. */
export function createNetEngine<B>(
  task: NetTask<B>,
  products: Products = nativeProducts() ?? portableProducts,
): PopulationEngine<B> {
  const { layout, parts = 1, statePerGroup = 0 } = task
  const byName = new Map(layout.segments.map((s) => [s.name, s]))
  const all = new Map<number, Mask>()
  const allColumns = (s: Segment): Mask => {
    const key = s.rows * 65536 + s.columns
    const made =
      all.get(key) ?? Uint16Array.from({ length: (s.rows / BLOCK_ROWS) * s.columns }, (_, i) => i % s.columns)
    all.set(key, made)
    return made
  }
  const find = (name: string): Segment => {
    const s = byName.get(name)
    if (!s) throw new Error(`the layout has no ${name}`)
    return s
  }

  const createNet = (parameters: Float32Array, masks: MaskSet, gradient: Float32Array | null, dense: boolean): Net => {
    const matrices = new Map<string, BlockMatrix>()
    const part = (flat: Float32Array, s: Segment) => flat.subarray(s.offset, s.offset + s.size)
    const create = (name: string): BlockMatrix => {
      const s = find(name)
      const mask = s.kept === undefined ? allColumns(s) : masks.get(name)
      if (!mask) throw new Error(`the member has no mask for ${name}`)
      const weights = part(parameters, s)
      return {
        rows: s.rows,
        columns: s.columns,
        forward: (x, y) => products.forward(weights, s, mask, x, y),
        backward: (x, y) => products.backward(weights, s, mask, x, y),
        accumulate: (x, y) => {
          if (gradient) products.accumulate(part(gradient, s), s, dense ? allColumns(s) : mask, x, y)
        },
      }
    }
    return {
      matrix(name) {
        const made = matrices.get(name) ?? create(name)
        matrices.set(name, made)
        return made
      },
      values: (name) => part(parameters, find(name)),
      gradient: (name) => (gradient ? part(gradient, find(name)) : undefined),
      wantsGradient: gradient !== null,
    }
  }

  return {
    name: products.name,
    async run(parameters, members, batch, state, gradient, options: StepOptions = {}): Promise<StepResult> {
      const losses = new Float64Array(members.length * parts)
      const counts = new Float64Array(members.length)
      gradient?.fill(0)
      for (const [m, masks] of members.entries()) {
        const [from, groups] = memberGroups(m, members.length, task.groups(batch), options)
        const net = createNet(parameters, masks, gradient, options.denseGradient ?? false)
        const size = groups * statePerGroup
        const made = task.evaluate(net, batch, from, groups, state.subarray(m * size, (m + 1) * size))
        losses.set(made.losses, m * parts)
        counts[m] = made.count
      }
      const sum = counts.reduce((a, b) => a + b, 0)
      if (gradient) {
        const scale = 1 / Math.max(1, sum)
        for (let k = 0; k < gradient.length; k++) gradient[k]! *= scale
      }
      // Every example is seen by both members of a pair, or by all members.
      return { losses, count: sum / (options.share === 'pairs' ? 2 : members.length), counts }
    },
    close() {},
  }
}

/** Copies rows [examples, features] into activations [groups, columns, 16]; missing lanes and features are 0. */
export function toLanes(rows: Float32Array, features: number, columns = features): Float32Array {
  const examples = rows.length / features
  const out = new Float32Array(Math.ceil(examples / LANES) * columns * LANES)
  for (let e = 0; e < examples; e++) {
    const at = Math.floor(e / LANES) * columns * LANES + (e % LANES)
    for (let i = 0; i < features; i++) out[at + i * LANES] = rows[e * features + i]!
  }
  return out
}
