import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { loadOnnx, type OnnxValue } from 'sparsewave/internal/onnx/runtime'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encodeOnnx, OnnxBuilder, type OnnxGraph, toHalf } from './onnx.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'onnx-'))
})
afterAll(() => rmSync(dir, { recursive: true }))

async function run(graph: OnnxGraph, inputs: Record<string, OnnxValue>): Promise<Record<string, OnnxValue>> {
  const file = path.join(dir, `${graph.name}.onnx`)
  writeFileSync(file, encodeOnnx(graph))
  const model = await loadOnnx(file)
  const outputs = await model.run(inputs)
  await model.release()
  return outputs
}

test('a dense layer with a symbolic row count gives W x + b', async () => {
  const g = new OnnxBuilder('dense')
  g.input('x', 'f32', ['rows', 2])
  const product = g.node('MatMul', ['x', g.f32([1, 2, 3, 4, 5, 6], [2, 3])])
  g.output(g.node('Add', [product, g.f32([0.5, -0.5, 0])], {}, 'y'), 'f32', ['rows', 3])
  const { y } = await run(g.graph(), { x: { data: Float32Array.of(1, 1, 2, -1), dims: [2, 2] } })
  expect(y!.dims).toEqual([2, 3])
  expect([...y!.data]).toEqual([5.5, 6.5, 9, -1.5, -1.5, 0])
})

test('integer, list and real attributes reach their operator', async () => {
  const g = new OnnxBuilder('attributes')
  g.input('x', 'f32', [1, 1, 'n'])
  const kernel = g.f32([1, 10, 100], [1, 1, 3])
  const conv = g.node('Conv', ['x', kernel], { pads: [1, 1], kernel_shape: [3] })
  g.output(g.node('LeakyRelu', [conv], { alpha: { float: 0.25 } }, 'y'), 'f32', [1, 1, 'n'])
  const { y } = await run(g.graph(), { x: { data: Float32Array.of(1, 0, -4), dims: [1, 1, 3] } })
  expect([...y!.data]).toEqual([10, -399 * 0.25, -40 * 0.25])
})

test('negative and large int64 values survive', async () => {
  const g = new OnnxBuilder('integers')
  g.input('x', 'i64', ['n'])
  g.output(g.node('Add', ['x', g.i64([-1, 2 ** 40])], {}, 'y'), 'i64', ['n'])
  const { y } = await run(g.graph(), { x: { data: BigInt64Array.of(0n, 1n), dims: [2] } })
  expect(y!.data).toEqual(BigInt64Array.of(-1n, 2n ** 40n + 1n))
})

test('negative attributes and string attributes reach their operator', async () => {
  const g = new OnnxBuilder('strings')
  g.input('x', 'f32', [1, 2])
  const padded = g.node('Pad', ['x', g.i64([0, 1, 0, 0])], { mode: 'edge' })
  g.output(g.node('ReduceSum', [padded, g.i64([1])], { keepdims: 0 }, 'sum'), 'f32', [1])
  g.output(g.node('Softmax', ['x'], { axis: -1 }, 'p'), 'f32', [1, 2])
  const { sum, p } = await run(g.graph(), { x: { data: Float32Array.of(3, 3), dims: [1, 2] } })
  expect([...sum!.data]).toEqual([9])
  expect([...p!.data]).toEqual([0.5, 0.5])
})

test('booleans select', async () => {
  const g = new OnnxBuilder('booleans')
  g.input('mask', 'bool', ['n'])
  g.output(g.node('Where', ['mask', g.f32(1), g.f32(-1)], {}, 'y'), 'f32', ['n'])
  const { y } = await run(g.graph(), { mask: { data: Uint8Array.of(1, 0), dims: [2] } })
  expect([...y!.data]).toEqual([1, -1])
})

test('equal graphs give equal bytes', () => {
  const make = () => {
    const g = new OnnxBuilder('same')
    g.input('x', 'f32', ['n'])
    g.output(g.node('Mul', ['x', g.f32(2)], {}, 'y'), 'f32', ['n'])
    return encodeOnnx(g.graph({ format: 'sparsewave-1' }))
  }
  expect(make()).toEqual(make())
})

test('a tensor that does not fill its dims is refused', () => {
  const g = new OnnxBuilder('short')
  g.f32([1, 2, 3], [2, 2])
  expect(() => encodeOnnx(g.graph())).toThrow(/need 4 values, not 3/)
})

test('weights stored as f16 are read as the nearest f32', async () => {
  const values = Float32Array.of(0, -0, 1, -1.5, 1 / 3, 1e-5, 6e-8, 2049, 2051, 65504, 1e-9)
  const g = new OnnxBuilder('halves')
  g.input('x', 'f32', [])
  g.output(g.node('Add', [g.half(values, [values.length]), 'x'], {}, 'y'), 'f32', [values.length])
  const { y } = await run(g.graph(), { x: { data: Float32Array.of(0), dims: [] } })
  const unit = 2 ** -24
  const expected = [0, 0, 1, -1.5, 1365 / 4096, 168 * unit, unit, 2048, 2052, 65504, 0]
  expect([...y!.data]).toEqual(expected)
})

test('the bits of f16', () => {
  expect([1, -2, 65519, 65520, Number.NaN, 2 - 2 ** -12].map(toHalf)).toEqual([
    0x3c00, 0xc000, 0x7bff, 0x7c00, 0x7e00, 0x4000,
  ])
})
