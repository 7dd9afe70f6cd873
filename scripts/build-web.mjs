/**
 * Builds what runs in browsers, to build/web/: the module that pages import, the worker that it starts, and the worker's data,
 * compressed, with sizes and checksums in assets.json. A module with a twin x.browser.ts beside it is replaced by the twin.
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
  'layers.wasm': () => readFileSync(at('build/wasm/layers.wasm')),
  'layers-relaxed.wasm': () => readFileSync(at('build/wasm/layers-relaxed.wasm')),
  // Fetched only for graphs that layers do not support, and not in the tarball.
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

export const webOutputs = () => [...Object.keys(ENTRIES), 'assets.json'].map((name) => join(OUT, name))

/** Takes twins, and refuses modules that no browser has. */
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

/** What pages import, and the worker it starts: a file each, with all that they import in it. */
const ENTRIES = { 'index.js': 'src/browser/index.ts', 'worker.js': 'src/browser/worker.ts' }

async function bundleOf(entry) {
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    input: at(entry),
    platform: 'browser',
    plugins: [forBrowsers],
    onLog(level, log, handler) {
      if (level === 'warn') throw new Error(log.message)
      handler(level, log)
    },
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, sourcemap: false, codeSplitting: false })
  await bundle.close()
  return output[0]
}

/** Builds. Returns true, or what went wrong. */
export async function buildWeb() {
  try {
    const bundles = await Promise.all(Object.values(ENTRIES).map(bundleOf))
    const files = Object.fromEntries(Object.keys(ENTRIES).map((name, i) => [name, bundles[i].code]))
    files['licences.txt'] = licences(bundles.flatMap(({ moduleIds }) => moduleIds))
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
