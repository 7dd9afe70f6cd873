/** Nothing is reported to anybody: onnxruntime's telemetry, which complains when it cannot keep its identifier, is off. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'

const folder = mkdtempSync(join(tmpdir(), 'telemetry-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What a program writes, as one that may write no file of its own. */
function run(script: string): string {
  // The library is also quiet where CI is set: then nothing would be seen either way.
  const { ORT_DISABLE_TELEMETRY: _, CI: _ci, ...rest } = process.env
  const program = join(folder, 'program.mjs')
  writeFileSync(program, script)
  const { stdout, stderr, status } = spawnSync(process.execPath, [program], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...rest, HOME: '/dev/null', XDG_CACHE_HOME: '/dev/null', XDG_DATA_HOME: '/dev/null' },
  })
  expect(status).toBe(0)
  return stdout + stderr
}
const file = (path: string) => JSON.stringify(join(PACKAGE_ROOT, path))
const model = file('models/heart/conditioning.onnx')

test('the library, left alone, would report: so this can be seen', () => {
  const said = run(
    `import ort from ${file('node_modules/onnxruntime-node/dist/index.js')}; await ort.InferenceSession.create(${model}); console.log('ran')`,
  )
  expect(said).toContain('ran')
  if (process.platform === 'linux') expect(said).toContain('telemetry')
})

test('a model opened by us reports nothing', () => {
  const said = run(`const { loadOnnx } = await import(${file('dist/src/onnx/runtime.js')})
    await loadOnnx(${model}); console.log('ran')`)
  expect(said).toContain('ran')
  expect(said).not.toContain('telemetry')
})

test('nor one that a synthesis thread opens', () => {
  const said = run(`const { spawnWorker } = await import(${file('dist/server/synthesis/spawn.js')})
    const worker = spawnWorker({ voice: 'heart' })
    worker.on('message', ({ type }) => { console.log(type); process.exit(0) })`)
  expect(said).toContain('ready')
  expect(said).not.toContain('telemetry')
})
