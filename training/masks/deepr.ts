/**
 * DeepR (Bellec et al. 2018, "Deep Rewiring"), by blocks: a kept block's strength is its L2 norm. Beside the gradient it feels a
 * constant pull towards 0 (their L1 term alpha) and noise of a temperature T; a block whose strength reaches 0 becomes dormant
 * and a random dormant one of its strip takes its place, so that the number of kept blocks never changes. As in their
 * Algorithm 1, with a block's direction in the place of a weight's sign. Rewiring stops at `end`.
 */

import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { maskFlags, resetBlock, stripsOf } from '../net/blocks.ts'
import { BLOCK_ROWS } from '../net/layout.ts'
import { type Mask, type MaskMethodFactory, type Moment, stripColumns } from '../net/mask.ts'
import { heldMasks, randomMasks } from './random.ts'

const options = z.strictObject({
  /** Updates between rewirings; pull and noise are those of all of them. */
  every: z.number().int().min(1).default(20),
  /** Pull on a block's norm per update. */
  pull: z.number().min(0).default(3e-5),
  /** Standard deviation of the noise on every weight per update. */
  noise: z.number().min(0).default(1e-5),
  /** Progress after which masks stay. */
  end: z.number().min(0).max(1).default(0.75),
})

export const deepr: MaskMethodFactory<z.output<typeof options>> = {
  name: 'deepr',
  options,
  create(context, { every, pull, noise, end }) {
    const { matrices, seed } = context
    let churn = 0
    const due = ({ step, progress }: Moment) => (step + 1) % every === 0 && progress < end
    const held = heldMasks('deepr', randomMasks(context), due, (masks, { step }, { weights }) => {
      const random = new Random(seed, 2 ** 20 + step)
      const { parameters } = weights
      let exchanged = 0
      let all = 0
      const next = new Map<string, Mask>()
      for (const m of matrices) {
        const mask = masks.get(m.name)!
        const flags = maskFlags(mask, m)
        for (let s = 0; s < stripsOf(m); s++) {
          let dead = 0
          for (const c of stripColumns(mask, m, s)) {
            const at = m.offset + (s * m.columns + c) * BLOCK_ROWS
            const block = parameters.subarray(at, at + BLOCK_ROWS)
            const norm = Math.hypot(...block)
            // The noise counts along the block's direction, where it can carry the strength through 0.
            const strength = norm - pull * every + noise * Math.sqrt(every) * random.normal()
            if (norm > 0 && strength > 0) for (let r = 0; r < BLOCK_ROWS; r++) block[r]! *= strength / norm
            else {
              flags[s * m.columns + c] = 0
              dead++
            }
          }
          all += mask.length / stripsOf(m)
          exchanged += dead
          const dormant = Array.from({ length: m.columns }, (_, c) => c).filter((c) => !flags[s * m.columns + c])
          for (; dead > 0; dead--) {
            const [c] = dormant.splice(random.below(dormant.length), 1)
            flags[s * m.columns + c!] = 1
            resetBlock(weights, m, s * m.columns + c!)
            // A direction, so that the next pull finds a strength.
            const at = m.offset + (s * m.columns + c!) * BLOCK_ROWS
            for (let r = 0; r < BLOCK_ROWS; r++) parameters[at + r] = 2 * pull * every * random.normal()
          }
        }
        next.set(m.name, Uint16Array.from(flagged(flags, m.columns)))
      }
      churn = exchanged / all
      return next
    })
    return { ...held, telemetry: () => ({ churn }) }
  },
}

function* flagged(flags: Uint8Array, columns: number): Iterable<number> {
  for (const [b, f] of flags.entries()) if (f) yield b % columns
}
