/** The engines. A new one is a file and a line here; which one is used is decided in src/engine.ts. */
import { nativeIsas } from '../../../serve-addon.ts'
import { definitionEngine } from './definition.ts'
import type { EventEngine } from './engine.ts'
import { nativeEngine } from './native.ts'

export { definitionEngine } from './definition.ts'

export {
  createEvents,
  type EventEngine,
  type EventStream,
  type Events,
  LEVEL_SIZE,
  LEVEL_STEP,
  RING,
} from './engine.ts'
export { nativeEngine } from './native.ts'

/** All engines that can run here, fastest first. */
export const availableEngines = (): EventEngine[] => [
  ...nativeIsas().flatMap((isa) => nativeEngine(isa) ?? []),
  definitionEngine(),
]
