/**
 * The memory image of a model that the native and WebAssembly kernels share: weights in the order the inner loops read
 * them, filters and tables in 4-band lanes. The header's order is that of native/infer/model.h and wasm/vocoder.ts.
 */
import { PQMF_TAPS, SYNTHESIS_FILTERS } from '../audio/pqmf.ts'
import { BANDS, BLOCK, HEAD_OUTPUTS, STEP_INPUTS } from '../vocoder/sparse-wavernn/config.ts'
import { EXCITATION_POINTS, excitationTable } from '../vocoder/sparse-wavernn/excitation.ts'
import type { BlockMatrix, VocoderWeights } from '../vocoder/sparse-wavernn/weights.ts'
import type { Temperature } from './kernel.ts'

export const HEADER_FIELDS = [
  'hidden',
  'headHidden',
  'inputs',
  /** Blocks of one strip: reset and update take columns of [h; x], the candidate's two parts of h and of x. */
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
  'totalValues',
  'totalColumns',
] as const
export type HeaderField = (typeof HEADER_FIELDS)[number]

export interface ModelImage {
  /** [HEADER_FIELDS.length] */
  readonly header: Int32Array
  readonly values: Float32Array
  /** Gates: [strip][reset, update, recurrent, input] columns of [h; x]; then the head's: [strip][kept]. */
  readonly columns: Uint16Array
}

/** Lays a model out. Every segment starts on a multiple of 16 floats. */
export function modelImage(weights: VocoderWeights, temperature: Temperature): ModelImage {
  const { hidden: H, headHidden: K } = weights.config
  const D = STEP_INPUTS.count
  const header = {} as Record<HeaderField, number>
  const [Rr, Rz, Rn] = weights.recurrent
  const [Ir, Iz, In] = weights.input
  Object.assign(header, { hidden: H, headHidden: K, inputs: D })
  header.resetBlocks = Rr.kept + Ir.kept
  header.updateBlocks = Rz.kept + Iz.kept
  header.recurrentBlocks = Rn.kept
  header.inputBlocks = In.kept
  header.headBlocks = weights.headHidden.kept
  const strips = H / BLOCK
  const headStrips = (BANDS * K) / BLOCK
  const stripBlocks = header.resetBlocks + header.updateBlocks + header.recurrentBlocks + header.inputBlocks
  const stepInputs = Array.from({ length: BANDS }, (_, b) => D + b).reduce((a, b) => a + b, 0)

  let total = 0
  const place = (field: HeaderField, size: number) => {
    header[field] = total
    total += Math.ceil(size / 16) * 16
  }
  place('gateValues', strips * stripBlocks * BLOCK)
  place('headValues', headStrips * header.headBlocks * BLOCK)
  place('headBias', BANDS * K)
  place('headStep', stepInputs * K)
  place('headSkip', (D + BANDS) * BANDS)
  place('outputWeight', BANDS * K * BLOCK)
  place('outputBias', BANDS * BLOCK)
  place('filters', PQMF_TAPS * BANDS)
  // One entry more than the table, so that interpolation may read past its end.
  place('table', (EXCITATION_POINTS + 1) * BANDS)
  place('temperature', 2 * BANDS)
  header.totalValues = total
  header.headColumns = strips * stripBlocks
  header.totalColumns = header.headColumns + headStrips * header.headBlocks

  const values = new Float32Array(total)
  const columns = new Uint16Array(header.totalColumns)
  let block = 0
  const copyStrip = (m: BlockMatrix, s: number, shift: number, base: number) => {
    const from = s * m.kept
    values.set(m.values.subarray(from * BLOCK, (from + m.kept) * BLOCK), base + block * BLOCK)
    for (let k = 0; k < m.kept; k++) columns[block + k] = m.index[from + k]! + shift
    block += m.kept
  }
  for (let s = 0; s < strips; s++) {
    copyStrip(Rr, s, 0, header.gateValues)
    copyStrip(Ir, s, H, header.gateValues)
    copyStrip(Rz, s, 0, header.gateValues)
    copyStrip(Iz, s, H, header.gateValues)
    copyStrip(Rn, s, 0, header.gateValues)
    copyStrip(In, s, H, header.gateValues)
  }
  for (let s = 0; s < headStrips; s++) {
    copyStrip(weights.headHidden, s, 0, header.headValues - header.headColumns * BLOCK)
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
  return { header: Int32Array.from(HEADER_FIELDS, (field) => header[field]), values, columns }
}
