/**
 * The memory image of a model that the native and WebAssembly kernels share: weights in the order the inner loops read
 * them, filters and tables in 4-band lanes.
 */
import { PQMF_TAPS, SYNTHESIS_FILTERS } from '../audio/pqmf.ts'
import { excitationTable } from '../vocoder/sparse-wavernn/excitation.ts'
import {
  BANDS,
  BLOCK,
  EXCITATION_POINTS,
  HEAD_OUTPUTS,
  HEADER_FIELDS,
  type HeaderField,
  PADDED_STEP_INPUTS,
  STEP_INPUTS,
} from '../vocoder/sparse-wavernn/layout.ts'
import type { BlockSparseMatrix, VocoderWeights } from '../vocoder/sparse-wavernn/weights.ts'
import { type ModelOptions, NEUTRAL_TEMPERATURE } from './kernel.ts'
import { type Quantized, quantize } from './quantize.ts'

export interface ModelImage {
  /** [HEADER_FIELDS.length] */
  readonly header: Int32Array
  readonly values: Float32Array
  /** Gates: [strip][list] columns of [h; x] in the order of the blocks; then the head's: [strip][kept]. */
  readonly columns: Uint16Array
  /**
   * Empty in f32. Blocks two by two, the rows' weights beside one another: [strip][pair of blocks][16][2]; an odd last block has one of
   * zeros beside it. In int8 four by four, as bytes: [strip][quad of blocks][16][4].
   */
  readonly integers: Int16Array
}

/** Lays a model out. Every segment starts on a multiple of 16 values. */
export function modelImage(
  weights: VocoderWeights,
  { temperature = NEUTRAL_TEMPERATURE, precision = 'f32' }: ModelOptions = {},
): ModelImage {
  const { hidden: H, headHidden: K } = weights.config
  const D = STEP_INPUTS.count
  const header = {} as Record<HeaderField, number>
  const [Rr, Rz, Rn] = weights.recurrent
  const [Ir, Iz, In] = weights.input
  const q = precision === 'f32' ? undefined : quantize(weights, precision)
  const bytes = precision === 'int8'
  /** Blocks that lie together. */
  const group = bytes ? 4 : q ? 2 : 1
  const padded = (blocks: number) => group * Math.ceil(blocks / group)
  Object.assign(header, { hidden: H, headHidden: K, inputs: D, integer: bytes ? 2 : q ? 1 : 0 })
  header.resetBlocks = padded(bytes ? Rr.kept : Rr.kept + Ir.kept)
  header.updateBlocks = padded(bytes ? Rz.kept : Rz.kept + Iz.kept)
  header.recurrentBlocks = padded(Rn.kept)
  header.inputBlocks = padded(bytes ? Math.max(Ir.kept, Iz.kept, In.kept) : In.kept)
  header.headBlocks = padded(weights.headHidden.kept)
  const strips = H / BLOCK
  const headStrips = (BANDS * K) / BLOCK
  const stripBlocks =
    header.resetBlocks + header.updateBlocks + header.recurrentBlocks + (bytes ? 3 : 1) * header.inputBlocks
  const stepInputs = Array.from({ length: BANDS }, (_, b) => D + b).reduce((a, b) => a + b, 0)

  let total = 0
  let integerTotal = 0
  const place = (field: HeaderField, size: number) => {
    header[field] = total
    total += Math.ceil(size / 16) * 16
  }
  const placeBlocks = (field: HeaderField, blocks: number) => {
    if (!q) return place(field, blocks * BLOCK)
    header[field] = integerTotal
    integerTotal += (blocks * BLOCK) / (bytes ? 2 : 1)
  }
  placeBlocks('gateValues', strips * stripBlocks)
  placeBlocks('headValues', headStrips * header.headBlocks)
  header.stepValues = 0
  if (q) placeBlocks('stepValues', headStrips * padded(D))
  place('headBias', BANDS * K)
  place('headStep', stepInputs * K)
  place('headSkip', (D + BANDS) * BANDS)
  place('outputWeight', BANDS * K * BLOCK)
  place('outputBias', BANDS * BLOCK)
  place('filters', PQMF_TAPS * BANDS)
  // One entry more than the table, so that interpolation may read past its end.
  place('table', (EXCITATION_POINTS + 1) * BANDS)
  place('temperature', 2 * BANDS)
  const sums = q ? (bytes ? 6 : 4) * H + 2 * BANDS * K : 0
  place('scales', bytes ? 2 * sums : sums)
  place('inputSteps', q ? 2 * PADDED_STEP_INPUTS : 0)
  header.totalValues = total
  header.totalIntegers = integerTotal
  header.headColumns = strips * stripBlocks
  header.totalColumns = header.headColumns + headStrips * header.headBlocks

  const values = new Float32Array(total)
  const integers = new Int16Array(integerTotal)
  const integerBlocks = bytes ? new Int8Array(integers.buffer) : integers
  const columns = new Uint16Array(header.totalColumns)
  let block = 0
  /** Where row `row` of block `k` of a list that starts at `base` lies. */
  const placeOf = (base: number, k: number, row: number) => base + (k - (k % group)) * BLOCK + row * group + (k % group)
  /** Strip `s` of matrices that share their sums, one after the other; padded to `blocks` with blocks of zeros. */
  const copyStrip = (
    s: number,
    base: number,
    blocks: number,
    ...list: [BlockSparseMatrix, number, Quantized | undefined][]
  ) => {
    const end = block + blocks
    for (const [m, shift, quantized] of list) {
      const from = s * m.kept
      for (let k = 0; k < m.kept; k++, block++) {
        columns[block] = m.index[from + k]! + shift
        for (let i = 0; i < BLOCK; i++) {
          const at = placeOf(base, block, i)
          const source = (from + k) * BLOCK + i
          if (quantized) integerBlocks[at] = quantized.values[source]!
          else values[at] = m.values[source]!
        }
      }
    }
    // What pads reads a column of its own input.
    columns.fill(list[0]![1], block, end)
    block = end
  }
  const unit = bytes ? 2 : 1
  const [qr, qz, qn] = q?.recurrent ?? []
  const [pr, pz, pn] = q?.input ?? []
  for (let s = 0; s < strips; s++) {
    const at = header.gateValues * unit
    if (bytes) {
      copyStrip(s, at, header.resetBlocks, [Rr, 0, qr])
      copyStrip(s, at, header.updateBlocks, [Rz, 0, qz])
      copyStrip(s, at, header.recurrentBlocks, [Rn, 0, qn])
      copyStrip(s, at, header.inputBlocks, [Ir, H, pr])
      copyStrip(s, at, header.inputBlocks, [Iz, H, pz])
      copyStrip(s, at, header.inputBlocks, [In, H, pn])
    } else {
      copyStrip(s, at, header.resetBlocks, [Rr, 0, qr], [Ir, H, pr])
      copyStrip(s, at, header.updateBlocks, [Rz, 0, qz], [Iz, H, pz])
      copyStrip(s, at, header.recurrentBlocks, [Rn, 0, qn])
      copyStrip(s, at, header.inputBlocks, [In, H, pn])
    }
  }
  for (let s = 0; s < headStrips; s++) {
    const at = header.headValues * unit - header.headColumns * BLOCK
    copyStrip(s, at, header.headBlocks, [weights.headHidden, 0, q?.head])
  }
  if (q) {
    for (let b = 0; b < BANDS; b++) {
      for (let i = 0; i < K * D; i++) {
        const row = b * K + Math.floor(i / D)
        const list = header.stepValues * unit + Math.floor(row / BLOCK) * padded(D) * BLOCK
        integerBlocks[placeOf(list, i % D, row % BLOCK)] = q.step[b]!.values[i]!
      }
    }
    const apart = [...q.recurrent, ...q.input]
    const gateMatrices = bytes ? apart : [q.recurrent[0], q.recurrent[1], q.recurrent[2], q.input[2]]
    let at = header.scales
    for (const { scale } of [...gateMatrices, q.head, ...q.step]) {
      values.set(scale, at)
      at += scale.length
    }
    if (bytes) {
      const starts = new Int32Array(values.buffer)
      for (const [list, matrix] of [Rr, Rz, Rn, Ir, Iz, In, weights.headHidden].entries()) {
        const { values: weight } = [...apart, q.head][list]!
        for (const [i, v] of weight.entries())
          starts[at + Math.floor(i / (matrix.kept * BLOCK)) * BLOCK + (i % BLOCK)]! -= 128 * v
        at += matrix.rows
      }
      for (const { values: weight } of q.step) {
        for (const [i, v] of weight.entries()) starts[at + Math.floor(i / D)]! -= 128 * v
        at += K
      }
    }
    values.set(q.steps.input, header.inputSteps)
    values.set(q.steps.limit, header.inputSteps + PADDED_STEP_INPUTS)
  }
  values.set(weights.headBias, header.headBias)
  let step = header.headStep
  for (let b = 0; b < BANDS; b++) {
    const inputs = D + b
    for (let row = 0; row < K; row++) {
      const to = step + Math.floor(row / BLOCK) * inputs * BLOCK + (row % BLOCK)
      for (let i = 0; i < inputs; i++) values[to + i * BLOCK] = weights.headStep[b]![row * inputs + i]!
    }
    step += inputs * K
    for (let i = 0; i < inputs; i++) values[header.headSkip + i * BANDS + b] = weights.headSkip[b]![i]!
    for (let o = 0; o < HEAD_OUTPUTS; o++) {
      for (let k = 0; k < K; k++) {
        values[header.outputWeight + (b * K + k) * BLOCK + o] = weights.outputWeight[b]![o * K + k]!
      }
      values[header.outputBias + b * BLOCK + o] = weights.outputBias[b]![o]!
    }
    for (let m = 0; m < PQMF_TAPS; m++) {
      // [step back j][band][sample i], tap 4j + i.
      const to = header.filters + (Math.floor(m / BANDS) * BANDS + b) * BANDS + (m % BANDS)
      values[to] = 4 * SYNTHESIS_FILTERS[b * PQMF_TAPS + m]!
    }
    values[header.temperature + b] = temperature.unvoiced[b]!
    values[header.temperature + BANDS + b] = temperature.voiced[b]!
  }
  const table = excitationTable()
  for (let i = 0; i < EXCITATION_POINTS; i++) {
    for (let b = 0; b < BANDS; b++) values[header.table + i * BANDS + b] = table[b * EXCITATION_POINTS + i]!
  }
  return { header: Int32Array.from(HEADER_FIELDS, (field) => header[field]), values, columns, integers }
}
