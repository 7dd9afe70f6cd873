/** An installed package compiles its addon once: a small one stands for it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

interface Addon {
  readonly name: string
  readonly folder: string
  readonly build: string
}
const { addonFile, compileOnce, compiler } = (await import(
  new URL('../scripts/build-native.mjs', import.meta.url).href
)) as {
  addonFile(addon: Addon): string
  compileOnce(addon: Addon, cache: string): Promise<void>
  compiler(): string | null
}

let root: string
let said: string
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'compile-once-'))
  said = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(root, { recursive: true })
})

/** An addon that exports `answer`. */
function addon(answer: number, build = path.join(root, 'build')): Addon {
  const folder = path.join(root, 'native')
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    path.join(folder, 'addon.cpp'),
    `#include <node_api.h>
napi_value init(napi_env env, napi_value exports) {
  napi_value v;
  napi_create_int32(env, ${answer}, &v);
  napi_set_named_property(env, exports, "answer", v);
  return exports;
}
NAPI_MODULE(answer, init)
`,
  )
  return { name: `answer${answer}`, folder, build }
}
const load = (file: string) => createRequire(import.meta.url)(file) as { answer: number }
const cache = () => path.join(root, 'cache')

test.skipIf(!compiler())('it compiles into the package once, and again when the sources have changed', async () => {
  const first = addon(42)
  await compileOnce(first, cache())
  expect(said).toMatch(/^Compiling the native kernels for this machine, once \.\.\. \d+ s\n$/)
  expect(load(addonFile(first)).answer).toBe(42)
  expect(existsSync(cache())).toBe(false)
  said = ''
  await compileOnce(first, cache())
  expect(said).toBe('')
  // Under the old name, as an upgrade has it.
  addon(43)
  await compileOnce(first, cache())
  expect(said).toContain('Compiling')
  said = ''
  await compileOnce(first, cache())
  expect(said).toBe('')
})

test.skipIf(!compiler())('where the package cannot be written it compiles into the cache', async () => {
  writeFileSync(path.join(root, 'file'), '')
  const packaged = addon(7, path.join(root, 'file', 'build'))
  await compileOnce(packaged, cache())
  expect(load(addonFile({ ...packaged, build: cache() })).answer).toBe(7)
  said = ''
  await compileOnce(packaged, cache())
  expect(said).toBe('')
})

test.skipIf(!compiler())(
  'an addon that came with the package is used as it is; one that does not load is replaced',
  async () => {
    const shipped = addon(8)
    await compileOnce(shipped, cache())
    rmSync(`${addonFile(shipped)}.key`)
    said = ''
    await compileOnce(shipped, cache())
    expect(said).toBe('')
    const foreign = { ...shipped, name: 'foreign' }
    writeFileSync(addonFile(foreign), 'of another system')
    await compileOnce(foreign, cache())
    expect(load(addonFile(foreign)).answer).toBe(8)
  },
)

test.skipIf(!compiler())('what does not compile is not tried again until its sources change', async () => {
  const broken = addon(9)
  writeFileSync(path.join(broken.folder, 'more.cpp'), 'this is not C++')
  vi.spyOn(console, 'error').mockImplementation(() => {})
  await compileOnce(broken, cache())
  expect(said).toContain('failed after')
  expect(said).toContain('Speech runs on WebAssembly.')
  said = ''
  await compileOnce(broken, cache())
  expect(said).toBe('')
  rmSync(path.join(broken.folder, 'more.cpp'))
  await compileOnce(broken, cache())
  expect(load(addonFile(broken)).answer).toBe(9)
})
