import { expect, test } from 'vitest'
import { RequestLexicon, readText } from '../text/index.ts'

test('sentences and words know their characters, their sounds and where these come from', () => {
  const text = 'Ask Ms. Nguyen. The FBI blorptasted 你好 twice.'
  const { sentences, unreadable } = readText(text, undefined, new RequestLexicon({ Nguyen: 'wˈɪn' }))
  expect(sentences.map(({ said }) => said)).toEqual(['Ask miz Nguyen.', 'The F B I blorptasted twice.'])
  const words = sentences.flatMap((sentence) => sentence.words)
  for (const word of words) expect(text.slice(word.start, word.end)).toBe(word.text)
  expect(words.map((word) => word.source)).toEqual([
    'dictionary',
    'dictionary',
    'given',
    'context',
    'spelled',
    'letters',
    'dictionary',
  ])
  expect(words[2]).toMatchObject({ text: 'Nguyen', phonemes: 'wˈɪn' })
  expect(unreadable).toEqual([{ start: text.indexOf('你'), end: text.indexOf('你') + 2, script: 'Han' }])
})

test('a text without words is no fault', () => {
  expect(readText('😀').sentences).toMatchObject([{ said: '', phonemes: '', words: [] }])
  expect(readText('').sentences).toEqual([])
})
