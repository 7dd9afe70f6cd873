/** Where the trainer's package lives: its addon lies below, and so do its job files. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds the package.json of sparsewave-training, whether this file runs from there or from its dist/. */
export const TRAINING_ROOT: string = (() => {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const manifest = join(dir, 'package.json')
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'sparsewave-training') return dir
    if (dir === dirname(dir)) throw new Error('package.json of sparsewave-training not found above its own files')
  }
})()
