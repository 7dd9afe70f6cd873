/**
 * Fixed random masks: drawn once from the seed, never changed. The control every learned mask must beat.
 */

import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { BLOCK_ROWS } from '../net/layout.ts'
import type { Feedback, Mask, MaskContext, MaskMethod, MaskMethodFactory, MaskSet, Moment } from '../net/mask.ts'

/** `kept` of `columns` columns for every strip, uniformly without replacement, ascending: [strips, kept]. */
export function randomMask(strips: number, columns: number, kept: number, random: Random): Mask {
  const mask = new Uint16Array(strips * kept)
  const order = Uint16Array.from({ length: columns }, (_, i) => i)
  for (let s = 0; s < strips; s++) {
    // Partial Fisher-Yates shuffle.
    for (let i = 0; i < kept; i++) {
      const j = i + random.below(columns - i)
      const swap = order[i]!
      order[i] = order[j]!
      order[j] = swap
    }
    mask.set(order.slice(0, kept).sort(), s * kept)
  }
  return mask
}

/** Random masks of every matrix; each has its own stream of the seed. */
export const randomMasks = ({ matrices, seed }: MaskContext): Map<string, Mask> =>
  new Map(matrices.map((m, i) => [m.name, randomMask(m.rows / BLOCK_ROWS, m.columns, m.kept, new Random(seed, i))]))

/**
 * A method of one member whose masks are all its state. `step` gives the masks after an update that is `due`, or undefined where they
 * stay; without it they never change.
 */
export function heldMasks(
  name: string,
  initial: MaskSet,
  due: (at: Moment, masks: MaskSet) => boolean = () => false,
  step?: (masks: MaskSet, at: Moment, feedback: Feedback) => MaskSet | undefined,
): MaskMethod {
  let masks = initial
  return {
    name,
    members: () => [masks],
    wantsWeights: (at) => due(at, masks),
    update(at, feedback) {
      if (due(at, masks)) masks = step?.(masks, at, feedback) ?? masks
    },
    final: () => masks,
    state: () => Object.fromEntries(masks),
    restore(state) {
      masks = new Map(Object.entries(state) as [string, Mask][])
    },
  }
}

export const random: MaskMethodFactory<object> = {
  name: 'random',
  options: z.strictObject({}),
  create: (context) => heldMasks('random', randomMasks(context)),
}
