/**
 * Installs the packages as a user would, from their tarballs in empty folders outside the clone, and uses them: speaks,
 * serves, compiles against the types, asks for the trainer. With and without optional packages, with and without a C++
 * compiler. Prints what an install takes on disk.
 *
 *   npm run check:package [-- --keep]
 *
 * `--keep` leaves the folders. Packages come from npm's cache where it has them.
 */
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compiler } from './build-native.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Folders in which Node looks for packages above a folder. A package found there would pass for an installed one. */
const above = (folder) =>
  [join(folder, 'node_modules'), ...(dirname(folder) === folder ? [] : above(dirname(folder)))].filter(existsSync)
const base = [tmpdir(), '/var/tmp', homedir()].find((folder) => existsSync(folder) && above(folder).length === 0)
if (!base) throw new Error(`Packages lie above every folder that this check could use: ${above(tmpdir()).join(', ')}.`)
const WORK = mkdtempSync(join(base, 'sparsewave-package-'))
const TEXT = 'Two boats came home.'
const LIMITS = { all: 350, small: 50 }

/** The environment of somebody who has never heard of this clone. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:npm_|SPARSEWAVE_|NODE_|INIT_CWD$)/i.test(name)),
)
// Addons that were compiled before are none of this check's.
ENV.XDG_CACHE_HOME = join(WORK, 'cache')
const which = (name) =>
  ENV.PATH.split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))

/** A PATH on which there is no compiler. */
const bare = join(WORK, 'bin')
mkdirSync(bare)
for (const name of ['npm', 'npx', 'sh', 'env']) symlinkSync(which(name), join(bare, name))
symlinkSync(process.execPath, join(bare, 'node'))
const PATHS = { true: `${dirname(process.execPath)}${delimiter}${ENV.PATH}`, false: bare }

function run(command, args, cwd, { withCompiler = true } = {}) {
  const env = { ...ENV, PATH: PATHS[withCompiler] }
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (data) => (stdout += data))
    child.stderr.on('data', (data) => (stderr += data))
    child.on('error', (error) => resolve({ code: -1, stdout, stderr: error.message }))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

let failures = 0
const started = Date.now()

/** Runs one check and prints its line. A check returns what it has to say, or throws what is wrong. */
async function check(name, work) {
  const begun = Date.now()
  const line = (mark, detail) =>
    console.log(`${mark} ${name}${detail ? `: ${detail}` : ''} (${((Date.now() - begun) / 1000).toFixed(1)} s)`)
  try {
    line('ok    ', await work())
  } catch (error) {
    failures++
    line('FAILED', error.message)
  }
}

function expect(condition, message) {
  if (!condition) throw new Error(message)
}

async function must(command, args, cwd, options) {
  const result = await run(command, args, cwd, options)
  expect(result.code === 0, `\`${command} ${args.join(' ')}\` ended with ${result.code}: ${result.stderr.trim()}`)
  return result
}

/** `npm pack`, which builds first where scripts may run. Returns the tarball. */
async function pack(folder) {
  const { stdout } = await must('npm', ['pack', '--ignore-scripts=false', '--json', '--pack-destination', WORK], folder)
  const [{ filename, files, size }] = JSON.parse(stdout.slice(stdout.indexOf('[')))
  const strange = files
    .map(({ path }) => path)
    .filter(
      (path) =>
        /\.map$|\.test\.|(?:^|\/)test(?:ing)?\/|tsconfig|build\.mjs$|\.ts$/.test(path) && !/\.d\.ts$/.test(path),
    )
  expect(strange.length === 0, `${filename} holds what no user needs: ${strange.join(', ')}`)
  return { tarball: join(WORK, filename), megabytes: size / 1e6, count: files.length }
}

async function install(folder, ...words) {
  mkdirSync(folder, { recursive: true })
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true, "type": "module" }\n')
  await must('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...words], folder)
}

/** Megabytes on disk. */
async function size(folder) {
  const { stdout } = await must('du', ['-sk', folder], WORK)
  return Number.parseInt(stdout, 10) / 1024
}

async function speak(folder, options) {
  const file = join(folder, 'spoken.wav')
  rmSync(file, { force: true })
  const { stderr } = await must('npx', ['sparsewave', 'speak', TEXT, '-o', 'spoken.wav'], folder, options)
  const wav = readFileSync(file)
  expect(wav.toString('latin1', 0, 4) === 'RIFF' && wav.length > 30_000, `spoken.wav has ${wav.length} bytes`)
  expect(!/\n\s+at /.test(stderr), stderr)
  return stderr.trim().split('\n').at(-1)
}

/** Starts the server, asks for speech once, stops it. */
async function serve(folder, { withCompiler = true } = {}) {
  const command = join(folder, 'node_modules/.bin/sparsewave')
  const child = spawn(command, ['serve', '--port', '0', '--workers', '1'], {
    cwd: folder,
    env: { ...ENV, PATH: PATHS[withCompiler] },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let heard = ''
  const ended = new Promise((resolve) => child.on('close', resolve))
  const url = new Promise((resolve, reject) => {
    child.stderr.on('data', (data) => {
      heard += data
      const found = /Listening on (http:\/\/localhost:\d+)/.exec(heard)
      if (found) resolve(found[1])
    })
    child.on('close', () => reject(new Error(heard)))
  })
  try {
    const answer = await fetch(`${await url}/v1/audio/speech`, {
      method: 'POST',
      body: JSON.stringify({ input: TEXT, response_format: 'flac' }),
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(answer.status === 200 && bytes.toString('latin1', 0, 4) === 'fLaC', `status ${answer.status}`)
  } finally {
    child.kill('SIGTERM')
  }
  expect((await ended) === 0, heard)
  return /on the (\S+ kernel in \S+):/.exec(heard)?.[1]
}

const addons = (folder) => join(folder, 'node_modules/sparsewave/build/native')

/** Does `work` as on a system that the package has no compiled addons for. */
async function withoutAddons(folder, work) {
  const aside = join(folder, 'addons-aside')
  const had = existsSync(addons(folder))
  if (had) renameSync(addons(folder), aside)
  try {
    return await work()
  } finally {
    if (had) {
      rmSync(addons(folder), { recursive: true, force: true })
      renameSync(aside, addons(folder))
    }
  }
}

const CONSUMER = `
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { encode, openVoice, SparsewaveError, type ErrorCode, type SpeechChunk, type Voice } from 'sparsewave'
import { createSpeechRouter, startSpeechServer, type SpeechServerOptions } from 'sparsewave/server'

const voice: Voice = await openVoice('heart')
async function* tokens(): AsyncGenerator<string> { yield 'Hello. ' }
for await (const chunk of voice.stream(tokens(), { speed: 1.1, signal: AbortSignal.timeout(1000) })) {
  const { samples, sentence }: SpeechChunk = chunk
  const word: string | undefined = sentence?.words[0]?.text
  console.log(samples.length, word)
}
await writeFile('a.mp3', await voice.speak('Hello.', { format: 'mp3' }))
for await (const bytes of encode(voice.stream('Hello.'), { format: 'opus', sampleRate: 48000 })) console.log(bytes.length)
// @ts-expect-error: no such format
await voice.speak('Hello.', { format: 'mp4' })
try { await voice.close() } catch (error) {
  if (error instanceof SparsewaveError) { const code: ErrorCode = error.code; console.log(code, error.remedy) }
}
const options: SpeechServerOptions = { workers: 1 }
const speech = await createSpeechRouter(options)
const server = createServer((request, response) => speech.handler(request, response, () => response.end()))
speech.attachWebSocket(server)
await (await startSpeechServer({ port: 0 })).stop()
`
const PAGE = `
import { openVoice, type BrowserVoice } from 'sparsewave/browser'
import { listVoices } from 'sparsewave'

const voice: BrowserVoice = await openVoice('/voices/heart/', { assets: new URL('/sparsewave/', location.href) })
const context = new AudioContext()
for await (const { samples } of voice.stream('Hello.', { seed: 1 })) {
  const buffer = context.createBuffer(1, samples.length || 1, voice.sampleRate)
  buffer.copyToChannel(samples, 0)
}
console.log((await listVoices()).map(({ name }) => name))
`

/** Compiles a program against the installed package, all declarations checked. */
async function compile(folder, name, source, { types, lib, module, moduleResolution }) {
  const project = join(folder, name)
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'main.ts'), source)
  const compilerOptions = {
    target: 'es2022',
    lib,
    module,
    moduleResolution,
    types,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }))
  const { code, stdout } = await run(
    process.execPath,
    [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'],
    project,
  )
  expect(code === 0, stdout)
}

try {
  let library
  let trainer
  await check('pack sparsewave', async () => {
    library = await pack(ROOT)
    return `${library.megabytes.toFixed(1)} MB, ${library.count} files`
  })
  await check('pack sparsewave-training', async () => {
    trainer = await pack(join(ROOT, 'training'))
    return `${trainer.megabytes.toFixed(1)} MB, ${trainer.count} files`
  })
  const all = join(WORK, 'all')
  const small = join(WORK, 'small')
  for (const [name, folder, words, limit] of [
    ['npm install', all, [], LIMITS.all],
    ['npm install --omit=optional', small, ['--omit=optional'], LIMITS.small],
  ])
    await check(`${name} sparsewave`, async () => {
      await install(folder, ...words, library.tarball)
      const megabytes = await size(join(folder, 'node_modules'))
      expect(megabytes < limit, `${megabytes.toFixed(1)} MB, the goal is ${limit}`)
      return `${megabytes.toFixed(1)} MB by du -sk node_modules`
    })

  for (const [name, folder] of [
    ['all packages', all],
    ['without optional packages', small],
  ]) {
    await check(`speak, ${name}, as installed`, () => speak(folder))
    await check(`serve, ${name}, as installed`, () => serve(folder))
    await withoutAddons(folder, () =>
      check(`speak, ${name}, no addon, no compiler`, () => speak(folder, { withCompiler: false })),
    )
  }
  await withoutAddons(small, () =>
    check('serve, without optional packages, no addon, no compiler', () => serve(small, { withCompiler: false })),
  )
  if (compiler())
    await withoutAddons(small, () =>
      check('speak, without optional packages, no addon, a compiler: compiles at the first start', async () => {
        await speak(small)
        expect(existsSync(addons(small)), 'nothing was compiled')
        return (await speak(small)).split('\n').at(-1)
      }),
    )
  else console.log('left out: compiling at the first start, since this machine has no C++ compiler')

  await check('TypeScript, strict, in Node', async () => {
    for (const name of ['@types/node', 'undici-types'])
      cpSync(join(ROOT, 'node_modules', name), join(small, 'types/node_modules', name), { recursive: true })
    await compile(small, 'types/node', CONSUMER, { types: ['node'], lib: ['es2022'], module: 'nodenext' })
  })
  await check('TypeScript, strict, in a page, without types of Node', () =>
    compile(small, 'types-page', PAGE, {
      types: [],
      lib: ['es2022', 'dom', 'dom.iterable'],
      module: 'esnext',
      moduleResolution: 'bundler',
    }),
  )

  await check('train without the trainer: one sentence', async () => {
    const { code, stderr } = await run('npx', ['sparsewave', 'train', 'job.yaml'], small)
    expect(code === 2 && /npm install sparsewave-training/.test(stderr), stderr)
    return stderr.trim().replace('\n', ' ')
  })
  await check('npm install --omit=optional sparsewave-training', async () => {
    await install(small, '--omit=optional', trainer.tarball)
    return `${(await size(join(small, 'node_modules'))).toFixed(0)} MB with the library`
  })
  await check('train --help with the trainer', async () => {
    const { stdout } = await must('npx', ['sparsewave', 'train', '--help'], small)
    expect(stdout.includes('<job.yaml>'), stdout)
  })
} finally {
  if (process.argv.includes('--keep')) console.log(`Left in ${WORK}.`)
  else rmSync(WORK, { recursive: true, force: true })
}
const seconds = ((Date.now() - started) / 1000).toFixed(0)
console.log(failures === 0 ? `All checks passed in ${seconds} s.` : `${failures} checks failed, after ${seconds} s.`)
process.exit(failures === 0 ? 0 : 1)
