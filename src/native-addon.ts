/**
 * Loads the compiled C++ addons. They lie in the build folder of their package, where npm or a build put them, or in the user's cache, where
 * the command compiled them because the package's folder cannot be written (scripts/build-native.mjs).
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { PACKAGE_ROOT } from './root.ts'
import { packageVersion } from './version.ts'

const isMusl = (): boolean =>
  process.platform === 'linux' &&
  !(process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime

/** System, processor and C library that compiled addons are for, as the build names their folders. */
export const NATIVE_TARGET = `${process.platform}-${process.arch}${isMusl() ? '-musl' : ''}`

const cacheFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sparsewave', packageVersion())

/** Where the addon NAME of the package in the folder `root` may be, in the order in which it is looked for. */
const addonFiles = (name: string, root: string): string[] =>
  [join(root, 'build'), cacheFolder()].map((build) => join(build, 'native', NATIVE_TARGET, `${name}.node`))

/** Where the addon NAME of the package in the folder `root` is; where its build puts it when it is nowhere. */
export function addonFile(name: string, root: string = PACKAGE_ROOT): string {
  const files = addonFiles(name, root)
  return files.find((file) => existsSync(file)) ?? files[0]!
}

const loaded = new Map<string, { addon?: unknown; error?: unknown }>()

/** The addon, or what loading it threw. */
export function tryAddon<T>(
  name: string,
  root: string = PACKAGE_ROOT,
): { readonly addon?: T; readonly error?: unknown } {
  const files = addonFiles(name, root)
  let result = loaded.get(files[0]!)
  if (!result) {
    result = firstOf(files)
    loaded.set(files[0]!, result)
  }
  return result as { addon?: T; error?: unknown }
}

function firstOf(files: readonly string[]): { addon?: unknown; error?: unknown } {
  const require = createRequire(import.meta.url)
  let first: unknown
  for (const file of files) {
    try {
      return { addon: require(file) }
    } catch (error) {
      first ??= error
    }
  }
  return { error: first }
}
