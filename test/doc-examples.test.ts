/**
 * The examples in the public functions' doc comments: each is compiled as a strict consumer would, with the package's
 * declarations checked too, and run.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Browser } from 'playwright-core'
import { rolldown } from 'rolldown'
import { afterAll, expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'
import { chromium } from './support/chromium.ts'
import { Outside, serveFiles } from './support/outside.ts'

interface Example {
  readonly name: string
  readonly code: string
}

const SOURCES = [
  'src/api/encode.ts',
  'src/api/voice.ts',
  'src/api/voices.ts',
  'src/browser/index.ts',
  'server/mount.ts',
] as const

/** The blocks of code in a file's doc comments. */
function examplesIn(file: string): Example[] {
  const text = readFileSync(join(PACKAGE_ROOT, file), 'utf8')
  return Array.from(text.matchAll(/\n( *) \* ```ts\n([\s\S]*?)\n\1 \* ```\n/g), ([, indent, block], i) => ({
    name: `${basename(file === 'src/browser/index.ts' ? 'browser' : file, '.ts')}-${i + 1}`,
    code: `${block!.replaceAll(new RegExp(`^${indent} \\* ?`, 'gm'), '')}\n`,
  }))
}

const examples = SOURCES.flatMap(examplesIn)
const inNode = examples.filter(({ name }) => !name.startsWith('browser'))
const inBrowser = examples.filter(({ name }) => name.startsWith('browser'))

const outside = new Outside()
mkdirSync(outside.path('spoken'))
for (const { name, code } of examples) {
  writeFileSync(outside.path(`${name}.ts`), code)
  // They are written without type annotations, so that both languages can show them.
  writeFileSync(outside.path(`${name}.mjs`), code.replace('listen(3000)', 'listen(0)'))
}
afterAll(() => outside.remove())

test('every public function has an example', () => {
  const missing = SOURCES.flatMap((file) => {
    const text = readFileSync(join(PACKAGE_ROOT, file), 'utf8')
    const exported = [...text.matchAll(/\n(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export (?:async )?function\*? (\w+)/g)]
    return exported.filter(([, comment = '', name]) => !name!.startsWith('check') && !comment.includes('```ts'))
  })
  expect(missing.map(([, , name]) => name)).toEqual([])
  expect(examples.length).toBeGreaterThanOrEqual(9)
})

test('they compile, with the declarations of the package, as strictly as TypeScript can', async () => {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  }
  const files = examples.map(({ name }) => `${name}.ts`)
  writeFileSync(outside.path('package.json'), '{ "type": "module" }')
  writeFileSync(outside.path('tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = join(PACKAGE_ROOT, 'node_modules/typescript/bin/tsc')
  const { code, stdout } = await outside.run(process.execPath, [tsc, '-p', '.'])
  expect(stdout).toBe('')
  expect(code).toBe(0)
})

test.each(inNode)('$name runs and leaves nothing open', async ({ name }) => {
  const runner = `import './${name}.mjs'; process.emit('SIGTERM')`
  const folder = mkdtempSync(outside.path('spoken', 'run-'))
  writeFileSync(outside.path(`run-${name}.mjs`), runner)
  const { code, stderr } = await outside.run(process.execPath, [outside.path(`run-${name}.mjs`)], {}, folder)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  rmSync(folder, { recursive: true })
})

test.skipIf(!chromium).each(inBrowser)(
  '$name runs in Chromium (skipped where it is not installed)',
  async ({ name }) => {
    const bundle = await rolldown({ input: outside.path(`${name}.mjs`), platform: 'browser' })
    const { output } = await bundle.generate({ format: 'esm' })
    await bundle.close()
    mkdirSync(outside.path('site'), { recursive: true })
    writeFileSync(outside.path('site/main.js'), output[0].code)
    writeFileSync(outside.path('site/index.html'), '<!doctype html><script type="module" src="main.js"></script>')
    const site = await serveFiles({
      '/sparsewave': join(PACKAGE_ROOT, 'build/web'),
      '/voices/heart': join(PACKAGE_ROOT, 'models/tiny'),
      '': outside.path('site'),
    })
    const { chromium: launcher } = await import('playwright-core')
    let browser: Browser | undefined
    try {
      browser = await launcher.launch({ executablePath: chromium!, args: ['--no-sandbox'] })
      const page = await browser.newPage()
      const said = new Promise<string>((resolve, reject) => {
        page.on('console', (message) => message.type() === 'log' && resolve(message.text()))
        page.on('pageerror', reject)
      })
      await page.goto(site.url)
      expect(await said).toMatch(/^\d\.\d s of speech$/)
    } finally {
      await browser?.close()
      site.close()
    }
  },
  120_000,
)
