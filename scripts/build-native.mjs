/**
 * Compiles the C++ addons of this package and of those that build on it. It ships with the package: where no compiled addon fits the machine
 * and a C++ compiler is there, the command compiles one at its first start (compileOnce).
 *
 *   node scripts/build-native.mjs
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, homedir, tmpdir } from 'node:os'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

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
/** What all addons share: the binding to Node, CPU detection, SIMD types. */
const SHARED = join(ROOT, 'native', 'shared')

/** System, processor and C library that a compiled addon is for; as src/native-addon.ts names it. */
export const TARGET = `${process.platform}-${process.arch}${
  process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime ? '-musl' : ''
}`

/** All files below `folder` with one of the extensions, sorted. */
export function walk(folder, extensions, found = []) {
  if (!existsSync(folder)) return found
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) walk(path, extensions, found)
    else if (extensions.includes(extname(entry.name))) found.push(path)
  }
  return found.sort()
}

export function digest(files, ...more) {
  const hash = createHash('sha256').update(JSON.stringify(more))
  for (const file of files) hash.update(relative(ROOT, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

/** Runs a program; resolves with its output. */
export function execute(command, args) {
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
export async function parallel(jobs) {
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

let foundCompiler
/** The C++ compiler's command, or null. */
export function compiler() {
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

/** Those of an addon's files that are for `arch`, with their ISA's flags, and definitions of those left out. */
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

/**
 * @typedef {{ name: string, folder: string, build: string, compile?: string[], link?: string[] }} Addon - sources in `folder`, result under
 * the folder `build`, further arguments of the compiler and of the linker
 */

/** The addon that speaks. */
export const SERVE = { name: 'serve', folder: join(ROOT, 'native'), build: join(ROOT, 'build') }

/** The addons that train, where the trainer is installed beside this package or in the working directory. That for MPI: under mpirun. */
export function trainerAddons() {
  for (const from of [import.meta.url, join(process.cwd(), 'index.js')]) {
    try {
      const root = dirname(createRequire(from).resolve('sparsewave-training/package.json'))
      const train = { name: 'train', folder: join(root, 'native'), build: join(root, 'build') }
      return process.env.OMPI_COMM_WORLD_SIZE === undefined ? [train] : [train, ...ranksAddons(root)]
    } catch {}
  }
  return []
}

let foundMpi
/** Arguments of compiler and linker for Open MPI, by its own compiler's word; null where its headers are not installed. */
function mpi() {
  if (foundMpi === undefined) {
    const ask = (what) => {
      const { status, stdout } = spawnSync('mpicxx', [`--showme:${what}`], { encoding: 'utf8' })
      return status === 0 ? stdout.trim().split(/\s+/) : undefined
    }
    const [compile, link] = [ask('compile'), ask('link')]
    // Without MPI's own C++ classes, which are none of ours.
    foundMpi =
      compile && link
        ? { compile: [...compile, '-DOMPI_SKIP_MPICXX'], link: link.filter((flag) => flag !== '-lmpi_cxx') }
        : null
  }
  return foundMpi
}

/** The addon in the trainer's folder `root` that trains over MPI; none where MPI's headers are not installed. */
export const ranksAddons = (root) =>
  mpi() ? [{ name: 'ranks', folder: join(root, 'ranks'), build: join(root, 'build'), ...mpi() }] : []

const sourcesOf = ({ folder }) => walk(folder, ['.cpp']).filter((file) => !relative(folder, file).startsWith('test'))

/** Where an addon is when it is built. */
export const addonFile = ({ name, build }) => join(build, 'native', TARGET, `${name}.node`)

/** Changes when an addon must be built again. */
export const addonStamp = (addon) => digest([], sourceKey(addon), compiler() ?? '')

/** Changes with the sources and with how they are compiled, whatever the compiler. */
const sourceKey = ({ folder, compile = [], link = [] }) => {
  const files = [...sourcesOf({ folder }), ...walk(folder, ['.h']), ...walk(SHARED, ['.h'])]
  return digest(files, ISA_FLAGS, COMPILE, WARN, LINK, ...compile, ...link)
}

/** Compiles what changed and links; true, or the compiler's messages. `objects`: folder of object files. */
export async function buildAddon({ name, folder, build, compile = [], link = [] }, objects = join(build, 'obj', name)) {
  const target = addonFile({ name, build })
  mkdirSync(objects, { recursive: true })
  mkdirSync(dirname(target), { recursive: true })
  const nodeApi = join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include')
  const headers = [...walk(folder, ['.h']), ...walk(SHARED, ['.h'])]
  const { sources, without } = filesFor(process.arch, sourcesOf({ folder }), compiler())
  const object = (file) => join(objects, `${relative(folder, file).replaceAll(/[\\/]/g, '_')}.o`)
  const failures = await parallel(
    sources.map(({ file, flags }) => async () => {
      const args = [...COMPILE, ...WARN, ...without, ...flags, ...compile]
      const key = digest([file, ...headers], args, compiler())
      const keyFile = `${object(file)}.key`
      if (existsSync(object(file)) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return
      const includes = [nodeApi, folder, SHARED].flatMap((path) => ['-I', path])
      const { ok, output } = await execute(compiler(), [...args, ...includes, '-c', file, '-o', object(file)])
      if (output.trim()) console.error(output)
      if (!ok) return `${file} does not compile`
      writeFileSync(keyFile, key)
    }),
  )
  const failed = failures.filter(Boolean)
  if (failed.length > 0) return failed.join('\n')
  const partial = `${target}.${process.pid}`
  const { ok, output } = await execute(compiler(), [
    ...LINK,
    ...sources.map(({ file }) => object(file)),
    ...link,
    '-o',
    partial,
  ])
  if (!ok) return output
  renameSync(partial, target)
  return true
}

/** Builds the addons one after another; true, or what went wrong. Without a compiler it says so and succeeds. */
export async function buildAddons(list, without) {
  if (!compiler()) {
    for (const addon of list) rmSync(addonFile(addon), { force: true })
    console.error(`notice: no C++ compiler found (looked for $CXX, c++, g++, clang++). ${without}`)
    return true
  }
  for (const addon of list) {
    const result = await buildAddon(addon)
    if (result !== true) return result
  }
  return true
}

/** Where addons are compiled to when the package's folder cannot be written; src/native-addon.ts looks there too. */
function cacheFolder() {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'sparsewave', version)
}

const keyFile = (addon) => `${addonFile(addon)}.key`

/** Whether a compiled addon is there and loads. One that was compiled here must be of these sources; `shipped` ones, without a key, are. */
function isUsable(addon, key, shipped) {
  if (!existsSync(addonFile(addon))) return false
  if (existsSync(keyFile(addon)) ? readFileSync(keyFile(addon), 'utf8') !== key : !shipped) return false
  try {
    createRequire(import.meta.url)(addonFile(addon))
    return true
  } catch {
    return false
  }
}

function isWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Compiles the addon that speaks, unless one that loads is there, and says so on stderr with the time it took. Without a compiler, or when
 * it failed before with the same sources and compiler, nothing happens: speech then runs on WebAssembly.
 */
export async function compileOnce(of = SERVE, cache = cacheFolder()) {
  const key = sourceKey(of)
  const places = [of.build, cache].map((build) => ({ ...of, build }))
  if (places.some((place, i) => isUsable(place, key, i === 0)) || !compiler()) return
  const addon = places.find((place) => isWritable(dirname(addonFile(place))))
  if (!addon) return
  const failed = `${addonFile(addon)}.failed`
  const attempt = digest([], key, compiler())
  if (existsSync(failed) && readFileSync(failed, 'utf8') === attempt) return
  const started = Date.now()
  process.stderr.write('Compiling the native kernels for this machine, once ... ')
  const objects = mkdtempSync(join(tmpdir(), 'sparsewave-'))
  const result = await buildAddon(addon, objects)
  rmSync(objects, { recursive: true, force: true })
  process.stderr.write(`${result === true ? '' : 'failed after '}${Math.round((Date.now() - started) / 1000)} s\n`)
  if (result === true) {
    writeFileSync(keyFile(addon), key)
    rmSync(failed, { force: true })
  } else {
    writeFileSync(failed, attempt)
    process.stderr.write(
      'Speech runs on WebAssembly. `node scripts/build-native.mjs` in the package shows the errors.\n',
    )
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const result = await buildAddons([SERVE], 'Speech runs on the WebAssembly kernels.')
  if (result !== true) {
    console.error(result)
    process.exit(1)
  }
}
