/**
 * What runs in browsers, to build/web/: the worker (src/browser/worker.ts and all it imports, in one file) and its data, compressed,
 * with their sizes and checksums in assets.json. Where a module has a twin x.browser.ts beside it, that one is taken.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync, gzipSync } from 'node:zlib'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => join(ROOT, ...parts)
const OUT = at('build', 'web')

/** Data of every language: NAME, or NAME.br packed. */
function dataFiles() {
  const languages = at('src/text/languages')
  return readdirSync(languages, { recursive: true })
    .filter((file) => /^[^/\\]+[/\\]data[/\\]/.test(file) && !file.endsWith('.md'))
    .map((file) => join(languages, file))
    .sort()
}
const dataOf = (file) => (file.endsWith('.br') ? brotliDecompressSync(readFileSync(file)) : readFileSync(file))

/** What the worker fetches, and where it comes from. */
const ASSETS = {
  ...Object.fromEntries(dataFiles().map((file) => [basename(file, '.br'), () => dataOf(file)])),
  'vocoder.wasm': () => readFileSync(at('build/wasm/vocoder.wasm')),
  'vocoder-relaxed.wasm': () => readFileSync(at('build/wasm/vocoder-relaxed.wasm')),
  'onnxruntime.wasm': () =>
    readFileSync(fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))),
}

export const webSources = () => [
  at('scripts/build-web.mjs'),
  ...dataFiles(),
  ...readdirSync(at('src'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .sort()
    .map((file) => at('src', file)),
]

export const webOutputs = () => [join(OUT, 'worker.js'), join(OUT, 'assets.json')]

/** Takes twins, and refuses what no browser has. */
const forBrowsers = {
  name: 'for-browsers',
  async resolveId(source, importer, options) {
    if (source.startsWith('node:'))
      throw new Error(
        `${relative(ROOT, importer)} imports ${source}: what runs in browsers needs a twin beside it, .browser.ts`,
      )
    const found = await this.resolve(source, importer, { ...options, skipSelf: true })
    const twin = found?.id.replace(/\.ts$/, '.browser.ts')
    return twin !== found?.id && twin && existsSync(twin) ? twin : found
  },
}

/** Builds; true, or what went wrong. */
export async function buildWeb() {
  const { rolldown } = await import('rolldown')
  try {
    const bundle = await rolldown({
      input: at('src/browser/worker.ts'),
      platform: 'browser',
      plugins: [forBrowsers],
      onLog(level, log, handler) {
        if (level === 'warn') throw new Error(log.message)
        handler(level, log)
      },
    })
    const { output } = await bundle.generate({ format: 'esm', minify: true, sourcemap: false, codeSplitting: false })
    await bundle.close()
    const files = { 'worker.js': output[0].code, 'licences.txt': licences(output[0].moduleIds) }
    const assets = {}
    for (const [name, read] of Object.entries(ASSETS)) {
      const bytes = gzipSync(read(), { level: 9 })
      files[`${name}.gz`] = bytes
      assets[`${name}.gz`] = { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    }
    // Last, since it names the others.
    files['assets.json'] = JSON.stringify(assets)
    mkdirSync(OUT, { recursive: true })
    for (const [name, contents] of Object.entries(files)) {
      const partial = join(OUT, `${name}.${process.pid}`)
      writeFileSync(partial, contents)
      renameSync(partial, join(OUT, name))
    }
    for (const name of readdirSync(OUT)) if (!(name in files)) rmSync(join(OUT, name))
    return true
  } catch (error) {
    return error.message
  }
}

/** Names, versions and licences of the packages in the worker's file. */
function licences(modules) {
  const folders = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? [])
  const lines = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license, homepage = '' } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
    return `${name} ${version}: ${license} ${homepage}\n${file ? `\n${readFileSync(join(folder, file), 'utf8')}` : ''}`
  })
  return lines.join('\n----\n\n')
}
