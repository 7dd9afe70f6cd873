/**
 * The studies' classifiers as a sequence of kernel calls (mlp.ts): a batch is one step, a slot 16 images.
 */

import { type Call, Calls, type DeviceNet, type PassOptions, type Rows, rows } from '../../engines/webgpu/net.ts'
import { FLAGS } from '../../engines/webgpu/shaders.ts'
import { LANES } from '../../net/engine.ts'
import { segment } from '../../net/layout.ts'
import { CLASSES } from './images.ts'
import { type LabelledBatch, type MlpConfig, mlpLayout } from './mlp.ts'

/** Losses [negative log-likelihood in nats, errors], each summed over the examples. */
export function mlpNet(config: MlpConfig): DeviceNet<LabelledBatch> {
  if (config.normalized) throw new Error('batch normalisation is not written for webgpu')
  const { inputs, hidden } = config
  const layout = mlpLayout(config)
  const outputRows = segment(layout, 'output.weight').rows
  const groups = (batch: LabelledBatch) => batch.labels.length / LANES

  function passes(o: PassOptions): Call[] {
    const calls = new Calls(layout, o)
    const images = rows('images', inputs, 1, 0, { byGroup: true })
    const active = [images, ...hidden.map((size, i) => rows(`hidden.${i}`, size, 1))]
    const logits = rows('logits', outputRows, 1)
    for (const i of hidden.keys())
      calls.forward(`hidden.${i}.weight`, 1, active[i]!, active[i + 1]!, FLAGS.relu, `hidden.${i}.bias`)
    calls.forward('output.weight', 1, active.at(-1)!, logits, 0, 'output.bias')
    calls.add('softmax', [o.slots, 1], { x: 'labels', y: 'losses', z: 'logits' }, { rows: outputRows, cols: CLASSES })
    if (!o.backward) return calls.list
    // The logits are now their own gradient.
    let dy: Rows = logits
    for (let i = hidden.length; i >= 0; i--) {
      const name = i === hidden.length ? 'output' : `hidden.${i}`
      calls.accumulate(`${name}.weight`, 1, active[i]!, dy)
      calls.accumulate(`${name}.bias`, 1, undefined, dy)
      if (i === 0) break
      const dx = rows(`dhidden.${i - 1}`, hidden[i - 1]!, 1)
      calls.backward(`${name}.weight`, 1, dy, dx, FLAGS.throughRelu, active[i]!)
      dy = dx
    }
    calls.addParts()
    return calls.list
  }

  return {
    layout,
    shaders: ['forward', 'softmax', 'backward', 'accumulate', 'addParts'],
    lossParts: 2,
    stateFeatures: 0,
    steps: () => 1,
    groups,
    count: (_batch, _from, n) => n * LANES,
    arrays: ({ x, labels }) => ({ images: x, labels: Float32Array.from(labels) }),
    slotSizes: (_steps, backward) => ({
      logits: outputRows * LANES,
      losses: 2,
      ...Object.fromEntries(
        hidden.flatMap((size, i) => [
          [`hidden.${i}`, size * LANES],
          [`dhidden.${i}`, backward ? size * LANES : LANES],
        ]),
      ),
    }),
    passes,
  }
}
