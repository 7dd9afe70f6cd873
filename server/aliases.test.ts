import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseAliases } from './aliases.ts'
import { readConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'aliases-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (text: string): string => {
  const path = join(folder, 'names')
  writeFileSync(path, text)
  return path
}

test('names come from the setting itself, or from a file of lines or of JSON', () => {
  const expected = { onyx: 'george', 'af_bella(1)': 'bella' }
  expect(parseAliases(' onyx = george, af_bella(1)=bella ')).toEqual(expected)
  expect(parseAliases(file('# ours\nonyx=george\n\naf_bella(1) = bella # hers\n'))).toEqual(expected)
  expect(parseAliases(file(JSON.stringify(expected)))).toEqual(expected)
  expect(readConfig({ SPARSEWAVE_ALIASES: 'onyx=george' }).aliases).toEqual({ onyx: 'george' })
  expect(readConfig({}).aliases).toEqual({})
})

test.each([
  ['onyx=george=fable', 'onyx=george=fable'],
  ['onyx=', 'which is not NAME=VOICE'],
  ['a b=george', '"a b=george"'],
  [join(folder, 'missing'), 'cannot be read'],
])('%s is refused', (setting, message) => {
  expect(() => parseAliases(setting)).toThrow(message)
})

test('a file of JSON that is none is refused', () => {
  expect(() => parseAliases(file('{"onyx"'))).toThrow('not valid JSON')
  expect(() => parseAliases(file('{"onyx": 3}'))).toThrow('not NAME=VOICE')
})
