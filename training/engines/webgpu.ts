/**
 * The `webgpu` engine of the Sparse WaveRNN: GPUs of any maker through Dawn (docs/explanation/gpu-engine.md).
 */
import { BANDS, HEAD_OUTPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { type Batch, type Engine, LANES } from '../net/engine.ts'
import { PADDED_OUTPUTS, type ParameterLayout } from '../net/vocoder-layout.ts'
import { createDeviceEngine, type DeviceEngine, type WebgpuOptions } from './webgpu/engine.ts'
import { sparseWavernnNet } from './webgpu/sparse-wavernn.ts'

export type { WebgpuOptions } from './webgpu/engine.ts'

/** Throws ENGINE_UNAVAILABLE where there is no usable adapter. */
export async function createWebgpuEngine(
  layout: ParameterLayout,
  options: WebgpuOptions = {},
): Promise<Engine & DeviceEngine<Batch>> {
  const engine = await createDeviceEngine(sparseWavernnNet(layout), options)
  // Not copied: its name and counters are those of the device in use.
  return Object.assign(engine, {
    async outputs(
      parameters: Float32Array,
      member: Parameters<Engine['outputs']>[1],
      batch: Batch,
      state: Float32Array,
    ) {
      const all = await engine.read(parameters, member, batch, state, 'outputs')
      // The device's bands have padded rows.
      const [wide, narrow] = [PADDED_OUTPUTS * LANES, HEAD_OUTPUTS * LANES]
      const out = new Float32Array(batch.groups * batch.steps * BANDS * narrow)
      for (let i = 0; i < all.length / wide; i++) out.set(all.subarray(i * wide, i * wide + narrow), i * narrow)
      return out
    },
  })
}
