/**
 * A checkpoint from a shipped voice: the inverse of compaction, so that training can go on where only the package is left. What
 * a package does not hold starts anew: Adam's moments, GRU states, the place in the data; dropped blocks are 0.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { decodeOnnx } from 'sparsewave/internal/onnx/read'
import { BANDS, BLOCK, FRAME_FEATURES, HEAD_OUTPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { type BlockSparseMatrix, parseWeights } from 'sparsewave/internal/vocoder/sparse-wavernn/weights'
import type { Mask } from '../../net/mask.ts'
import { elementIndex, type MaskedName, parameterLayout, type Segment, segment } from '../../net/vocoder-layout.ts'
import type { Checkpoint } from './checkpoint.ts'

/** Reads vocoder.safetensors and conditioning.onnx of the voice in `folder`. Throws WEIGHTS_INVALID, VOICE_DAMAGED, VOICE_MISMATCH. */
export function checkpointOfVoice(folder: string): Checkpoint {
  const weights = parseWeights(
    readFileSync(path.join(folder, 'vocoder.safetensors')),
    path.join(folder, 'vocoder.safetensors'),
  )
  const onnx = path.join(folder, 'conditioning.onnx')
  const { initializers } = decodeOnnx(readFileSync(onnx), onnx)
  const layout = parameterLayout(weights.config)
  const average = new Float32Array(layout.size)
  const masks: Record<string, Mask> = {}

  const blocks = (name: MaskedName, m: BlockSparseMatrix) => {
    const s = segment(layout, name)
    for (const [k, column] of m.index.entries()) {
      const strip = Math.floor(k / m.kept)
      average.set(m.values.subarray(k * BLOCK, (k + 1) * BLOCK), s.offset + (strip * s.columns + column) * BLOCK)
    }
    masks[name] = m.index.slice()
  }
  const dense = (s: Segment, values: Float32Array) => {
    if (s.rows === 1) average.set(values, s.offset)
    else for (const [i, v] of values.entries()) average[elementIndex(s, Math.floor(i / s.columns), i % s.columns)] = v
  }
  const constant = (name: string, size: number): Float32Array => {
    const data = initializers[name]?.data
    if (data instanceof Float32Array && data.length === size) return data
    throw new SparsewaveError('VOICE_MISMATCH', `${onnx} has no ${name} of ${size} values, as the weights need it.`)
  }

  for (const [i, gate] of (['reset', 'update', 'candidate'] as const).entries()) {
    blocks(`gru.recurrent.${gate}`, weights.recurrent[i]!)
    blocks(`gru.input.${gate}`, weights.input[i]!)
  }
  blocks('head.hidden', weights.headHidden)
  dense(segment(layout, 'head.hidden.bias'), weights.headBias)
  for (let b = 0; b < BANDS; b++) {
    dense(segment(layout, `head.step.${b}.weight`), weights.headStep[b]!)
    dense(segment(layout, `head.skip.${b}.weight`), weights.headSkip[b]!)
    dense(segment(layout, `head.output.${b}.weight`), weights.outputWeight[b]!)
    average.set(weights.outputBias[b]!.subarray(0, HEAD_OUTPUTS), segment(layout, `head.output.${b}.bias`).offset)
  }
  for (let i = 0; i < 3; i++) {
    const weight = segment(layout, `conditioning.${i}.weight`)
    dense(weight, constant(`layer.${i}.weight`, weight.rows * weight.columns))
    dense(segment(layout, `conditioning.${i}.bias`), constant(`layer.${i}.bias`, weight.rows))
  }
  return {
    net: weights.config,
    update: 0,
    adamStep: 0,
    rateScale: 1,
    audioSeconds: 0,
    wallSeconds: 0,
    maskMethod: 'random',
    batches: { draws: 0, lanes: [] },
    normalization: { mean: constant('mean', FRAME_FEATURES), std: constant('std', FRAME_FEATURES) },
    parameters: average.slice(),
    first: new Float32Array(layout.size),
    second: new Float32Array(layout.size),
    average,
    state: new Float32Array(0),
    masks,
  }
}
