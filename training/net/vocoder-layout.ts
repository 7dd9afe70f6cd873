/**
 * The parameters of the mb4-24k net in their flat vector (training/net/layout.ts).
 */
import {
  BANDS,
  BLOCK,
  FRAME_FEATURES,
  HEAD_OUTPUTS,
  keptColumns,
  type NetConfig,
  STEP_INPUTS,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { type Layout, layOut, type SegmentPlan } from './layout.ts'

export { elementIndex, maskedSegments, type Segment, segment } from './layout.ts'

export interface ParameterLayout extends Layout {
  readonly config: NetConfig
}

/** Matrices with a mask, in the layout's order. */
export const MASKED = [
  'gru.recurrent.reset',
  'gru.recurrent.update',
  'gru.recurrent.candidate',
  'gru.input.reset',
  'gru.input.update',
  'gru.input.candidate',
  'head.hidden',
] as const
export type MaskedName = (typeof MASKED)[number]

/** Rows of a head's output matrix, padded to whole blocks. */
export const PADDED_OUTPUTS = Math.ceil(HEAD_OUTPUTS / BLOCK) * BLOCK

/** The order of segments is part of the native engine's interface (training/native/net.h). */
export function parameterLayout(config: NetConfig): ParameterLayout {
  const { hidden: h, headHidden: k, conditioning: c, density } = config
  const d = STEP_INPUTS.count
  const plans: SegmentPlan[] = []
  const add = (name: string, rows: number, columns: number, fanIn: number, kept?: number) =>
    plans.push({ name, rows, columns, fanIn, kept })
  const masked = (name: MaskedName, rows: number, columns: number, share: number) => {
    const kept = keptColumns(share, columns)
    add(name, rows, columns, kept, kept)
  }
  masked('gru.recurrent.reset', h, h, density.reset)
  masked('gru.recurrent.update', h, h, density.update)
  masked('gru.recurrent.candidate', h, h, density.candidate)
  masked('gru.input.reset', h, d, density.input)
  masked('gru.input.update', h, d, density.input)
  masked('gru.input.candidate', h, d, density.input)
  masked('head.hidden', BANDS * k, h, density.head)
  for (let b = 0; b < BANDS; b++) add(`head.step.${b}.weight`, k, d + b, d + b)
  for (let b = 0; b < BANDS; b++) add(`head.output.${b}.weight`, PADDED_OUTPUTS, k, 4 * k)
  for (let b = 0; b < BANDS; b++) add(`head.output.${b}.bias`, 1, PADDED_OUTPUTS, 0)
  add('head.hidden.bias', 1, BANDS * k, 0)
  for (let b = 0; b < BANDS; b++) add(`head.skip.${b}.weight`, 1, d + b, 0)
  add('conditioning.0.weight', c, FRAME_FEATURES, FRAME_FEATURES)
  add('conditioning.0.bias', 1, c, 0)
  add('conditioning.1.weight', c, 3 * c, 3 * c)
  add('conditioning.1.bias', 1, c, 0)
  add('conditioning.2.weight', 3 * h, c, c)
  add('conditioning.2.bias', 1, 3 * h, 0)
  return { config, ...layOut(plans) }
}
