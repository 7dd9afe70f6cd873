/**
 * The house's rules on imports: src knows neither training nor server, nothing imports the CLI, one file touches each
 * native runtime.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'

interface Import {
  readonly from: string
  readonly to: string
}

/** `sparsewave/internal/x` and `sparsewave-training/internal/x` as the files they are. */
const fromPackage = (name: string): string =>
  name
    .replace(/^sparsewave\/internal\/server\/(.*)/, 'server/$1.ts')
    .replace(/^sparsewave\/internal\/testing\/(.*)/, 'test/support/$1.ts')
    .replace(/^sparsewave\/internal\/(.*)/, 'src/$1.ts')
    .replace(/^sparsewave-training\/internal\/(.*)/, 'training/$1.ts')

function importsOf(folder: string): Import[] {
  const found: Import[] = []
  for (const entry of readdirSync(path.join(PACKAGE_ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || /\b(dist|build|node_modules)\b/.test(entry.parentPath))
      continue
    const file = path.join(entry.parentPath, entry.name)
    const from = path.relative(PACKAGE_ROOT, file)
    for (const [, to] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      found.push({
        from,
        to: to!.startsWith('.') ? path.relative(PACKAGE_ROOT, path.resolve(path.dirname(file), to!)) : fromPackage(to!),
      })
    }
  }
  return found
}

const imports = ['src', 'training', 'server'].flatMap(importsOf)
const isTest = ({ from }: Import) => from.endsWith('.test.ts')

test('imports were found', () => {
  expect(imports.length).toBeGreaterThan(200)
})

test('src imports neither training nor server, but for the CLI that joins them', () => {
  const broken = imports.filter(
    (i) =>
      i.from.startsWith('src/') && !i.from.startsWith('src/cli/') && !isTest(i) && /^(training|server)\//.test(i.to),
  )
  expect(broken).toEqual([])
})

test('server does not import training, training does not import server', () => {
  const broken = imports.filter(
    (i) =>
      (i.from.startsWith('server/') && !isTest(i) && i.to.startsWith('training/')) ||
      (i.from.startsWith('training/') && i.to.startsWith('server/')),
  )
  expect(broken).toEqual([])
})

test('nothing imports the CLI', () => {
  expect(imports.filter((i) => i.to.startsWith('src/cli/') && !i.from.startsWith('src/cli/') && !isTest(i))).toEqual([])
})

test.each([
  ['onnxruntime-node', 'src/onnx/runtime.ts'],
  ['onnxruntime-web/wasm', 'src/onnx/runtime.browser.ts'],
  ['wavefile', 'src/audio/wav.ts'],
  ['ogg-opus-decoder', 'training/data/opus.ts'],
  ['libsql', 'training/queue/database.ts'],
  ['@opentelemetry/api', 'server/tracing.ts'],
  ['bullmq', 'training/queue/redis.ts'],
  ['ioredis', 'training/queue/redis.ts'],
])('%s is touched by one file', (name, file) => {
  const users = new Set(imports.filter((i) => i.to === name && !isTest(i)).map((i) => i.from))
  expect([...users]).toEqual([file])
})

test('MPI is loaded where mpirun has started this process only, and by one file', () => {
  const users = imports.filter((i) => !isTest(i) && i.to === 'training/ranks/mpi.ts').map((i) => i.from)
  expect(users).toEqual(['training/ranks/index.ts'])
  expect(readFileSync(path.join(PACKAGE_ROOT, users[0]!), 'utf8')).not.toMatch(/^import (?!type).*mpi\.ts/m)
})

test('of the trainer, engines and masks stand on net/, which knows neither them nor tasks', () => {
  const upward = imports.filter(
    (i) =>
      i.from.startsWith('training/net/') &&
      !isTest(i) &&
      /^training\/(engines|masks|tasks|es|studies|jobs|queue)\//.test(i.to),
  )
  // What joins ranks stands on engines; tasks stand on it.
  const ranks = imports.filter(
    (i) =>
      !isTest(i) &&
      ((/^training\/(net|engines|masks|es)\//.test(i.from) && i.to.startsWith('training/ranks/')) ||
        (i.from.startsWith('training/ranks/') && /^training\/(masks|es|tasks|studies|jobs|queue)\//.test(i.to))),
  )
  const sideways = imports.filter(
    (i) =>
      /^training\/(engines|masks|es)\//.test(i.from) &&
      !isTest(i) &&
      /^training\/(tasks|studies|jobs|queue)\//.test(i.to),
  )
  expect({ upward, sideways, ranks }).toEqual({ upward: [], sideways: [], ranks: [] })
})
