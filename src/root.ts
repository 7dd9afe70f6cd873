/**
 * Where the package lives: sources, dist/, build/ and models/ lie below the folder of its package.json.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds sparsewave's package.json, whether this file runs from src/ or from dist/src/. */
export const PACKAGE_ROOT: string = (() => {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'sparsewave') return dir
    if (dir === dirname(dir)) throw new Error('package.json of sparsewave not found above its own files')
  }
})()
