/** Loads the compiled C++ addons. They are there where the package has some for this system, or a compiler made them. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PACKAGE_ROOT } from './root.ts'

const isMusl = (): boolean =>
  process.platform === 'linux' &&
  !(process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime

/** System, processor and C library that compiled addons are for, as the build names their folders. */
export const NATIVE_TARGET = `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`

/** Where the addon NAME of the package in the folder `root` is when it is built. */
export const addonFile = (name: string, root: string = PACKAGE_ROOT): string =>
  join(root, 'build/native', NATIVE_TARGET, `${name}.node`)

const loaded = new Map<string, { addon?: unknown; error?: unknown }>()

/** The addon, or what loading it threw. */
export function tryAddon<T>(name: string, root?: string): { readonly addon?: T; readonly error?: unknown } {
  const file = addonFile(name, root)
  let result = loaded.get(file)
  if (!result) {
    try {
      result = { addon: createRequire(import.meta.url)(file) }
    } catch (error) {
      result = { error }
    }
    loaded.set(file, result)
  }
  return result as { addon?: T; error?: unknown }
}

/** The addon; undefined where it is not built or cannot be loaded. */
export const loadAddon = <T>(name: string, root?: string): T | undefined => tryAddon<T>(name, root).addon
