/** The packed dictionary gives back every word and value, and nothing for what is not in it. */
import { expect, test } from 'vitest'
import { LexiconFile, packLexicon } from './lexicon-file.ts'

const words = Array.from({ length: 500 }, (_, i) => `w${i.toString(7)}${i % 3 === 0 ? 'ing' : ''}`)
const first = new Map(words.slice(0, 300).map((word, i) => [word, `v${i % 17}'x`]))
const second = new Map([
  ...words.slice(250).map((word): [string, string] => [word, 'second']),
  ['Beyoncé', 'b'],
  ['phở', 'f'],
])
const file = new LexiconFile(packLexicon([first, second]))

test('words are found, those of an earlier section first', () => {
  for (const [word, value] of first) expect(file.find(word)).toEqual({ value, section: 0 })
  for (const word of words.slice(300)) expect(file.find(word)).toEqual({ value: 'second', section: 1 })
  expect(file.find('Beyoncé')).toEqual({ value: 'b', section: 1 })
  expect(file.find('phở')?.value).toBe('f')
})

test('words that are not there are not found, whatever they begin with', () => {
  for (const word of ['', 'w', 'wzz', 'a', 'zz', 'w0in', 'w0ingg', 'Beyonce', '\t', 'é', 'x'.repeat(200)])
    expect(file.find(word), word).toBeUndefined()
})

test('every entry comes out once, in order', () => {
  const entries = [...file.entries()]
  expect(entries).toHaveLength(first.size + second.size)
  expect(new Map(entries.filter(([, , section]) => section === 1).map(([word, value]) => [word, value]))).toEqual(
    second,
  )
})

test('empty sections are no fault', () => {
  expect(new LexiconFile(packLexicon([new Map(), new Map([['a', 'b']])])).find('a')).toEqual({ value: 'b', section: 1 })
})
