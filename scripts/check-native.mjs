/**
 * Checks of the native code outside Node: the vocoder's kernels, source-filter synthesis, the layers, training's passes.
 *
 *   node scripts/check-native.mjs sanitize      AddressSanitizer and UndefinedBehaviorSanitizer over every kernel of this CPU
 *   node scripts/check-native.mjs fuzz [S]      libFuzzer over the model image for S seconds (default 20); needs clang
 *   node scripts/check-native.mjs arm64         cross-compiled for arm64, run by qemu; needs aarch64-linux-gnu-g++, qemu-aarch64
 *   node scripts/check-native.mjs instructions  instructions a sample of every kernel, by callgrind; needs valgrind
 *   node scripts/check-native.mjs threads       what two threads on one stream would gain (AVX2)
 *
 * A check whose tools are missing says so and is left out. Run `npm run build` first.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMPILE, filesFor, ISA_FLAGS } from './build-native.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const WORK = join(ROOT, 'build/check')
const SHAPES = ['one-block', 'small', 'wide-heads', 'full'].flatMap((shape) => [
  shape,
  `${shape}-int16`,
  `${shape}-int8`,
])
const caseFile = (shape) => join(WORK, `${shape}.case`)

/** Runs a program in view; ends this one when it fails. */
function run(command, args, options = {}) {
  const { status, error, stdout } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options })
  if (status === 0) return stdout
  console.error(`${command} ${args.join(' ')}: ${error?.message ?? `exit status ${status}`}`)
  process.exit(1)
}

function need(...programs) {
  const missing = programs.filter((p) => spawnSync(p, ['--version'], { stdio: 'ignore' }).status !== 0)
  if (missing.length === 0) return true
  console.error(`${missing.join(', ')} not found: left out`)
  return false
}

/** Compiles a part's kernels for `arch` and a main file to one program. */
async function compile(
  compiler,
  arch,
  main,
  flags,
  name,
  { kernelFlags = flags, folder, test = 'test/native', more = [] },
) {
  const target = join(WORK, name)
  const kernels = readdirSync(join(ROOT, folder)).filter((f) => /^(?:kernel|int8|optimizer)\.\w+\.cpp$/.test(f))
  const { sources, without } = filesFor(arch, kernels, compiler)
  const common = [
    ...COMPILE.filter((f) => f !== '-fPIC'),
    '-Wno-psabi',
    '-I',
    folder,
    '-I',
    'native/shared',
    '-I',
    'test/native',
    ...without,
  ]
  const objects = []
  const object = async (source, flags) => {
    const out = `${target}.${objects.length}.o`
    objects.push(out)
    const [status] = await once(
      spawn(compiler, [...common, ...flags, '-c', source, '-o', out], { cwd: ROOT, stdio: 'inherit' }),
      'exit',
    )
    if (status !== 0) process.exit(1)
  }
  await Promise.all([
    ...sources.map(({ file, flags }) => object(`${folder}/${file}`, [...kernelFlags, ...flags])),
    ...[`${test}/${main}`, ...more].map((source) => object(source, flags)),
  ])
  run(compiler, [...flags, ...objects, '-pthread', '-o', target])
  for (const file of objects) rmSync(file)
  return target
}

/** What each main file is compiled with, and what it is run on. */
const VOCODER = { folder: 'native/vocoder' }
const PARTS = {
  vocoder: { ...VOCODER, cases: SHAPES.map(caseFile), quick: ['--quick'] },
  'source-filter': {
    folder: 'native/source-filter',
    more: ['native/source-filter/stream.cpp'],
    cases: [caseFile('source-filter')],
  },
  layers: { folder: 'native/layers', more: ['native/layers/matrix.cpp'] },
  train: { folder: 'training/native', test: 'training/native/test' },
}
const UNDEFINED = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g', '-O1']

const checks = {
  async sanitize() {
    const compiler = process.env.CXX ?? 'g++'
    if (!need(compiler)) return
    for (const [name, part] of Object.entries(PARTS))
      run(await compile(compiler, process.arch, `${name}.cpp`, UNDEFINED, `${name}-sanitized`, part), part.cases ?? [])
  },
  async fuzz(seconds = '20') {
    if (!need('clang++')) return
    const flags = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all', '-g', '-O1']
    const kernels = flags.map((f) => f.replace('fuzzer,', 'fuzzer-no-link,'))
    const options = { ...VOCODER, kernelFlags: kernels }
    const target = await compile('clang++', process.arch, 'vocoder-fuzz.cpp', flags, 'vocoder-fuzz', options)
    const corpus = join(WORK, 'corpus')
    mkdirSync(corpus, { recursive: true })
    for (const shape of ['one-block', 'one-block-int16', 'one-block-int8'])
      copyFileSync(join(WORK, `${shape}.seed`), join(corpus, shape))
    run(target, [`-max_total_time=${Number(seconds)}`, '-max_len=65536', '-seed=1', '-print_final_stats=1', corpus])
  },
  async arm64() {
    if (!need('aarch64-linux-gnu-g++', 'qemu-aarch64')) return
    for (const [name, part] of Object.entries(PARTS)) {
      const target = await compile('aarch64-linux-gnu-g++', 'arm64', `${name}.cpp`, ['-static'], `${name}-arm64`, part)
      run('qemu-aarch64', [target, ...(part.quick ?? []), ...(part.cases ?? [])])
    }
  },
  async threads() {
    const compiler = process.env.CXX ?? 'g++'
    if (process.arch !== 'x64' || !need(compiler)) return
    const target = join(WORK, 'two-threads')
    const flags = [
      ...COMPILE.filter((f) => f !== '-fPIC'),
      ...ISA_FLAGS.avx2.flags,
      '-Wno-psabi',
      '-I',
      'native/vocoder',
      '-I',
      'native/shared',
    ]
    run(compiler, [...flags, 'bench/native/two-threads.cpp', '-pthread', '-o', target])
    run(target, [caseFile('standard-int16')])
  },
  async instructions() {
    if (!need('valgrind')) return
    const target = await compile(process.env.CXX ?? 'g++', process.arch, 'vocoder.cpp', ['-g'], 'counted', VOCODER)
    const count = (kernel, precision, streams, frames) => {
      const out = join(WORK, 'callgrind.out')
      const args = ['--tool=callgrind', `--callgrind-out-file=${out}`, target, '--run', kernel, streams, frames]
      run('valgrind', [...args, caseFile(precision === 'f32' ? 'standard' : `standard-${precision}`)], {
        stdio: 'ignore',
      })
      return Number(/^summary: (\d+)/m.exec(readFileSync(out, 'utf8'))[1])
    }
    console.log('| kernel | precision | streams | instructions a sample |')
    console.log('| --- | --- | --- | --- |')
    for (const kernel of ['baseline', 'avx2', 'neon']) {
      if ((ISA_FLAGS[kernel].arch ?? process.arch) !== process.arch) continue
      for (const precision of ['int16', 'f32'])
        for (const streams of [1, 4, 16]) {
          // The difference of two runs: without loading and opening.
          const extra = count(kernel, precision, streams, 8) - count(kernel, precision, streams, 4)
          console.log(`| native-${kernel} | ${precision} | ${streams} | ${Math.round(extra / (4 * 120 * streams))} |`)
        }
    }
  },
}

const [name, ...rest] = process.argv.slice(2)
if (!Object.hasOwn(checks, name ?? '')) {
  console.error(`usage: node scripts/check-native.mjs ${Object.keys(checks).join('|')}`)
  process.exit(2)
}
const writer = join(ROOT, 'dist/test/native/write-case.js')
if (!existsSync(writer)) {
  console.error('dist/ is not built: run `npm run build`')
  process.exit(1)
}
mkdirSync(WORK, { recursive: true })
run(process.execPath, [writer, WORK])
await checks[name](...rest)
