/**
 * Fixed random masks: drawn once from the seed, never changed. The control every learned mask must beat.
 */

import { Random } from '../../src/random.ts'
import type { Mask, MaskContext, MaskMethod, MaskSet } from './mask.ts'

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

export function createRandomMasks(context: MaskContext): MaskMethod {
  let masks: Map<string, Mask> = new Map()
  for (const [i, s] of context.segments.entries()) {
    masks.set(s.name, randomMask(s.rows / 16, s.columns, s.kept, new Random(context.seed, i)))
  }
  return {
    name: 'random',
    members: (): MaskSet[] => [masks],
    update() {},
    final: () => masks,
    state: () => Object.fromEntries(masks),
    restore(state) {
      masks = new Map(Object.entries(state) as [string, Uint16Array][])
    },
  }
}
