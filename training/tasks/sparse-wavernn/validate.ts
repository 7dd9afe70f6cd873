/**
 * Held-out negative log-likelihood: whole recordings, no noise, one lane each.
 */
import { BANDS, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { type Engine, LANES } from '../../net/engine.ts'
import type { MaskSet } from '../../net/mask.ts'
import { emptyBatch, fillLane, type Normalization } from './batches.ts'
import { type Recording, Utterance } from './utterance.ts'

const FRAMES = 20

/** Bits per step and band [4] over all steps of `recordings`, of which there may be any number above 0. */
export async function heldOutBits(
  engine: Engine,
  hidden: number,
  parameters: Float32Array,
  masks: MaskSet,
  recordings: readonly Recording[],
  normalization: Normalization,
): Promise<number[]> {
  // Lanes without a recording keep weight 0.
  const groups = Math.ceil(recordings.length / LANES)
  const utterances = recordings.map((r) => new Utterance(r, 0, 0))
  const batch = emptyBatch(groups, FRAMES * STEPS_PER_FRAME)
  const state = new Float32Array(groups * hidden * LANES)
  const total = new Float64Array(BANDS)
  let count = 0
  const frames = Math.max(...utterances.map((u) => u.frames.count))
  for (let start = 0; start < frames; start += FRAMES) {
    for (const [lane, u] of utterances.entries()) fillLane(batch, lane, u, start, normalization)
    const result = await engine.run(parameters, [masks], batch, state, null)
    for (let b = 0; b < BANDS; b++) total[b]! += result.losses[b]!
    count += result.count
  }
  return [...total].map((nats) => nats / count / Math.LN2)
}
