/**
 * The net in integers: weights with a scale a row, h and x in steps of their own, sums in 32 bits. Integer sums do not depend on their order,
 * so that all kernels make the same ones; the scales are chosen so that none can overflow. The conditioning's gate terms, what
 * follows the sums, the heads' products with earlier bands and their outputs stay f32.
 */
import { BANDS, BLOCK, STATE_STEPS_INT8, STATE_STEPS_INT16, STEP_INPUTS } from '../vocoder/sparse-wavernn/layout.ts'
import type { BlockSparseMatrix, VocoderWeights } from '../vocoder/sparse-wavernn/weights.ts'
import type { Precision } from './kernel.ts'

export type IntegerPrecision = Exclude<Precision, 'f32'>

/** What h and x are counted in. */
export interface Steps {
  /** Steps a unit of h, which lies in -1 .. 1. */
  readonly state: number
  /** Steps a unit of each x, [D]. */
  readonly input: Float32Array
  /** Largest magnitude of each x in its steps, [D]: clipped inputs lie in -6 .. 6, pulses in -16 .. 16 down to 30 Hz. */
  readonly limit: Float32Array
}

/** One value for the clipped inputs, one for the pulses, one for the phase: [D]. */
const inputs = (clipped: number, pulses: number, phase: number): Float32Array =>
  Float32Array.from({ length: STEP_INPUTS.count }, (_, i) =>
    i < STEP_INPUTS.excitation ? clipped : i < STEP_INPUTS.phase ? pulses : phase,
  )

export const STEPS: Readonly<Record<IntegerPrecision, Steps>> = {
  int16: { state: STATE_STEPS_INT16, input: inputs(4096, 2048, 8192), limit: inputs(6 * 4096, 32767, 8192) },
  int8: { state: STATE_STEPS_INT8, input: inputs(21, 8, 127), limit: inputs(126, 127, 127) },
}

/** A matrix: a weight is its integer times `scale[row]` times the steps of its input. */
export interface Quantized {
  readonly scale: Float32Array
  /** In the matrix's own order. */
  readonly values: Int16Array
}
type QuantizedGates = readonly [reset: Quantized, update: Quantized, candidate: Quantized]

export interface QuantizedWeights {
  readonly steps: Steps
  /** R; in int16 those of reset and update share the scales of I, so that the two make one sum. */
  readonly recurrent: QuantizedGates
  /** I */
  readonly input: QuantizedGates
  /** V */
  readonly head: Quantized
  /** S_b without the columns of earlier bands, by band: [K, D]. */
  readonly step: readonly Quantized[]
}

interface Part {
  readonly count: number
  row(i: number): number
  weight(i: number): number
  /** Steps a unit of the weight's input, and the input's largest magnitude in steps. */
  steps(i: number): number
  limit(i: number): number
}

const blocks = (m: BlockSparseMatrix, of: 'h' | 'x', steps: Steps): Part => {
  const column = (i: number) => m.index[Math.floor(i / BLOCK)]!
  return {
    count: m.values.length,
    row: (i) => Math.floor(i / (m.kept * BLOCK)) * BLOCK + (i % BLOCK),
    weight: (i) => m.values[i]!,
    steps: (i) => (of === 'h' ? steps.state : steps.input[column(i)]!),
    limit: (i) => (of === 'h' ? steps.state : steps.limit[column(i)]!),
  }
}

const stepPart = (w: VocoderWeights, b: number, steps: Steps): Part => {
  const D = STEP_INPUTS.count
  return {
    count: w.config.headHidden * D,
    row: (i) => Math.floor(i / D),
    weight: (i) => w.headStep[b]![Math.floor(i / D) * (D + b) + (i % D)]!,
    steps: (i) => steps.input[i % D]!,
    limit: (i) => steps.limit[i % D]!,
  }
}

const LARGEST_SUM = 2 ** 31 - 1
const LARGEST_WEIGHT = { int16: 32767, int8: 127 }

/** Parts whose sums are one: they share their rows' scales. */
function rows(count: number, parts: readonly Part[], largestWeight: number): Quantized[] {
  const sum = new Float64Array(count)
  const rounding = new Float64Array(count)
  const largest = new Float64Array(count)
  for (const part of parts) {
    for (let i = 0; i < part.count; i++) {
      const row = part.row(i)
      const w = Math.abs(part.weight(i)) / part.steps(i)
      sum[row]! += w * part.limit(i)
      rounding[row]! += part.limit(i) / 2
      largest[row] = Math.max(largest[row]!, w)
    }
  }
  // f32 by rounding up, so that the bounds still hold.
  const scale = Float32Array.from(sum, (total, row) => {
    const least = Math.max(total / (LARGEST_SUM - rounding[row]!), largest[row]! / largestWeight)
    return least > 0 ? least * (1 + 2 ** -22) : 1
  })
  return parts.map((part) => {
    const values = new Int16Array(part.count)
    for (let i = 0; i < part.count; i++) values[i] = Math.round(part.weight(i) / (scale[part.row(i)]! * part.steps(i)))
    return { scale, values }
  })
}

export function quantize(w: VocoderWeights, precision: IntegerPrecision): QuantizedWeights {
  const { hidden, headHidden } = w.config
  const steps = STEPS[precision]
  const of = (count: number, ...parts: Part[]) => rows(count, parts, LARGEST_WEIGHT[precision])
  const R = w.recurrent.map((m) => blocks(m, 'h', steps))
  const I = w.input.map((m) => blocks(m, 'x', steps))
  // Eight bits cannot hold weights of h and of x, whose steps differ, in one scale.
  const apart = [0, 1, 2].map((g) => [...of(hidden, R[g]!), ...of(hidden, I[g]!)] as const)
  const together = (g: number) => of(hidden, R[g]!, I[g]!) as [Quantized, Quantized]
  const [reset, update, candidate] = precision === 'int16' ? [together(0), together(1), apart[2]!] : apart
  return {
    steps,
    recurrent: [reset![0]!, update![0]!, candidate![0]!],
    input: [reset![1]!, update![1]!, candidate![1]!],
    head: of(BANDS * headHidden, blocks(w.headHidden, 'h', steps))[0]!,
    step: Array.from({ length: BANDS }, (_, b) => of(headHidden, stepPart(w, b, steps))[0]!),
  }
}

/** The nearest integer, halves to even, as processors round. */
export function roundEven(v: number): number {
  const r = Math.round(v)
  return r - v === 0.5 && r % 2 !== 0 ? r - 1 : r
}

export const quantizeState = (h: number, { state }: Steps): number => roundEven(h * state)

export function quantizeInput(x: number, i: number, { input, limit }: Steps): number {
  return roundEven(Math.min(Math.max(x * input[i]!, -limit[i]!), limit[i]!))
}
