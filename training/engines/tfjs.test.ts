import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { loadTfjs } from './tfjs.ts'

const empty = mkdtempSync(path.join(tmpdir(), 'no-tensorflow-'))
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(empty, { recursive: true, force: true })
})

test('without the native binding, plain JavaScript computes; insisting on it says how to get it', async () => {
  vi.stubEnv('SPARSEWAVE_TENSORFLOW', empty)
  const { tf, backend } = await loadTfjs()
  expect(backend).toBe('cpu')
  expect([...tf.matMul([[1, 2]], [[3], [4]]).dataSync()]).toEqual([11])
  await expect(loadTfjs({ backend: 'native' })).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    remedy: expect.stringContaining('sparsewave setup'),
  })
})

test('who can do without gradients of convolutions gets WebAssembly where it is installed', async () => {
  vi.stubEnv('SPARSEWAVE_TENSORFLOW', empty)
  const installed = await import('@tensorflow/tfjs-backend-wasm' as string).then(
    () => true,
    () => false,
  )
  const { tf, backend } = await loadTfjs({ wasm: true })
  expect(backend).toBe(installed ? 'wasm' : 'cpu')
  expect(tf.getBackend()).toBe(backend)
  expect([...tf.matMul([[1, 2]], [[3], [4]]).dataSync()]).toEqual([11])
  expect((await loadTfjs()).backend).toBe('cpu')
})
