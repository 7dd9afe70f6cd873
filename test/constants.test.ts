/** The generated constants of C++ and AssemblyScript are those of the definitions in TypeScript. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'
import * as sourceFilter from '../src/vocoder/source-filter/layout.ts'
import * as net from '../src/vocoder/sparse-wavernn/layout.ts'

const { constantFiles } = (await import(new URL('../scripts/generate-constants.mjs', import.meta.url).href)) as {
  constantFiles(layouts: { net: object; sourceFilter: object }): Readonly<Record<string, string>>
}

test.each(Object.entries(constantFiles({ net, sourceFilter })))('%s is up to date', (file, text) => {
  expect(text.length).toBeGreaterThan(500)
  // When this fails: node scripts/build.mjs ts && node scripts/generate-constants.mjs
  expect(readFileSync(path.join(PACKAGE_ROOT, file), 'utf8')).toBe(text)
})
