/**
 * Compiles the native kernels of an installed package, once, where the package has none for this system and a C++ compiler
 * is there. Without a compiler, or where the folder cannot be written to, speech runs on WebAssembly.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { addonFile, addons, buildAddon, compiler, TARGET } from './build-native.mjs'

const require = createRequire(import.meta.url)

/** Missing too where it was compiled against another C library. */
function isMissing(addon) {
  try {
    require(addonFile(addon))
    return false
  } catch {
    return true
  }
}

/** The trainer's addon, where the trainer is installed beside this package or in the working directory. */
function trainer() {
  for (const from of [import.meta.url, join(process.cwd(), 'index.js')]) {
    try {
      const root = dirname(createRequire(from).resolve('sparsewave-training/package.json'))
      return [{ name: 'train', folder: join(root, 'native'), build: join(root, 'build') }]
    } catch {}
  }
  return []
}

/** Compiles what is missing. Messages go to stderr, and a failure is one of them. */
export async function compileMissing({ training }) {
  const missing = [...addons(), ...(training ? trainer() : [])].filter(isMissing)
  if (missing.length === 0 || !compiler()) return
  const started = Date.now()
  process.stderr.write(`Compiling native kernels for ${TARGET}, once, which takes about a minute ... `)
  const objects = mkdtempSync(join(tmpdir(), 'sparsewave-'))
  try {
    for (const addon of missing) {
      const result = await buildAddon({ ...addon, objects: join(objects, addon.name) })
      if (result !== true) throw new Error(result)
    }
    process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`)
  } catch (error) {
    process.stderr.write(`failed\n${error.message}\nSpeech runs on the WebAssembly kernels.\n`)
  } finally {
    rmSync(objects, { recursive: true, force: true })
  }
}
