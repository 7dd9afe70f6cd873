import { expect, test } from 'vitest'
import { SparsewaveError } from '../errors.ts'
import { availableKernels, chooseKernel, detectCpu, KERNELS } from './index.ts'

const error = (run: () => unknown): SparsewaveError => {
  try {
    run()
  } catch (caught) {
    if (caught instanceof SparsewaveError) return caught
    throw caught
  }
  throw new Error('nothing was thrown')
}

test('without a wish the first available kernel is chosen and the reason told', () => {
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

test('the CPU report names the machine', () => {
  const cpu = detectCpu()
  expect(cpu.count).toBeGreaterThan(0)
  expect(cpu.arch).toBe(process.arch)
})
