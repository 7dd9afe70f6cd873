import { expect, test } from 'vitest'
import { SparsewaveError } from '../errors.ts'
import { netConfigSchema } from '../vocoder/sparse-wavernn/config.ts'
import { randomWeights } from '../vocoder/sparse-wavernn/random-weights.ts'
import { availableKernels, chooseKernel, choosePrecision, detectCpu, KERNELS, PRECISIONS } from './index.ts'
import { referenceKernel } from './reference.ts'

const error = (run: () => unknown): SparsewaveError => {
  try {
    run()
  } catch (caught) {
    if (caught instanceof SparsewaveError) return caught
    throw caught
  }
  throw new Error('nothing was thrown')
}

test('by default the first available kernel is chosen, with the reason', () => {
  const { kernel, why } = chooseKernel('')
  expect(kernel.name).toBe(availableKernels()[0]!.name)
  expect(why).not.toBe('')
})

test('a kernel can be forced', () => {
  expect(chooseKernel('reference').kernel.name).toBe('reference')
  expect(chooseKernel('wasm')).toMatchObject({ kernel: { name: 'wasm' }, why: "SPARSEWAVE_KERNEL is 'wasm'" })
})

test('an unknown name is refused with the names there are and the nearest', () => {
  const e = error(() => chooseKernel('nativ-avx512'))
  expect(e.code).toBe('KERNEL_UNKNOWN')
  for (const name of KERNELS) expect(e.message).toContain(name)
  expect(e.message).toContain("Did you mean 'native-avx512'?")
})

test('a kernel that this machine lacks is refused with those it has', () => {
  const foreign = process.arch === 'arm64' ? 'native-avx2' : 'native-neon'
  const e = error(() => chooseKernel(foreign))
  expect(e.code).toBe('KERNEL_UNAVAILABLE')
  expect(e.message).toContain('reference')
})

test('a precision can be forced where the kernel has it; an unknown one is refused with those there are', () => {
  for (const kernel of availableKernels()) {
    expect(choosePrecision(kernel, '').precision).toBe(kernel.precisions[0])
    expect(choosePrecision(kernel, '').why).not.toBe('')
    for (const name of PRECISIONS) {
      if (kernel.precisions.includes(name)) {
        expect(choosePrecision(kernel, name)).toEqual({ precision: name, why: `SPARSEWAVE_PRECISION is '${name}'` })
        continue
      }
      const refused = error(() => choosePrecision(kernel, name))
      expect(refused.code).toBe('PRECISION_UNAVAILABLE')
      for (const has of kernel.precisions) expect(refused.message).toContain(has)
      // Nor does the kernel itself make such a model.
      expect(() =>
        kernel.createModel(randomWeights(netConfigSchema.parse({ hidden: 16 }), 1), { precision: name }),
      ).toThrow()
    }
  }
  const e = error(() => choosePrecision(referenceKernel, 'int3'))
  expect(e.code).toBe('PRECISION_UNKNOWN')
  for (const name of PRECISIONS) expect(e.message).toContain(name)
})

test('every kernel has int16 and f32; eight bits are for CPUs that multiply them', () => {
  for (const { precisions } of availableKernels()) expect(precisions).toEqual(expect.arrayContaining(['int16', 'f32']))
  const { features } = detectCpu()
  const has =
    availableKernels()
      .find((k) => k.name === 'native-avx512')
      ?.precisions.includes('int8') ?? false
  expect(has).toBe(['avx512bw', 'avx512vnni', 'avx512vbmi'].every((f) => features.includes(f)))
})

test('the CPU report names the machine', () => {
  const cpu = detectCpu()
  expect(cpu.count).toBeGreaterThan(0)
  expect(cpu.arch).toBe(process.arch)
})
