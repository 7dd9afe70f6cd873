/**
 * Dynamic sparse training, which SET and RigL share: every so many updates each strip exchanges its blocks of lowest L2 norm
 * for as many new ones, which start at 0 without a past. The share exchanged falls as a cosine from `fraction` to 0 at `end`.
 */
import { z } from 'zod'
import { blockNorms, exchange, newborns, resetBlock } from '../net/blocks.ts'
import type { Feedback, Mask, MaskContext, MaskMethod, Moment } from '../net/mask.ts'
import { heldMasks, randomMasks } from './random.ts'

export const dynamicOptions = z.strictObject({
  /** Updates between exchanges. */
  every: z.number().int().min(1).default(100),
  /** Share of a strip's blocks exchanged at first (Evci et al. 2020: alpha). */
  fraction: z.number().min(0).max(1).default(0.3),
  /** Progress after which masks stay. */
  end: z.number().min(0).max(1).default(0.75),
})
export type DynamicOptions = z.output<typeof dynamicOptions>

/** Share of the kept blocks exchanged at `progress` (Evci et al. 2020, section 3). */
export const exchangedShare = (progress: number, { fraction, end }: DynamicOptions): number =>
  progress >= end ? 0 : (fraction / 2) * (1 + Math.cos((Math.PI * progress) / end))

/** @param promise scores [strips, columns] of the blocks of matrix `index`, by which new ones are chosen */
export function createDynamic(
  name: string,
  context: MaskContext,
  options: DynamicOptions,
  wantsGradient: boolean,
  promise: (index: number, at: Moment, feedback: Feedback) => Float32Array,
): MaskMethod {
  const { matrices } = context
  let churn = 0
  const due = ({ step, progress }: Moment) => (step + 1) % options.every === 0 && progress < options.end
  const held = heldMasks(name, randomMasks(context), due, (masks, at, feedback) => {
    const share = exchangedShare(at.progress, options)
    let exchanged = 0
    let all = 0
    const next = new Map<string, Mask>()
    for (const [i, m] of matrices.entries()) {
      const mask = masks.get(m.name)!
      const count = Math.round(share * m.kept)
      const made = exchange(mask, m, count, blockNorms(feedback.weights.parameters, m), promise(i, at, feedback))
      const born = newborns(mask, made, m)
      for (const block of born) resetBlock(feedback.weights, m, block)
      exchanged += born.length
      all += mask.length
      next.set(m.name, made)
    }
    churn = exchanged / all
    return next
  })
  return { ...held, ...(wantsGradient ? { wantsDenseGradient: due } : {}), telemetry: () => ({ churn }) }
}
