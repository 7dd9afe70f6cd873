import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadOnnx } from './runtime.ts'

// A model of one node, y = x + x over f32 [n].
const DOUBLE = Buffer.from(
  'CAgSCnNwYXJzZXdhdmU6PwoRCgF4CgF4EgF5GgF5IgNBZGQSBmRvdWJsZVoQCgF4EgsKCQgBEgUKAxIBbmIQCgF5EgsKCQgBEgUKAxIBbkIECgAQEQ==',
  'base64',
)

let dir: string
let double: string
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'onnx-runtime-'))
  double = path.join(dir, 'double.onnx')
  writeFileSync(double, DOUBLE)
})
afterAll(() => rmSync(dir, { recursive: true }))

test('runs a model and names its inputs and outputs', async () => {
  const model = await loadOnnx(double)
  expect([model.inputNames, model.outputNames]).toEqual([['x'], ['y']])
  const { y } = await model.run({ x: { data: Float32Array.of(1, -2.5), dims: [2] } })
  expect(y).toEqual({ data: Float32Array.of(2, -5), dims: [2] })
  await model.release()
})

test('a missing file and a damaged one are refused by name', async () => {
  const damaged = path.join(dir, 'damaged.onnx')
  writeFileSync(damaged, DOUBLE.subarray(0, DOUBLE.length - 20))
  for (const file of [path.join(dir, 'missing.onnx'), damaged])
    await expect(loadOnnx(file)).rejects.toMatchObject({
      code: 'VOICE_DAMAGED',
      message: expect.stringContaining(file),
    })
})

test('inputs that do not fit are refused with one line', async () => {
  const model = await loadOnnx(double)
  for (const inputs of [
    {},
    { x: { data: BigInt64Array.of(1n), dims: [1] } },
    { x: { data: new Float32Array(2), dims: [3] } },
  ])
    await expect(model.run(inputs)).rejects.toMatchObject({ code: 'SYNTHESIS_FAILED' })
  await model.release()
})

test('release is safe twice, and nothing runs after it', async () => {
  const model = await loadOnnx(double)
  await model.release()
  await model.release()
  await expect(model.run({ x: { data: new Float32Array(1), dims: [1] } })).rejects.toThrow(/after it was released/)
})
