/**
 * Shape of the `mb4-24k` Sparse WaveRNN (docs/reference/net.md has the equations). Trainer, exporter and every kernel read
 * the sizes and the order of the inputs from here, never from literals of their own.
 */
import { z } from 'zod'
import { ENVELOPE_POINTS, HOP } from '../../frames.ts'

export const BANDS = 4
/** Steps per frame: each step makes one sample in each of the bands. */
export const STEPS_PER_FRAME = HOP / BANDS
/** Rows of a block: blocks are 16 output rows by 1 input column. */
export const BLOCK = 16
export const LPC_ORDER = 8
export const HISTORY = 4
export const MIXTURES = 4
/** Outputs of one band's head: mixture logits, means, log scales, MIXTURES each, in this order. */
export const HEAD_OUTPUTS = 3 * MIXTURES
/** Features of a frame at the conditioning net's input: envelope, log-F0, voicing. */
export const FRAME_FEATURES = ENVELOPE_POINTS + 2

/** Where each group of inputs of a step starts in x. Order inside a group: lag or offset outer, band inner. */
export const STEP_INPUTS = (() => {
  const history = 0
  const residual = history + HISTORY * BANDS
  const prediction = residual + BANDS
  const pitch = prediction + BANDS
  const excitation = pitch + 3 * BANDS
  const phase = excitation + 3 * BANDS
  return { history, residual, prediction, pitch, excitation, phase, count: phase + 2 }
})()

const density = z.number().gt(0).max(1)

export const netConfigSchema = z.strictObject({
  kind: z.literal('mb4-24k').default('mb4-24k'),
  /** GRU units. */
  hidden: z.number().int().multipleOf(BLOCK).min(BLOCK).max(4096).default(384),
  /** ReLU units of one band's head. */
  headHidden: z.number().int().multipleOf(BLOCK).min(BLOCK).max(512).default(32),
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
  const gates = hidden * (recurrent + 3 * keptColumns(d.input, STEP_INPUTS.count))
  return gates + BANDS * headHidden * keptColumns(d.head, hidden)
}
