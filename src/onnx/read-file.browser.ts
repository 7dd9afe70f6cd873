/** Model files as contents; a browser has them in memory alone. */
import type { ModelFile } from './model.ts'
import { decodeOnnx, type OnnxContents } from './read.ts'

/** Decodes a model file. Throws VOICE_DAMAGED. */
export function readOnnx(file: ModelFile): OnnxContents {
  if (typeof file === 'string') throw new Error('a browser has no files')
  return decodeOnnx(file.bytes, file.name)
}
