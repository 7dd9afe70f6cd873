/** The engines and the choice among them. A new engine is a file and a line here. */
import { chooseKernel } from '../../../kernels/index.ts'
import { definitionEngine } from './definition.ts'
import type { EventEngine } from './engine.ts'
import { engineIsas, nativeEngine } from './native.ts'

export {
  createEvents,
  type EventEngine,
  type EventStream,
  type Events,
  LEVEL_SIZE,
  LEVEL_STEP,
  RING,
} from './engine.ts'

/** All engines that can run here, fastest first. */
export const availableEngines = (): EventEngine[] => [
  ...engineIsas().flatMap((isa) => nativeEngine(isa) ?? []),
  definitionEngine(),
]

/** The engine for the kernel in use: its instruction set's where that is native, else the definition. Throws KERNEL_*. */
export function chooseEngine(): EventEngine {
  const isa = /^native-(.*)/.exec(chooseKernel().kernel.name)?.[1]
  return (isa === undefined ? undefined : nativeEngine(isa)) ?? definitionEngine()
}
