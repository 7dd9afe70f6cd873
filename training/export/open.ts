/** The vocoder of weights that were exported but belong to no package yet: what a validation or an evaluation listens to. */
import { chooseEngine } from 'sparsewave/internal/engine'
import type { Vocoder } from 'sparsewave/internal/vocoder/index'
import { createLevelMatched } from 'sparsewave/internal/vocoder/level-matching/index'
import { createSparseWavernn } from 'sparsewave/internal/vocoder/sparse-wavernn/index'

/** Opens vocoder.safetensors and conditioning.onnx as a voice with the default settings would. Throws WEIGHTS_INVALID, KERNEL_*. */
export async function openExported(weights: Uint8Array, conditioning: Uint8Array): Promise<Vocoder> {
  const net = await createSparseWavernn({
    weights,
    conditioning: { name: 'conditioning.onnx', bytes: conditioning },
  })
  return createLevelMatched(net, chooseEngine().sourceFilter.open())
}
