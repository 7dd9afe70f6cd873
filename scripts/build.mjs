/**
 * Builds everything that runs: TypeScript to dist/, AssemblyScript to build/wasm/*.wasm, every folder native/<addon>/ to
 * build/native/<addon>.node, and what runs in browsers to build/web/. Outputs appear by rename, so that a running process never
 * sees half a file.
 *
 *   node scripts/build.mjs [--if-stale] [ts] [wasm] [web] [native]
 *
 * `--if-stale` skips parts whose sources are those of the last good build. Without a C++ compiler the native part is
 * left out with one notice: everything then runs on the WebAssembly kernels.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildWeb, webOutputs, webSources } from './build-web.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BUILD = join(ROOT, 'build')
const SOURCE_FOLDERS = ['src', 'training', 'server', 'test', 'bench']
const at = (...parts) => join(ROOT, ...parts)

/** `optional`: left out where the compiler is older than the ISA; the addon's other files then see SW_WITHOUT_AMX. */
export const ISA_FLAGS = {
  avx2: { arch: 'x64', flags: ['-mavx2', '-mfma'] },
  avx512: { arch: 'x64', flags: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma'] },
  avx512vnni: {
    arch: 'x64',
    flags: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vnni', '-mavx512vbmi', '-mfma'],
  },
  amx: {
    arch: 'x64',
    flags: [
      ...['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512bf16', '-mfma'],
      ...['-mamx-tile', '-mamx-bf16'],
    ],
    optional: true,
  },
  neon: { arch: 'arm64', flags: [] },
  baseline: { flags: [] },
}
export const COMPILE = [
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-pthread',
]
const WARN = ['-Wall', '-Wextra', '-Wno-psabi', '-DNAPI_VERSION=8']
const LINK = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread']
/** Every module is built for engines with and without relaxed SIMD, by the ending of its name. */
const WASM_VARIANTS = { '': [], '-relaxed': ['--enable', 'relaxed-simd'] }
const ASC = [
  '-O3',
  '--converge',
  '--noAssert',
  '--runtime',
  'stub',
  '--use',
  'abort=',
  '--enable',
  'simd',
  '--importMemory',
]

/** All files below `folder` with one of the extensions, sorted. */
function walk(folder, extensions, found = []) {
  if (!existsSync(folder)) return found
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) walk(path, extensions, found)
    else if (extensions.includes(extname(entry.name))) found.push(path)
  }
  return found.sort()
}

function digest(files, ...more) {
  const hash = createHash('sha256').update(JSON.stringify(more))
  for (const file of files) hash.update(relative(ROOT, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

const stampPath = (part) => join(BUILD, 'stamps', part)
const stampOf = (part) => (existsSync(stampPath(part)) ? readFileSync(stampPath(part), 'utf8') : '')
function writeStamp(part, value) {
  mkdirSync(dirname(stampPath(part)), { recursive: true })
  writeFileSync(stampPath(part), value)
}

/** Runs a program; resolves with its output. */
function execute(command, args) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.stderr.on('data', (data) => (output += data))
    child.on('error', (error) => done({ ok: false, output: error.message }))
    child.on('close', (code) => done({ ok: code === 0, output }))
  })
}

/** Runs `jobs` (functions that return promises), as many at a time as there are cores. */
async function parallel(jobs) {
  const results = []
  let next = 0
  const lane = async () => {
    while (next < jobs.length) {
      const i = next++
      results[i] = await jobs[i]()
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs.length, availableParallelism()) }, lane))
  return results
}

/** Path of a package's file, wherever npm has put the package. */
function packageFile(name, ...path) {
  for (let dir = ROOT; ; dir = dirname(dir)) {
    const candidate = join(dir, 'node_modules', name)
    if (existsSync(candidate)) return join(candidate, ...path)
    if (dir === dirname(dir)) return undefined
  }
}

const tools = {
  ts: () => packageFile('typescript', 'bin', 'tsc'),
  wasm: () => packageFile('assemblyscript', 'bin', 'asc.js'),
  web: () => packageFile('rolldown', 'package.json') && packageFile('onnxruntime-web', 'package.json'),
  native: () => packageFile('node-api-headers', 'include'),
}

const parts = {
  ts: {
    stamp: () =>
      digest(
        [
          ...SOURCE_FOLDERS.flatMap((f) => walk(at(f), ['.ts', '.tsx', '.json'])),
          at('tsconfig.json'),
          at('tsconfig.build.json'),
        ].filter((f) => !f.endsWith('.test.ts')),
      ),
    outputs: () => [at('dist/src/cli/main.js')].filter(() => existsSync(at('src/cli/main.ts'))),
    async build() {
      const { ok, output } = await execute(process.execPath, [tools.ts(), '-p', 'tsconfig.build.json'])
      for (const file of walk(at('dist'), ['.js'])) {
        const source = at(relative(at('dist'), file).replace(/\.js$/, '.ts'))
        if (!existsSync(source)) for (const stale of [file, `${file}.map`]) rmSync(stale, { force: true })
      }
      return ok || output
    },
  },
  wasm: {
    stamp: () => digest(walk(at('wasm'), ['.ts']), ASC, WASM_VARIANTS),
    outputs: () => wasmModules().map(({ target }) => target),
    async build() {
      mkdirSync(join(BUILD, 'wasm'), { recursive: true })
      const failures = await parallel(
        wasmModules().map(({ file, target, flags }) => async () => {
          const partial = `${target}.${process.pid}`
          const { ok, output } = await execute(process.execPath, [
            tools.wasm(),
            relative(ROOT, file),
            ...ASC,
            ...flags,
            '-o',
            relative(ROOT, partial),
          ])
          if (!ok) return output
          renameSync(partial, target)
        }),
      )
      return failures.filter(Boolean).join('\n') || true
    },
  },
  web: {
    stamp: () => digest([...webSources(), ...walk(at('wasm'), ['.ts']), at('package-lock.json')], ASC, WASM_VARIANTS),
    outputs: webOutputs,
    build: buildWeb,
  },
  native: {
    stamp: () => digest(walk(at('native'), ['.cpp', '.h']), ISA_FLAGS, COMPILE, WARN, LINK, compiler() ?? ''),
    outputs: () => (compiler() ? addons().map((name) => join(BUILD, 'native', `${name}.node`)) : []),
    async build() {
      if (!compiler()) {
        for (const name of addons()) rmSync(join(BUILD, 'native', `${name}.node`), { force: true })
        console.error(
          'notice: no C++ compiler found (looked for $CXX, c++, g++, clang++). Speech runs on the WebAssembly kernels; training needs a compiler.',
        )
        return true
      }
      const results = await Promise.all(addons().map(buildAddon))
      return results.filter((r) => r !== true).join('\n') || true
    },
  },
}

const wasmModules = () =>
  wasmEntries().flatMap((file) =>
    Object.entries(WASM_VARIANTS).map(([ending, flags]) => ({
      file,
      flags,
      target: join(BUILD, 'wasm', `${basename(file, '.ts')}${ending}.wasm`),
    })),
  )

/** The modules of wasm/: its top-level files; what they share lies in folders. */
const wasmEntries = () =>
  existsSync(at('wasm'))
    ? readdirSync(at('wasm'))
        .filter((f) => f.endsWith('.ts') && !f.endsWith('.d.ts'))
        .map((f) => at('wasm', f))
    : []

const addons = () =>
  existsSync(at('native'))
    ? readdirSync(at('native')).filter(
        (name) => statSync(at('native', name)).isDirectory() && walk(at('native', name), ['.cpp']).length > 0,
      )
    : []

let foundCompiler
function compiler() {
  if (foundCompiler === undefined) {
    const candidates = process.platform === 'win32' ? [] : [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)
    foundCompiler = candidates.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? null
  }
  return foundCompiler
}

/** Whether the compiler knows all of the flags. */
const accepts = (flags, by) =>
  spawnSync(by, [...flags, '-x', 'c++', '-fsyntax-only', '-'], {
    input: '',
    stdio: ['pipe', 'ignore', 'ignore'],
  }).status === 0

/** Those of an addon's files that are for `arch`, with their ISA's flags, and what tells the others which are left out. */
export function filesFor(arch, files, by) {
  const without = []
  const sources = files.flatMap((file) => {
    const name = /\.(\w+)\.cpp$/.exec(file)?.[1] ?? 'baseline'
    const isa = ISA_FLAGS[name]
    if (isa?.arch !== undefined && isa.arch !== arch) return []
    if (isa?.optional && !accepts(isa.flags, by)) {
      without.push(`-DSW_WITHOUT_${name.toUpperCase()}`)
      return []
    }
    return [{ file, flags: isa?.flags ?? [] }]
  })
  return { sources, without }
}

/** Compiles what changed and links; true, or the compiler's messages. */
async function buildAddon(name) {
  const folder = at('native', name)
  const objects = join(BUILD, 'obj', name)
  mkdirSync(objects, { recursive: true })
  mkdirSync(join(BUILD, 'native'), { recursive: true })
  const shared = at('native', 'shared')
  const headers = [...walk(folder, ['.h']), ...walk(shared, ['.h'])]
  const { sources, without } = filesFor(process.arch, walk(folder, ['.cpp']), compiler())
  const failures = await parallel(
    sources.map(({ file, flags }) => async () => {
      const args = [...COMPILE, ...WARN, ...without, ...flags, '-I', tools.native(), '-I', folder, '-I', shared]
      const object = join(objects, `${relative(folder, file).replaceAll(/[\\/]/g, '_')}.o`)
      const key = digest([file, ...headers], args.slice(0, -6), compiler())
      const keyFile = `${object}.key`
      if (existsSync(object) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return
      const { ok, output } = await execute(compiler(), [...args, '-c', file, '-o', object])
      if (output.trim()) console.error(output)
      if (!ok) return `${relative(ROOT, file)} does not compile`
      writeFileSync(keyFile, key)
    }),
  )
  const failed = failures.filter(Boolean)
  if (failed.length > 0) return failed.join('\n')
  const target = join(BUILD, 'native', `${name}.node`)
  const partial = `${target}.${process.pid}`
  const inputs = sources.map(({ file }) => join(objects, `${relative(folder, file).replaceAll(/[\\/]/g, '_')}.o`))
  const { ok, output } = await execute(compiler(), [...LINK, ...inputs, '-o', partial])
  if (!ok) return output
  renameSync(partial, target)
  return true
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
    // An empty file is a lock being written; give up on it only when it stays.
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

/** Builds the named parts; returns whether all went well. Messages go to stderr. */
export async function build(names = Object.keys(parts), { ifStale = false, quiet = false } = {}) {
  if (ifStale && !names.some(isStale)) return true
  const release = await lock()
  let good = true
  try {
    for (const name of names) {
      if (ifStale && !isStale(name)) continue
      const { stamp, build: make } = parts[name]
      if (!tools[name]()) {
        console.error(`${name}: the development packages are not installed; run \`npm ci\``)
        good = false
        continue
      }
      const started = Date.now()
      const made = stamp()
      const result = await make()
      if (result === true) {
        writeStamp(name, made)
        if (!quiet) console.error(`built ${name} in ${((Date.now() - started) / 1000).toFixed(1)} s`)
      } else {
        good = false
        console.error(result)
        console.error(`${name}: build failed`)
      }
    }
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
      `unknown: ${wrong.join(' ')}\nusage: node scripts/build.mjs [--if-stale] [${Object.keys(parts).join('] [')}]`,
    )
    process.exit(2)
  }
  const good = await build(names.length > 0 ? names : undefined, { ifStale: words.includes('--if-stale') })
  process.exit(good ? 0 : 1)
}
