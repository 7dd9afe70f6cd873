/**
 * Builds everything that runs: TypeScript to dist/ of its package, AssemblyScript to build/wasm/*.wasm, C++ addons to
 * build/native/<system>/<addon>.node, and what runs in browsers to build/web/. Outputs appear by rename, so that a
 * running process never sees half a file.
 *
 *   node scripts/build.mjs [--if-stale] [ts] [wasm] [web] [native] [training] [training-native]
 *                         [training-ranks] [bench]
 *
 * `--if-stale` skips parts whose sources are those of the last good build. Without a C++ compiler the native parts are
 * left out with a notice, and everything runs on the WebAssembly kernels.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import {
  addonFile,
  addonStamp,
  buildAddons,
  compiler,
  digest,
  execute,
  parallel,
  ranksAddons,
  SERVE,
  walk,
} from './build-native.mjs'
import { buildWeb, webOutputs, webSources } from './build-web.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BUILD = join(ROOT, 'build')
const at = (...parts) => join(ROOT, ...parts)

/** Every module is built for engines with and without relaxed SIMD, by the ending of its name. */
const WASM_VARIANTS = { '': [], '-relaxed': ['--enable', 'relaxed-simd'] }
const ASC = ['-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort=', '--enable', 'simd', '--importMemory']

const stampPath = (part) => join(BUILD, 'stamps', part)
const stampOf = (part) => (existsSync(stampPath(part)) ? readFileSync(stampPath(part), 'utf8') : '')
function writeStamp(part, value) {
  mkdirSync(dirname(stampPath(part)), { recursive: true })
  writeFileSync(stampPath(part), value)
}

/** Path of a package's file, wherever npm has put the package. */
function packageFile(name, ...path) {
  for (let dir = ROOT; ; dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name)
    if (existsSync(candidate)) return join(candidate, ...path)
    if (dir === dirname(dir)) return undefined
  }
}

/** A TypeScript project: what it compiles goes to `out`, whose stale files are removed. */
const project = (config, folders, root, out, entry) => ({
  tool: () => packageFile('typescript', 'bin', 'tsc'),
  stamp: () =>
    digest(
      [...folders.flatMap((f) => walk(at(f), ['.ts', '.json'])), at('tsconfig.json'), at(config)].filter(
        (f) => !f.endsWith('.test.ts') && !/(^|[\\/])(dist|build|node_modules)[\\/]/.test(relative(ROOT, f)),
      ),
    ),
  outputs: () => [at(out, entry)],
  async build() {
    const { ok, output } = await execute(process.execPath, [this.tool(), '-p', config])
    for (const file of walk(at(out), ['.js'])) {
      const stem = relative(at(out), file).replace(/\.js$/, '')
      if (existsSync(at(root, `${stem}.ts`))) continue
      for (const ending of ['.js', '.js.map', '.d.ts']) rmSync(at(out, stem + ending), { force: true })
    }
    return ok || output
  },
})

/** Parts by name, in the order in which they are built. `says` is what people read while a part is built. */
const parts = {
  ts: {
    says: 'TypeScript',
    ...project('tsconfig.build.json', ['src', 'server', 'test'], '.', 'dist', 'src/cli/main.js'),
  },
  wasm: {
    says: 'WebAssembly kernels',
    tool: () => packageFile('assemblyscript', 'bin', 'asc.js'),
    stamp: () => digest(walk(at('wasm'), ['.ts']), ASC, WASM_VARIANTS),
    outputs: () => wasmModules().map(({ target }) => target),
    async build() {
      mkdirSync(join(BUILD, 'wasm'), { recursive: true })
      const failures = await parallel(
        wasmModules().map(({ file, target, flags }) => async () => {
          const partial = `${target}.${process.pid}`
          const args = [this.tool(), relative(ROOT, file), ...ASC, ...flags, '-o', relative(ROOT, partial)]
          const { ok, output } = await execute(process.execPath, args)
          if (!ok) return output
          renameSync(partial, target)
        }),
      )
      return failures.filter(Boolean).join('\n') || true
    },
  },
  web: {
    says: 'browser bundle',
    tool: () => packageFile('rolldown', 'package.json') && packageFile('onnxruntime-web', 'package.json'),
    stamp: () => digest([...webSources(), ...walk(at('wasm'), ['.ts']), at('package-lock.json')], ASC, WASM_VARIANTS),
    outputs: webOutputs,
    build: buildWeb,
  },
  native: {
    says: 'native kernels',
    ...addonPart(() => [SERVE], 'Speech runs on the WebAssembly kernels, training needs a compiler.'),
  },
  training: {
    says: 'trainer',
    ...project('training/tsconfig.build.json', ['training'], 'training', 'training/dist', 'index.js'),
  },
  'training-native': {
    says: "trainer's native kernels",
    ...addonPart(() => [TRAINER], 'Training needs one.'),
  },
  'training-ranks': {
    says: "trainer's MPI",
    ...addonPart(() => ranksAddons(at('training')), 'Training over MPI needs one.'),
  },
  bench: {
    says: 'benchmarks',
    ...project('bench/tsconfig.build.json', ['bench'], 'bench', 'bench/dist', 'measure.js'),
  },
}

/** The parts that speaking and serving need. The rest is built on demand. */
export const SPEAKING = ['ts', 'wasm', 'web', 'native']
export const TRAINING = [...SPEAKING, 'training', 'training-native', 'training-ranks']

const wasmModules = () =>
  wasmEntries().flatMap((file) =>
    Object.entries(WASM_VARIANTS).map(([ending, flags]) => ({
      file,
      flags,
      target: join(BUILD, 'wasm', `${basename(file, '.ts')}${ending}.wasm`),
    })),
  )

/** The modules of wasm/: its top-level files. What they share lies in folders. */
const wasmEntries = () =>
  existsSync(at('wasm'))
    ? readdirSync(at('wasm'))
        .filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'))
        .map((f) => at('wasm', f))
    : []

const TRAINER = { name: 'train', folder: at('training/native'), build: at('training/build') }

function addonPart(list, without) {
  return {
    tool: () => packageFile('node-api-headers', 'include'),
    stamp: () => list().map(addonStamp).join(),
    outputs: () => (compiler() ? list().map(addonFile) : []),
    build: () => buildAddons(list(), without),
  }
}

/** Whether a part's outputs are missing or made from other sources. */
export function isStale(part) {
  const { stamp, outputs } = parts[part]
  return stampOf(part) !== stamp() || outputs().some((file) => !existsSync(file))
}

/** One build at a time: waits while the process that holds the lock lives. Returns the release. */
async function lock() {
  const path = join(BUILD, 'lock')
  mkdirSync(BUILD, { recursive: true })
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    let holder = 0
    try {
      holder = Number(readFileSync(path, 'utf8'))
    } catch {
      continue
    }
    // An empty file is a lock that is being written. It is given up only when it stays empty.
    const old = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > 5000
    let alive = holder > 0 || !old
    if (holder > 0) {
      try {
        process.kill(holder, 0)
      } catch (error) {
        alive = error.code !== 'ESRCH'
      }
    }
    if (alive) await new Promise((wake) => setTimeout(wake, 100))
    else rmSync(path, { force: true })
  }
}

/** Builds the named parts and returns whether all went well. Messages go to stderr: a line for each part, with its time. */
export async function build(names = Object.keys(parts), { ifStale = false, quiet = false } = {}) {
  if (ifStale && !names.some(isStale)) return true
  const release = await lock()
  const say = (text) => void (quiet || process.stderr.write(text))
  const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1).padStart(5)} s`
  const started = Date.now()
  let good = true
  try {
    const wanted = names.filter((name) => !ifStale || isStale(name))
    if (wanted.length > 0) say(`Building what is missing or older than its sources:\n`)
    for (const name of wanted) {
      const { says, stamp } = parts[name]
      if (!parts[name].tool()) {
        console.error(`The part ${name} needs the development packages. Run \`npm ci\`.`)
        good = false
        continue
      }
      const begun = Date.now()
      const made = stamp()
      say(`  ${says.padEnd(26)} `)
      const result = await parts[name].build()
      if (result === true) {
        writeStamp(name, made)
        say(`${seconds(begun)}\n`)
      } else {
        good = false
        say('failed\n')
        console.error(result)
        console.error(`The part ${name} could not be built.`)
      }
    }
    if (wanted.length > 1) say(`  ${'all'.padEnd(26)} ${seconds(started)}\n`)
  } finally {
    release()
  }
  return good
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const words = process.argv.slice(2)
  const names = words.filter((w) => !w.startsWith('--'))
  const wrong = [
    ...names.filter((n) => !(n in parts)),
    ...words.filter((w) => w.startsWith('--') && w !== '--if-stale'),
  ]
  if (wrong.length > 0) {
    console.error(
      `Unknown: ${wrong.join(' ')}\nUsage: node scripts/build.mjs [--if-stale] [${Object.keys(parts).join('] [')}]`,
    )
    process.exit(2)
  }
  const good = await build(names.length > 0 ? names : undefined, { ifStale: words.includes('--if-stale') })
  process.exit(good ? 0 : 1)
}
