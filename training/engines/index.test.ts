import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { expect, test } from 'vitest'
import { parameterLayout } from '../net/vocoder-layout.ts'
import { createEngine, ENGINE_NAMES, engineReport } from './index.ts'

const layout = parameterLayout(netConfigSchema.parse({ hidden: 16, headHidden: 16, conditioning: 16 }))

test('an unknown engine is refused with the list of engines and the nearest name', async () => {
  const made = createEngine('referance', layout, { threads: 1 })
  await expect(made).rejects.toMatchObject({ code: 'JOB_INVALID' })
  await expect(made).rejects.toThrow(/there are: auto, native, webgpu, tfjs, reference.*Did you mean 'reference'/)
})

test('engines are made by name', async () => {
  expect((await createEngine('reference', layout, { threads: 1 })).name).toBe('reference')
})

test('auto takes the native engine or says what is missing, never the reference', async () => {
  const [native] = await engineReport()
  const made = createEngine('auto', layout, { threads: 1 })
  if (native!.ok) expect((await made).name).toMatch(/^native-/)
  else await expect(made).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', remedy: expect.stringContaining('g++') })
})

test('the report names every engine, and why one cannot be used', async () => {
  const report = await engineReport()
  expect(report.map((r) => r.name)).toEqual([...ENGINE_NAMES])
  for (const { detail } of report) expect(detail).not.toBe('')
})
