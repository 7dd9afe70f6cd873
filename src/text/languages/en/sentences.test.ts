/** Sentence splitting keeps the text: spans are in order, and only white space lies between them. */
import { describe, expect, test } from 'vitest'
import { MAX_SENTENCE, splitSentences } from './sentences.ts'

const texts = (text: string): string[] => splitSentences(text).map((sentence) => sentence.text)

describe('sentences end', () => {
  test.each<[string, string[]]>([
    ['One. Two! Three?', ['One.', 'Two!', 'Three?']],
    ['Dr. Smith and Mrs. Jones left. They ran.', ['Dr. Smith and Mrs. Jones left.', 'They ran.']],
    ['He likes fruit, e.g. apples. I do not.', ['He likes fruit, e.g. apples.', 'I do not.']],
    ['The U.S. Army came. It left.', ['The U.S. Army came.', 'It left.']],
    ['I live in the U.S. It is large.', ['I live in the U.S.', 'It is large.']],
    ['Come at 5 p.m. Then we eat.', ['Come at 5 p.m.', 'Then we eat.']],
    ['Come at 5 p.m. on Monday.', ['Come at 5 p.m. on Monday.']],
    ['J. K. Rowling wrote it. I read it.', ['J. K. Rowling wrote it.', 'I read it.']],
    ['It was I. She knew.', ['It was I.', 'She knew.']],
    ['No. 5 is alive. No. It is not.', ['No. 5 is alive.', 'No.', 'It is not.']],
    ['Pi is 3.14 or so. Yes.', ['Pi is 3.14 or so.', 'Yes.']],
    ['See example.com. It works.', ['See example.com.', 'It works.']],
    ['Wait... what? Yes.', ['Wait... what?', 'Yes.']],
    ['"Really?" she asked. "Yes."', ['"Really?" she asked.', '"Yes."']],
    ['Acme Inc. fell. Then it rose.', ['Acme Inc. fell.', 'Then it rose.']],
    ['Smith et al. say so. We agree.', ['Smith et al. say so.', 'We agree.']],
    ['Smith vs. Jones. Go.', ['Smith vs. Jones.', 'Go.']],
  ])('%j', (text, sentences) => {
    expect(texts(text)).toEqual(sentences)
  })
})

test('paragraphs and lines part sentences, a line break inside prose does not', () => {
  expect(texts('A title\n\nThe text goes\non here. End.')).toEqual(['A title', 'The text goes\non here.', 'End.'])
  expect(texts('- One\r\n- Two')).toEqual(['- One', '- Two'])
})

test('long sentences are cut at clauses, then at spaces, then anywhere', () => {
  const clause = 'this part of the sentence goes on for quite a while without an end'
  const parts = texts(`${Array(8).fill(clause).join(', ')}.`)
  expect(parts.length).toBeGreaterThan(1)
  expect(parts.slice(0, -1).every((part) => part.endsWith(','))).toBe(true)
  for (const long of ['word '.repeat(400), 'x'.repeat(1500), '😀'.repeat(900)]) {
    const cut = splitSentences(long)
    expect(Math.max(...cut.map(({ start, end }) => end - start))).toBeLessThanOrEqual(MAX_SENTENCE)
    expect(cut.map((sentence) => sentence.text).join('').length).toBe(
      long.replaceAll(' ', '').length + (long.includes(' ') ? 400 - cut.length : 0),
    )
    expect(cut.every((sentence) => !/^[\udc00-\udfff]/.test(sentence.text))).toBe(true)
  }
})

test('spans are the characters of the text, and nothing but white space is left out', () => {
  const text = '  First one.  Second\tone!\n\n\u2029Third “one”… fourth;\n fifth (etc.). 6. 7) eight  '
  let left = ''
  let at = 0
  for (const { text: sentence, start, end } of splitSentences(text)) {
    expect(sentence).toBe(text.slice(start, end))
    expect(sentence).toBe(sentence.trim())
    left += text.slice(at, start)
    at = end
  }
  expect((left + text.slice(at)).trim()).toBe('')
})

test('nothing gives nothing', () => {
  expect(splitSentences('')).toEqual([])
  expect(splitSentences(' \n\t ')).toEqual([])
})
