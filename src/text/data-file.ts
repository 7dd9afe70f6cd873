/**
 * The text front end's data, from the package's files. A clone has it beside the sources, an installed package has only the
 * compressed files that browsers fetch too. In a browser, data-file.browser.ts takes its place, and the page passes the data in.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { PACKAGE_ROOT } from '../root.ts'

/** Contents of src/text/languages/LANGUAGE/data/NAME, of NAME.br unpacked, or of build/web/NAME.gz unpacked. */
export function readData(language: string, name: string): Uint8Array {
  const file = join(PACKAGE_ROOT, 'src/text/languages', language, 'data', name)
  if (existsSync(file)) return readFileSync(file)
  if (existsSync(`${file}.br`)) return brotliDecompressSync(readFileSync(`${file}.br`))
  return gunzipSync(readFileSync(join(PACKAGE_ROOT, 'build/web', `${name}.gz`)))
}
