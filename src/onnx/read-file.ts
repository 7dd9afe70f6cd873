/** Model files as contents, from disk or memory. */
import { readFileSync } from 'node:fs'
import { SparsewaveError } from '../errors.ts'
import type { ModelFile } from './model.ts'
import { decodeOnnx, type OnnxContents } from './read.ts'

/** Reads and decodes a model file. Throws VOICE_DAMAGED. */
export function readOnnx(file: ModelFile): OnnxContents {
  if (typeof file === 'object') return decodeOnnx(file.bytes, file.name)
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new SparsewaveError('VOICE_DAMAGED', `${file} cannot be read.`, { cause })
  }
  return decodeOnnx(bytes, file)
}
