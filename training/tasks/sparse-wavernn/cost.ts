/**
 * Multiply-accumulates of training, the unit in which methods are given equal compute. Counted are the matrices' products; the
 * element-wise rest is the same for all methods.
 */
import {
  BANDS,
  FRAME_FEATURES,
  type NetConfig,
  netConfigSchema,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { MaskSet } from '../../net/mask.ts'
import { MASKED, PADDED_OUTPUTS, type ParameterLayout, parameterLayout, segment } from '../../net/vocoder-layout.ts'

/**
 * Multiply-accumulates of one step of one lane, forward and backward, with the masks of one member (default: what the layout
 * keeps). `denseGradient`: weight gradients of the masked matrices in all blocks.
 */
export function macsPerLaneStep(layout: ParameterLayout, masks?: MaskSet, denseGradient = false): number {
  const { headHidden, conditioning, hidden } = layout.config
  let macs = 0
  for (const name of MASKED) {
    const { rows, columns, kept } = segment(layout, name)
    const used = masks ? masks.get(name)!.length * 16 : rows * kept!
    // Inputs of steps need no gradient.
    const products = name.startsWith('gru.input') ? 1 : 2
    macs += products * used + (denseGradient ? rows * columns : used)
  }
  macs += 3 * BANDS * headHidden * PADDED_OUTPUTS
  for (let b = 0; b < BANDS; b++) macs += 2 * headHidden * (STEP_INPUTS.count + b)
  const frame = conditioning * (FRAME_FEATURES * (2 / 3) + 3 * conditioning) + 3 * hidden * conditioning
  return macs + (3 * frame) / STEPS_PER_FRAME
}

const DENSE = { reset: 1, update: 1, candidate: 1, input: 1, head: 1 }

/**
 * The dense net whose training costs as much as that of `config`: the same but for its number of hidden units, the multiple of
 * 16 that comes nearest.
 */
export function equalCostDense(config: NetConfig): NetConfig {
  const wanted = macsPerLaneStep(parameterLayout(config))
  let best: { net: NetConfig; distance: number } | undefined
  for (let hidden = 16; hidden <= config.hidden; hidden += 16) {
    const net = netConfigSchema.parse({ ...config, hidden, density: DENSE })
    const distance = Math.abs(macsPerLaneStep(parameterLayout(net)) - wanted)
    if (!best || distance < best.distance) best = { net, distance }
  }
  return best!.net
}
