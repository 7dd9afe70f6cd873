/** The text front end's data, from the package's files. The browser's twin is given it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { PACKAGE_ROOT } from '../root.ts'

/** Contents of src/text/languages/LANGUAGE/data/NAME.br. */
export const readData = (language: string, name: string): Uint8Array =>
  brotliDecompressSync(readFileSync(join(PACKAGE_ROOT, 'src/text/languages', language, 'data', `${name}.br`)))
