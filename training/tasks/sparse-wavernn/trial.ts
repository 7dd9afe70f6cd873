/**
 * Updates of a job on made-up data, which take as long as its own: for timing engines.
 */

import { syntheticBatch } from '../../engines/synthetic.ts'
import { type Batch, LANES, type PopulationEngine } from '../../net/engine.ts'
import type { MaskMethod } from '../../net/mask.ts'
import { createUpdates } from '../../net/updates.ts'
import { parameterLayout } from '../../net/vocoder-layout.ts'
import { initialParameters } from './initialize.ts'
import type { SparseWavernnJob } from './job.ts'

/** Does one update a call, `i` from 0; whole, with the mask method's part in it. */
export function trialUpdates(
  { net, training, seed }: Pick<SparseWavernnJob, 'net' | 'training' | 'seed'>,
  engine: PopulationEngine<Batch>,
  masks: MaskMethod,
): (i: number) => Promise<void> {
  const layout = parameterLayout(net)
  const groups = training.lanes / LANES
  const batch = syntheticBatch(groups, training.steps, seed)
  const parameters = initialParameters(layout, seed)
  const zeros = () => new Float32Array(layout.size)
  const weights = { parameters, first: zeros(), second: zeros(), average: parameters.slice() }
  const state = new Float32Array(groups * net.hidden * LANES)
  const updates = createUpdates(engine, { layout, masks, weights, state, groups })
  const { learningRate: rate, beta1, beta2, epsilon, clip, average } = training
  return async (i) => {
    // The very first update of a run is no measure of the rest: methods look into it.
    const at = { step: i + 1, progress: 0 }
    const adam = { rate, beta1, beta2, epsilon, clip, average, step: i + 1 }
    const pending = updates.update(at, batch, adam)
    // As in training, where the next batch is ready by then.
    pending.catch(() => {})
    await updates.send(batch)
    const { counts, feedback } = await pending
    masks.update(at, feedback(new Float64Array(counts.length)))
  }
}
