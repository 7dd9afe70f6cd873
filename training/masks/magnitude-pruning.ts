/**
 * Magnitude pruning with a cubic schedule (Zhu & Gupta 2017, "To prune, or not to prune", eq. 1): training begins dense; the
 * blocks of lowest L2 norm go, strip by strip, and never come back:
 *
 *     kept(t) = k + (columns - k) (1 - (t - start) / (end - start))^3
 */
import { z } from 'zod'
import { blockNorms, stripsOf, topColumns } from '../net/blocks.ts'
import { type Mask, type MaskMethodFactory, type MaskSet, type Moment, stripColumns } from '../net/mask.ts'
import { heldMasks } from './random.ts'

const options = z.strictObject({
  /** Progress at which pruning starts and ends. */
  start: z.number().min(0).max(1).default(0.1),
  end: z.number().min(0).max(1).default(0.6),
  /** Updates between prunings. */
  every: z.number().int().min(1).default(100),
})

export const magnitudePruning: MaskMethodFactory<z.output<typeof options>> = {
  name: 'magnitude-pruning',
  options,
  create({ matrices }, { start, end, every }) {
    const all = new Map<string, Mask>(
      matrices.map((m) => [m.name, Uint16Array.from({ length: stripsOf(m) * m.columns }, (_, i) => i % m.columns)]),
    )
    const target = (columns: number, kept: number, progress: number): number => {
      const share = Math.min(1, Math.max(0, (progress - start) / Math.max(1e-9, end - start)))
      return Math.round(kept + (columns - kept) * (1 - share) ** 3)
    }
    const due = ({ step, progress }: Moment, masks: MaskSet) => {
      if ((step + 1) % every !== 0 && progress < end) return false
      return matrices.some((m) => masks.get(m.name)!.length > stripsOf(m) * target(m.columns, m.kept, progress))
    }
    const held = heldMasks(
      'magnitude-pruning',
      all,
      due,
      (masks, { progress }, { weights }) =>
        new Map(
          matrices.map((m) => {
            const mask = masks.get(m.name)!
            const now = mask.length / stripsOf(m)
            const wanted = Math.min(now, target(m.columns, m.kept, progress))
            if (wanted === now) return [m.name, mask]
            // Pruned blocks stay pruned, whatever weights they are left with.
            const scores = new Float32Array(stripsOf(m) * m.columns).fill(-1)
            const norms = blockNorms(weights.parameters, m)
            for (let s = 0; s < stripsOf(m); s++)
              for (const c of stripColumns(mask, m, s)) scores[s * m.columns + c] = norms[s * m.columns + c]!
            return [m.name, topColumns(scores, m.columns, wanted)]
          }),
        ),
    )
    return { ...held, startsDense: true }
  },
}
