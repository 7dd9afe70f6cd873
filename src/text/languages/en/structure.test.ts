/** Structure of text as tables: what is written, and the sentences that are said. The second half was written after the code. */
import { describe, expect, test } from 'vitest'
import { normalize, spokenText } from './normalize.ts'
import { unreadable } from './scripts.ts'
import { MAX_SENTENCE, splitSentences } from './sentences.ts'

const said = (text: string): string[] =>
  splitSentences(text)
    .map((sentence) => spokenText(normalize(sentence.text)))
    .filter((line) => /[A-Za-z]/.test(line))

const FAMILIES: Readonly<Record<string, readonly (readonly [string, readonly string[]])[]>> = {
  lists: [
    ['1. Wash your hands\n2. Dry them', ['one. Wash your hands', 'two. Dry them']],
    ['Buy:\n- milk\n- eggs', ['Buy:', 'milk', 'eggs']],
    ['milk\neggs\nbread', ['milk', 'eggs', 'bread']],
    [
      '9:00 Coffee\n9:30 keynote by Ann\n10:30 break',
      ["nine o'clock Coffee", 'nine thirty keynote by Ann', 'ten thirty break'],
    ],
    ['a) first\nb) second', ['a, first', 'B, second']],
    ['* one\n* two', ['one', 'two']],
    ['1) one\n2) two', ['one, one', 'two, two']],
    ['Shopping list:\napples\npears', ['Shopping list:', 'apples', 'pears']],
    ['- [x] Done task\n- [ ] open task', ['Done task', 'open task']],
    ['• First point\n• second point', ['First point', 'second point']],
    // Written after the code.
    ['Steps:\n1. open the box\n2. take it out', ['Steps:', 'one. open the box', 'two. take it out']],
    ['(a) red\n(b) blue', ['a, red', 'B, blue']],
    ['10 am coffee\n11 am talk', ['ten A M coffee', 'eleven A M talk']],
    ['red apples\ngreen pears\nripe plums', ['red apples', 'green pears', 'ripe plums']],
    ['+ plus item\n+ other item', ['plus item', 'other item']],
    ['The text goes on and\non over two lines', ['The text goes on and on over two lines']],
    ['i. intro\nii. method', ['I. intro', 'ii. method']],
  ],
  'full stops': [
    ['Take vitamin C. It helps.', ['Take vitamin C.', 'It helps.']],
    ['We go to plan B. The rest wait.', ['We go to plan B.', 'The rest wait.']],
    ['He lives at Apt. 4B on Elm St. near me.', ['He lives at apartment four B on Elm street near me.']],
    ['See Sec. 3 and p. 12 for details.', ['See section three and page twelve for details.']],
    ['Art. 5 says no. No. 7 says yes.', ['article five says no.', 'number seven says yes.']],
    ['Call J. Smith. He knows.', ['Call J Smith.', 'He knows.']],
    ['I like type A. But not B.', ['I like type A.', 'But not B.']],
    ['Meeting at 5 p.m. Bring food.', ['Meeting at five P M.', 'Bring food.']],
    ['Come at 5 p.m. EST today.', ['Come at five P M E S T today.']],
    ['Prices rose (see Fig. 3). Then fell.', ['Prices rose (see figure three).', 'Then fell.']],
    // Written after the code.
    ['The letter X. It is rare.', ['The letter X.', 'It is rare.']],
    ['He has hepatitis B. Doctors know.', ['He has hepatitis B.', 'Doctors know.']],
    ['Read vol. 2, ch. 4 first.', ['Read volume two, chapter four first.']],
    ['Ask Prof. Lee or Gen. Grant.', ['Ask professor Lee or general Grant.']],
    ['It opens at 9 a.m. Monday.', ['It opens at nine A M Monday.']],
    ['Your answer is D. Next one.', ['Your answer is D.', 'Next one.']],
    ['J. R. R. Tolkien wrote. Many read.', ['J R R Tolkien wrote.', 'Many read.']],
    ['Step 1. Open it. Step 2. Close it.', ['Step one.', 'Open it.', 'Step two.', 'Close it.']],
    ['See pp. 4-6. Then stop.', ['See pages four to six.', 'Then stop.']],
  ],
  markup: [
    ['# Title\nText follows here.', ['Title', 'Text follows here.']],
    ['**Bold** and *italic* and `code` text.', ['Bold and italic and code text.']],
    ['See [our site](https://example.com/a_b) now.', ['See our site now.']],
    ['![A cat](cat.png) sits.', ['A cat sits.']],
    ['Tom &amp; Jerry &#39;won&#39;', ['Tom and Jerry won']],
    ['<p>Hello <b>wor</b>ld.</p>', ['Hello world.']],
    ['```js\nconst x = 1\n```', ['const X equals one']],
    ['| Name | Age |\n|---|---|\n| Ann | 5 |', ['Name, Age', 'Ann, five']],
    ['> Quoted text', ['Quoted text']],
    ['Hello there\n---\nNext part', ['Hello there', 'Next part']],
    // Written after the code.
    ['## 2. Results\nThey are good.', ['two. Results', 'They are good.']],
    ['__Note__: read _this_.', ['Note: read this.']],
    ['[Home][1] is here.', ['Home is here.']],
    ['AT&amp;T rose 5&nbsp;%.', ['A T and T rose five percent.']],
    ['Line<br/>break', ['Line break']],
    ['A claim.[^2] Another.', ['A claim. Another.']],
    ['She said :smile: ok', ['She said ok']],
    ['Press <kbd>Ctrl</kbd> now', ['Press Ctrl now']],
    ['~~old~~ new <!-- hidden --> text', ['old new text']],
    ['snake_case stays, 2 * 3 * 4 too', ['snake case stays, two times three times four too']],
    ['Mail <joe@x.org> today', ['Mail joe at X dot org today']],
    ['a < b and b > c', ['a less than B and B greater than c']],
    ['[![Build](https://ci.org/x.svg)](https://ci.org/x) passes', ['Build passes']],
    ['Item | Price\n--- | ---\nTea | $3.50', ['Item, Price', 'Tea, three dollars and fifty cents']],
    ['See [the docs][1] now.\n\n[1]: https://example.com/docs', ['See the docs now.']],
    ['A ==marked== word', ['A marked word']],
    ['So $E = mc^2$ holds for $5.', ['So E equals M C squared holds for five dollars.']],
    ['Fish &amp;amp; chips &amp;mdash; good', ['Fish and chips — good']],
    ['<script>alert(1)</script>Hello <style>p{color:red}</style>there', ['Hello there']],
    ['1. first\n   - sub\n2. second', ['one. first', 'sub', 'two. second']],
    ['<ul><li>One</li><li>Two</li></ul>', ['One Two']],
    ['~~~\ncode here\n~~~\nText', ['code here', 'Text']],
  ],
}

for (const [family, cases] of Object.entries(FAMILIES)) {
  describe(family, () => {
    test.each(cases)('%j is said %j', (written, sentences) => {
      expect(said(written).map((s) => s.toLowerCase())).toEqual(sentences.map((s) => s.toLowerCase()))
    })
  })
}

test('a long sentence without marks is cut before a phrase', () => {
  const clause = 'the people of the town came together and they brought whatever food they had'
  const parts = splitSentences(Array(8).fill(clause).join(' ')).map((sentence) => sentence.text)
  expect(parts.length).toBeGreaterThan(2)
  for (const part of parts.slice(1)) expect(part).toMatch(/^(?:and|that|who|which|in|on|of|the people)\b/)
  for (const part of parts) expect(part.length).toBeLessThanOrEqual(MAX_SENTENCE)
})

describe('scripts that are not read are named', () => {
  test.each([
    ['Say 你好 now', [['你好', 'Han']]],
    ['مرحبا بالعالم and Ω', [['مرحبا بالعالم', 'Arabic']]],
    ['Привет, café, Ｈｉ, 𝐇𝐢', []],
    [
      'नमस्ते / こんにちは',
      [
        ['नमस्ते', 'Devanagari'],
        ['こんにちは', 'Hiragana'],
      ],
    ],
    ['😀 ♥ 12', []],
  ])('%j', (text, expected) => {
    expect(unreadable(text).map(({ start, end, script }) => [text.slice(start, end), script])).toEqual(expected)
  })
})
