/**
 * vocoder.safetensors from a trainer's parameters and masks: everything that runs at step rate (docs/reference/net.md has the tensors).
 * The compact net computes what the masked one does.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { BANDS, HEAD_OUTPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import {
  encodeWeights,
  type GateMatrices,
  type VocoderWeights,
} from 'sparsewave/internal/vocoder/sparse-wavernn/weights'
import type { MaskSet } from '../net/mask.ts'
import { elementIndex, type MaskedName, type ParameterLayout, type Segment, segment } from '../net/vocoder-layout.ts'
import { compactMatrix } from './matrix.ts'

/** Throws CHECKPOINT_INVALID when `parameters` does not fit the layout or holds a value that is not finite. */
export function checkParameters(layout: ParameterLayout, parameters: Float32Array): void {
  if (parameters.length !== layout.size)
    throw new SparsewaveError(
      'CHECKPOINT_INVALID',
      `The checkpoint has ${parameters.length} parameters where its net has ${layout.size}.`,
    )
  const bad = parameters.findIndex((v) => !Number.isFinite(v))
  if (bad < 0) return
  const name = layout.segments.findLast((s) => s.offset <= bad)!.name
  throw new SparsewaveError('CHECKPOINT_INVALID', `The checkpoint's ${name} holds a value that is not finite.`)
}

/** The first `rows` rows of a matrix, row-major [rows, columns], or a vector's values. */
export function denseRows(parameters: Float32Array, s: Segment, rows = s.rows): Float32Array {
  if (s.rows === 1) return parameters.slice(s.offset, s.offset + s.columns)
  return Float32Array.from(
    { length: rows * s.columns },
    (_, i) => parameters[elementIndex(s, Math.floor(i / s.columns), i % s.columns)]!,
  )
}

/** The compact weights. Throws CHECKPOINT_INVALID; a mask that does not fit its matrix is a defect and throws Error. */
export function compactVocoder(layout: ParameterLayout, parameters: Float32Array, masks: MaskSet): VocoderWeights {
  checkParameters(layout, parameters)
  const find = (name: string) => segment(layout, name)
  const matrix = (name: MaskedName) => {
    const s = find(name) as Segment & { kept: number }
    const mask = masks.get(name)
    if (!mask) throw new Error(`no mask for ${name}`)
    return compactMatrix(parameters.subarray(s.offset, s.offset + s.size), s, mask)
  }
  const gates = (kind: 'recurrent' | 'input'): GateMatrices => [
    matrix(`gru.${kind}.reset`),
    matrix(`gru.${kind}.update`),
    matrix(`gru.${kind}.candidate`),
  ]
  const byBand = (name: (b: number) => string, rows?: number) =>
    Array.from({ length: BANDS }, (_, b) => denseRows(parameters, find(name(b)), rows))
  return {
    config: layout.config,
    recurrent: gates('recurrent'),
    input: gates('input'),
    headHidden: matrix('head.hidden'),
    headBias: denseRows(parameters, find('head.hidden.bias')),
    headStep: byBand((b) => `head.step.${b}.weight`),
    headSkip: byBand((b) => `head.skip.${b}.weight`),
    outputWeight: byBand((b) => `head.output.${b}.weight`, HEAD_OUTPUTS),
    // Biases are padded to whole blocks as their matrices are.
    outputBias: byBand((b) => `head.output.${b}.bias`).map((v) => v.slice(0, HEAD_OUTPUTS)),
  }
}

/** The bytes of vocoder.safetensors; `metadata` adds entries to its header. Throws as `compactVocoder` does. */
export const exportVocoder = (
  layout: ParameterLayout,
  parameters: Float32Array,
  masks: MaskSet,
  metadata: Record<string, string> = {},
): Uint8Array => encodeWeights(compactVocoder(layout, parameters, masks), metadata)
