/** The text front end's data, from the package's files. The browser's twin is given it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { PACKAGE_ROOT } from '../root.ts'

/** Contents of src/text/languages/LANGUAGE/data/NAME, or of NAME.br unpacked. */
export function readData(language: string, name: string): Uint8Array {
  const file = join(PACKAGE_ROOT, 'src/text/languages', language, 'data', name)
  return existsSync(file) ? readFileSync(file) : brotliDecompressSync(readFileSync(`${file}.br`))
}
