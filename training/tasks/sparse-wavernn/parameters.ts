/**
 * The net's parameters as one flat vector, so that optimiser, checkpoint and every engine see the same layout.
 * Matrices are stored by blocks, [rows / 16][columns][16]: the 16 weights of a block lie together.
 */
import {
  BANDS,
  BLOCK,
  FRAME_FEATURES,
  HEAD_OUTPUTS,
  keptColumns,
  type NetConfig,
  STEP_INPUTS,
} from '../../../src/vocoder/sparse-wavernn/config.ts'

export interface Segment {
  readonly name: string
  /** First element in the flat vector. */
  readonly offset: number
  /** Rows, a multiple of 16 (heads' 12 outputs are padded); 1 for vectors. */
  readonly rows: number
  readonly columns: number
  readonly size: number
  /** Kept columns of each strip; undefined for dense matrices and vectors. */
  readonly kept: number | undefined
  /** Inputs that reach one output, for initialisation; 0 = start at zero. */
  readonly fanIn: number
}

export interface ParameterLayout {
  readonly config: NetConfig
  readonly segments: readonly Segment[]
  readonly size: number
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

/** The order of segments is part of the native engine's interface (native/train/net.h). */
export function parameterLayout(config: NetConfig): ParameterLayout {
  const { hidden: h, headHidden: k, conditioning: c, density } = config
  const d = STEP_INPUTS.count
  const segments: Segment[] = []
  let offset = 0
  const add = (name: string, rows: number, columns: number, fanIn: number, kept?: number) => {
    const size = rows * columns
    segments.push({ name, offset, rows, columns, size, kept, fanIn })
    // Segments start on 64-byte boundaries.
    offset += Math.ceil(size / 16) * 16
  }
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
  return { config, segments, size: offset }
}

export function segment(layout: ParameterLayout, name: string): Segment {
  const found = layout.segments.find((s) => s.name === name)
  if (!found) throw new Error(`no parameter named ${name}`)
  return found
}

/** The matrices that have a mask. */
export const maskedSegments = (layout: ParameterLayout): (Segment & { kept: number })[] =>
  layout.segments.filter((s): s is Segment & { kept: number } => s.kept !== undefined)

/** Index in the flat vector of element (row, column) of a matrix. */
export const elementIndex = (s: Segment, row: number, column: number): number =>
  s.offset + (Math.floor(row / BLOCK) * s.columns + column) * BLOCK + (row % BLOCK)
