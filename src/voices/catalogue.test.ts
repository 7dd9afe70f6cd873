import { cpSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PACKAGE_ROOT } from '../root.ts'
import { Catalogue } from './catalogue.ts'

let modelsDir: string
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'catalogue-'))
  vi.stubEnv('SPARSEWAVE_MODELS', modelsDir)
  install('tiny')
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
  rmSync(modelsDir, { recursive: true })
})
const install = (name: string): void =>
  cpSync(join(PACKAGE_ROOT, 'models', name), join(modelsDir, name), { recursive: true })
const names = (catalogue: Catalogue): string[] => catalogue.voices.map(({ name }) => name)

test('voices come and go while it is watched', () => {
  vi.useFakeTimers()
  const catalogue = new Catalogue(undefined, () => {})
  const told: unknown[] = []
  const unwatch = catalogue.watch((changes) => told.push(changes), 100)
  vi.advanceTimersByTime(300)
  expect(told).toEqual([])

  install('heart')
  vi.advanceTimersByTime(100)
  // The voice of the tests is offered only where there is no other.
  expect(told.pop()).toMatchObject({ added: ['heart'], removed: ['tiny'], changed: [] })
  expect(names(catalogue)).toEqual(['heart'])
  expect(catalogue.defaultVoice).toBe('heart')

  utimesSync(join(modelsDir, 'heart', 'voice.json'), 1, 1)
  vi.advanceTimersByTime(100)
  expect(told.pop()).toMatchObject({ added: [], removed: [], changed: ['heart'] })

  rmSync(join(modelsDir, 'heart'), { recursive: true })
  vi.advanceTimersByTime(100)
  expect(told.pop()).toMatchObject({ added: ['tiny'], removed: ['heart'], changed: [] })

  unwatch()
  install('heart')
  vi.advanceTimersByTime(1000)
  expect(told).toEqual([])
})

test('with the last voice gone the old list stays, and that is said', () => {
  const lines: string[] = []
  const catalogue = new Catalogue(undefined, (line) => lines.push(line))
  rmSync(join(modelsDir, 'tiny'), { recursive: true })
  expect(catalogue.refresh()).toBeUndefined()
  expect(names(catalogue)).toEqual(['tiny'])
  expect(lines).toEqual([expect.stringContaining('No voice can speak')])
  install('tiny')
  expect(catalogue.refresh()).toMatchObject({ added: [], removed: [], changed: ['tiny'] })
})
