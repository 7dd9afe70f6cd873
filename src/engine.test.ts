/** What computes follows from one choice, and the lists of instruction sets are one. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { chooseEngine } from './engine.ts'
import { availableKernels, ISAS } from './kernels/index.ts'
import { hasOnnxRuntime } from './onnx/runtime.ts'
import { PACKAGE_ROOT } from './root.ts'
import { addonIsas, nativeIsas } from './serve-addon.ts'

const { ISA_FLAGS } = (await import(new URL('../scripts/build-native.mjs', import.meta.url).href)) as {
  ISA_FLAGS: Readonly<Record<string, unknown>>
}

afterEach(() => {
  delete process.env.SPARSEWAVE_KERNEL
  delete process.env.SPARSEWAVE_PRECISION
})

test('without a wish all parts are of the fastest kernel', () => {
  const engine = chooseEngine()
  expect(engine.kernel.name).toBe(availableKernels()[0]!.name)
  expect(engine.precision).toBe(engine.kernel.precisions[0])
  const isa = nativeIsas()[0]
  expect(engine.sourceFilter.name).toBe(isa ? `native-${isa}` : 'typescript')
  for (const why of [engine.kernelWhy, engine.precisionWhy, engine.sourceFilter.why, engine.layers.why])
    expect(why).not.toBe('')
})

test.each(availableKernels().map(({ name }) => name))('parts follow the kernel %s', (name) => {
  process.env.SPARSEWAVE_KERNEL = name
  process.env.SPARSEWAVE_PRECISION = 'f32'
  const engine = chooseEngine()
  expect([engine.kernel.name, engine.precision]).toEqual([name, 'f32'])
  expect(engine.kernelWhy).toContain('SPARSEWAVE_KERNEL')
  const { isa } = engine.kernel
  const sourceFilter = engine.sourceFilter.open()
  expect(sourceFilter.name).toBe(isa ? `native-${isa}` : 'typescript')
  expect(engine.sourceFilter.name).toBe(sourceFilter.name)
  sourceFilter.close()
  const layers = engine.layers.open()
  expect(engine.layers.name).toBe(layers?.name ?? 'onnxruntime')
  if (isa === 'avx512' || isa === 'avx2') expect(layers?.name).toBe(name)
  else expect(layers === null).toBe(hasOnnxRuntime())
  layers?.close()
})

test('C++, the build and TypeScript list the same instruction sets', () => {
  const header = readFileSync(path.join(PACKAGE_ROOT, 'native/shared/isas.h'), 'utf8')
  const cpp = [...header.matchAll(/X\("(\w+)"/g)].map(([, name]) => name!)
  expect(new Set(cpp)).toEqual(new Set(ISAS))
  // Those of this architecture, in the same order.
  const built = addonIsas().map(({ name }) => name)
  expect(built).toEqual(ISAS.filter((isa) => built.includes(isa)))
  for (const isa of ISAS) expect(ISA_FLAGS).toHaveProperty(isa)
})
