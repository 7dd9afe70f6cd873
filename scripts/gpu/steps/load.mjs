/** Modules of the packed project, by the path of their source without its ending: `src/...` or `training/...`. */
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Loads from the project in `root`. */
export const loader = (root) => (path) => {
  const file = path.startsWith('training/') ? `training/dist/${path.slice('training/'.length)}` : `dist/${path}`
  return import(pathToFileURL(resolve(join(root, file))).href)
}
