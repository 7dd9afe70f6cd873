/** What may differ from one `mb4-24k` net to another: its sizes and densities. What is the same in all of them is in layout.ts. */
import { z } from 'zod'
import { BANDS, BLOCK, MAX_HEAD_HIDDEN, MAX_HIDDEN, STEP_INPUTS } from './layout.ts'

export {
  BANDS,
  BLOCK,
  FRAME_FEATURES,
  HEAD_OUTPUTS,
  HISTORY,
  LPC_ORDER,
  MIXTURES,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from './layout.ts'

const density = z.number().gt(0).max(1)

export const netConfigSchema = z.strictObject({
  kind: z.literal('mb4-24k').default('mb4-24k'),
  /** GRU units. */
  hidden: z.number().int().multipleOf(BLOCK).min(BLOCK).max(MAX_HIDDEN).default(384),
  /** ReLU units of one band's head. */
  headHidden: z.number().int().multipleOf(BLOCK).min(BLOCK).max(MAX_HEAD_HIDDEN).default(32),
  /** Units of the conditioning net's two hidden layers. */
  conditioning: z.number().int().multipleOf(BLOCK).min(BLOCK).max(1024).default(128),
  /** Share of kept blocks per matrix. */
  density: z
    .strictObject({
      reset: density.default(0.1),
      update: density.default(0.1),
      candidate: density.default(0.25),
      input: density.default(0.5),
      head: density.default(0.25),
    })
    .prefault({}),
})
export type NetConfig = z.output<typeof netConfigSchema>

/** Kept columns of every 16-row strip of a matrix with `columns` columns. */
export const keptColumns = (density: number, columns: number): number => Math.max(1, Math.round(density * columns))

/** Weights of the masked matrices that are kept. */
export function keptWeights({ hidden, headHidden, density: d }: NetConfig): number {
  const recurrent = keptColumns(d.reset, hidden) + keptColumns(d.update, hidden) + keptColumns(d.candidate, hidden)
  const gru = hidden * (recurrent + 3 * keptColumns(d.input, STEP_INPUTS.count))
  return gru + BANDS * headHidden * keptColumns(d.head, hidden)
}
