/**
 * Engines of the classifiers, by the names that training engines have (training/engines/index.ts).
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { unknownEngine } from '../../engines/index.ts'
import { nativeProducts } from '../../engines/native.ts'
import { createNetEngine } from '../../engines/net.ts'
import { portableProducts } from '../../engines/products.ts'
import { tfjsProducts } from '../../engines/tfjs/products.ts'
import { loadTfjs } from '../../engines/tfjs.ts'
import { createDeviceEngine } from '../../engines/webgpu/engine.ts'
import type { EngineOptions, PopulationEngine } from '../../net/engine.ts'
import { type LabelledBatch, type MlpConfig, mlpTask } from './mlp.ts'
import { mlpNet } from './webgpu.ts'

type Create = (config: MlpConfig, options: Partial<EngineOptions>) => Promise<PopulationEngine<LabelledBatch>>

const ENGINES: Record<string, Create> = {
  auto: async (config) => createNetEngine(mlpTask(config)),
  native: async (config) => {
    const products = nativeProducts()
    if (products) return createNetEngine(mlpTask(config), products)
    throw new SparsewaveError('ENGINE_UNAVAILABLE', 'The native training engine is not built.')
  },
  webgpu: (config, options) => createDeviceEngine(mlpNet(config), options),
  tfjs: async (config) => createNetEngine(mlpTask(config), tfjsProducts((await loadTfjs({ wasm: true })).tf)),
  reference: async (config) => createNetEngine(mlpTask(config), portableProducts),
}

/** `auto`: the native products where they are built, else plain loops. Throws JOB_INVALID for another name, ENGINE_UNAVAILABLE. */
export async function createClassifierEngine(
  name: string,
  config: MlpConfig,
  options: Partial<EngineOptions> = {},
): Promise<PopulationEngine<LabelledBatch>> {
  const create = ENGINES[name]
  if (create) return create(config, options)
  throw unknownEngine(name)
}
