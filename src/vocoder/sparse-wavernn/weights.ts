/**
 * vocoder.safetensors <-> typed weights (docs/reference/net.md has the table). What was parsed is safe to compute with: shapes fit
 * the configuration, values are finite, columns ascend and lie inside their matrix.
 */
import { SparsewaveError } from '../../errors.ts'
import { BANDS, BLOCK, HEAD_OUTPUTS, keptColumns, type NetConfig, netConfigSchema, STEP_INPUTS } from './config.ts'
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from './safetensors.ts'

export const WEIGHTS_FORMAT = 'sparsewave-1'

/** A block-sparse matrix: every strip of 16 rows keeps `kept` columns. */
export interface BlockSparseMatrix {
  readonly rows: number
  readonly columns: number
  readonly kept: number
  /** [rows / 16, kept, 16] */
  readonly values: Float32Array
  /** [rows / 16, kept], ascending in a strip. */
  readonly index: Uint16Array
}

/** Matrices in gate order: reset, update, candidate. */
export type GateMatrices = readonly [BlockSparseMatrix, BlockSparseMatrix, BlockSparseMatrix]

export interface VocoderWeights {
  readonly config: NetConfig
  readonly recurrent: GateMatrices
  readonly input: GateMatrices
  /** V, the four V_b stacked: [4K, H]. */
  readonly headHidden: BlockSparseMatrix
  /** [4K] */
  readonly headBias: Float32Array
  /** S_b [K, D + b] by band. */
  readonly headStep: readonly Float32Array[]
  /** M_b [D + b] by band. */
  readonly headSkip: readonly Float32Array[]
  /** O_b [12, K] by band. */
  readonly outputWeight: readonly Float32Array[]
  /** [12] by band. */
  readonly outputBias: readonly Float32Array[]
}

const GATES = ['reset', 'update', 'candidate'] as const

/** Parses and checks a weights file; `name` stands for it in errors. Throws WEIGHTS_INVALID naming the tensor. */
export function parseWeights(bytes: Uint8Array, name = 'vocoder.safetensors'): VocoderWeights {
  const { tensors, metadata } = decodeSafetensors(bytes, name)
  const fail = (why: string): never => {
    throw new SparsewaveError('WEIGHTS_INVALID', `${name}: ${why}`)
  }
  if (metadata.format !== WEIGHTS_FORMAT)
    fail(`its format is ${metadata.format ?? 'not given'} where ${WEIGHTS_FORMAT} is needed.`)
  const config = parseConfig(metadata.config, fail)
  const { hidden, headHidden, density } = config
  const D = STEP_INPUTS.count

  const tensor = (key: string, dtype: 'F32' | 'U16', shape: readonly number[]) => {
    const found = tensors.get(key) ?? fail(`the tensor ${key} is missing.`)
    if (found.dtype !== dtype) fail(`${key} is ${found.dtype} where ${dtype} is needed.`)
    if (found.shape.length !== shape.length || found.shape.some((n, i) => n !== shape[i]))
      fail(`${key} has shape [${found.shape.join(', ')}] where the configuration needs [${shape.join(', ')}].`)
    return found.data
  }
  const values = (key: string, shape: readonly number[]): Float32Array => {
    const data = tensor(key, 'F32', shape) as Float32Array
    const bad = data.findIndex((v) => !Number.isFinite(v))
    if (bad >= 0) fail(`${key} holds a value that is not finite (element ${bad}).`)
    return data
  }
  const matrix = (key: string, rows: number, columns: number, density: number): BlockSparseMatrix => {
    const strips = rows / BLOCK
    const kept = keptColumns(density, columns)
    const index = tensor(`${key}.columns`, 'U16', [strips, kept]) as Uint16Array
    for (let s = 0; s < strips; s++) {
      for (let k = 0; k < kept; k++) {
        const column = index[s * kept + k]!
        if (column >= columns) fail(`${key}.columns has column ${column} in strip ${s} of a matrix with ${columns}.`)
        if (k > 0 && column <= index[s * kept + k - 1]!) fail(`${key}.columns does not ascend in strip ${s}.`)
      }
    }
    return { rows, columns, kept, values: values(`${key}.values`, [strips, kept, BLOCK]), index }
  }
  const byBand = <T>(make: (band: number) => T): T[] => Array.from({ length: BANDS }, (_, b) => make(b))
  const gates = (make: (gate: (typeof GATES)[number]) => BlockSparseMatrix): GateMatrices => [
    make('reset'),
    make('update'),
    make('candidate'),
  ]
  return {
    config,
    recurrent: gates((gate) => matrix(`gru.recurrent.${gate}`, hidden, hidden, density[gate])),
    input: gates((gate) => matrix(`gru.input.${gate}`, hidden, D, density.input)),
    headHidden: matrix('head.hidden', BANDS * headHidden, hidden, density.head),
    headBias: values('head.hidden.bias', [BANDS * headHidden]),
    headStep: byBand((b) => values(`head.step.${b}.weight`, [headHidden, D + b])),
    headSkip: byBand((b) => values(`head.skip.${b}.weight`, [D + b])),
    outputWeight: byBand((b) => values(`head.output.${b}.weight`, [HEAD_OUTPUTS, headHidden])),
    outputBias: byBand((b) => values(`head.output.${b}.bias`, [HEAD_OUTPUTS])),
  }
}

function parseConfig(json: string | undefined, fail: (why: string) => never): NetConfig {
  let value: unknown
  try {
    value = JSON.parse(json ?? '')
  } catch {
    fail('its metadata has no readable config.')
  }
  const parsed = netConfigSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const key = issue.path.join('.')
  const tensors = TENSORS_OF[key] ? ` (${TENSORS_OF[key]})` : ''
  return fail(`its config is not valid at ${key || 'the top'}${tensors}: ${issue.message}.`)
}

/** The tensors whose shape a value of the configuration gives: a density of 0 or a size that blocks do not divide. */
const TENSORS_OF: Readonly<Record<string, string>> = {
  hidden: 'gru.recurrent.*.values',
  headHidden: 'head.hidden.values',
  'density.reset': 'gru.recurrent.reset.values',
  'density.update': 'gru.recurrent.update.values',
  'density.candidate': 'gru.recurrent.candidate.values',
  'density.input': 'gru.input.*.values',
  'density.head': 'head.hidden.values',
}

/** Encodes weights as a vocoder.safetensors file. `metadata` adds free entries to the header. */
export function encodeWeights(weights: VocoderWeights, metadata: Record<string, string> = {}): Uint8Array {
  const { config } = weights
  const D = STEP_INPUTS.count
  const tensors: NamedTensor[] = []
  const f32 = (name: string, shape: number[], data: Float32Array) => tensors.push({ name, dtype: 'F32', shape, data })
  const matrix = (name: string, m: BlockSparseMatrix) => {
    const strips = m.rows / BLOCK
    f32(`${name}.values`, [strips, m.kept, BLOCK], m.values)
    tensors.push({ name: `${name}.columns`, dtype: 'U16', shape: [strips, m.kept], data: m.index })
  }
  for (const [i, gate] of GATES.entries()) matrix(`gru.recurrent.${gate}`, weights.recurrent[i]!)
  for (const [i, gate] of GATES.entries()) matrix(`gru.input.${gate}`, weights.input[i]!)
  matrix('head.hidden', weights.headHidden)
  f32('head.hidden.bias', [BANDS * config.headHidden], weights.headBias)
  for (let b = 0; b < BANDS; b++) {
    f32(`head.step.${b}.weight`, [config.headHidden, D + b], weights.headStep[b]!)
    f32(`head.skip.${b}.weight`, [D + b], weights.headSkip[b]!)
    f32(`head.output.${b}.weight`, [HEAD_OUTPUTS, config.headHidden], weights.outputWeight[b]!)
    f32(`head.output.${b}.bias`, [HEAD_OUTPUTS], weights.outputBias[b]!)
  }
  return encodeSafetensors(tensors, { ...metadata, format: WEIGHTS_FORMAT, config: JSON.stringify(config) })
}
