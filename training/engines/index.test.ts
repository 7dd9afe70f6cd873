import { expect, test } from 'vitest'
import { netConfigSchema } from '../../src/vocoder/sparse-wavernn/config.ts'
import { parameterLayout } from '../tasks/sparse-wavernn/parameters.ts'
import { createEngine } from './index.ts'

const layout = parameterLayout(netConfigSchema.parse({ hidden: 16, headHidden: 16, conditioning: 16 }))

test('an unknown engine is refused with the list of engines and the nearest name', async () => {
  const made = createEngine('referance', layout, { threads: 1 })
  await expect(made).rejects.toMatchObject({ code: 'JOB_INVALID' })
  await expect(made).rejects.toThrow(/there are: auto, native, reference.*Did you mean 'reference'/)
})

test('engines are made by name', async () => {
  expect((await createEngine('reference', layout, { threads: 1 })).name).toBe('reference')
})
