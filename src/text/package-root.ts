/** Where the package lies: data files are found from its root, whether this code runs as source or built. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Path of a data file of the text front end. */
export function dataFile(name: string): string {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder)
    if (parent === folder) break
    folder = parent
  }
  return path.join(folder, 'src', 'text', 'data', name)
}
