/**
 * The sizes and layouts of the `mb4-24k` net (docs/reference/net.md has the equations): the one definition. `node scripts/generate-constants.mjs` writes the
 * constants of the C++ and AssemblyScript code from it, and a test compares them.
 */
import { ENVELOPE_POINTS, HOP } from '../../frames.ts'

export const BANDS = 4
/** Steps of a frame: each step makes one sample in each of the bands. */
export const STEPS_PER_FRAME = HOP / BANDS
/** Rows of a block: blocks are 16 output rows by 1 input column. */
export const BLOCK = 16
/** Taps of the filter bank, and the coefficient of the pre-emphasis before it (src/audio/pqmf.ts). */
export const PQMF_TAPS = 64
export const PRE_EMPHASIS = 0.85
export const LPC_ORDER = 8
/** Earlier samples of each band that a step sees. */
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

/** Most units of the GRU and of one band's head; both are multiples of BLOCK. */
export const MAX_HIDDEN = 4096
export const MAX_HEAD_HIDDEN = 512

/** Half width of the pulse response's table in steps, entries a step, entries in all. */
export const EXCITATION_REACH = 8
export const EXCITATION_OVERSAMPLING = 16
export const EXCITATION_POINTS = 2 * EXCITATION_REACH * EXCITATION_OVERSAMPLING + 1

/** The pitch lag that a kernel can look back, in steps; other lags are limited to it. */
export const MIN_LAG = 2
export const MAX_LAG = 1022
/** Steps of band samples and residuals that a stream keeps; a power of two above MAX_LAG + 1. */
export const RING = 1024

/** Most streams of one batch, and most frames of one batched call. */
export const PANEL_STREAMS = 16
export const PANEL_FRAMES = 16

/** Steps a unit of h in 16 and in 8 bits (quantize.ts). */
export const STATE_STEPS_INT16 = 8192
export const STATE_STEPS_INT8 = 127
/** x padded to whole registers of every instruction set. */
export const PADDED_STEP_INPUTS = 64

/** Points of a band's spectrum, and of the whole one, from which linear prediction is computed. */
export const BAND_SPECTRUM_POINTS = 33
export const SPECTRUM_POINTS = (BAND_SPECTRUM_POINTS - 1) * BANDS + 1

/** The header of a model's memory image (src/kernels/image.ts): 32-bit integers in this order. */
export const HEADER_FIELDS = [
  'hidden',
  'headHidden',
  'inputs',
  /**
   * Blocks of one strip: reset and update take columns of [h; x], the candidate's two parts of h and of x. In int8 the three of h come first,
   * then three of x, all of `inputBlocks`.
   */
  'resetBlocks',
  'updateBlocks',
  'recurrentBlocks',
  'inputBlocks',
  'headBlocks',
  /** Where segments start, in floats. */
  'gateValues',
  'headValues',
  'headBias',
  'headStep',
  'headSkip',
  'outputWeight',
  'outputBias',
  'filters',
  'table',
  'temperature',
  /** Where the head's columns start, in columns. */
  'headColumns',
  /** 1: the blocks are int16 pairs in `integers`, 2: int8 quads; gateValues, headValues and stepValues are places there. */
  'integer',
  /** S_b without the columns of earlier bands. */
  'stepValues',
  /**
   * Of each row's sum: [4H] reset, update, recurrent, input (int8: [6H] of h, then of x, reset, update, candidate), [4K] head, [4K] step.
   * In int8 the sums' starts follow, integers in the same order: -128 times the row's sum of weights, as inputs are encoded 128 too large.
   */
  'scales',
  /** Steps a unit of each x, then its limit: [2, PADDED_STEP_INPUTS]. */
  'inputSteps',
  'totalIntegers',
  'totalValues',
  'totalColumns',
] as const
export type HeaderField = (typeof HEADER_FIELDS)[number]

/** What the generated constants hold, by name; reals have a point in C++. */
export const CONSTANTS = {
  integers: {
    BANDS,
    STEPS_PER_FRAME,
    HOP,
    BLOCK,
    LPC_ORDER,
    HISTORY,
    MIXTURES,
    HEAD_OUTPUTS,
    ENVELOPE_POINTS,
    FRAME_FEATURES,
    STEP_INPUTS: STEP_INPUTS.count,
    PADDED_STEP_INPUTS,
    MAX_HIDDEN,
    MAX_HEAD_HIDDEN,
    PQMF_TAPS,
    EXCITATION_REACH,
    EXCITATION_OVERSAMPLING,
    EXCITATION_POINTS,
    MIN_LAG,
    MAX_LAG,
    RING,
    PANEL_STREAMS,
    PANEL_FRAMES,
    STATE_STEPS_INT16,
    STATE_STEPS_INT8,
    SPECTRUM_POINTS,
  },
  reals: { PRE_EMPHASIS },
} as const
