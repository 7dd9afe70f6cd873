/** Loads the addons that `npm run build` makes where there is a C++ compiler. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PACKAGE_ROOT } from './root.ts'

const loaded = new Map<string, unknown>()

/** build/native/NAME.node; undefined when it is not built. */
export function loadAddon<T>(name: string): T | undefined {
  if (!loaded.has(name)) {
    try {
      loaded.set(name, createRequire(import.meta.url)(join(PACKAGE_ROOT, 'build/native', `${name}.node`)))
    } catch {
      loaded.set(name, undefined)
    }
  }
  return loaded.get(name) as T | undefined
}
