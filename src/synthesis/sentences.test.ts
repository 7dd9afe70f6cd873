import { expect, test } from 'vitest'
import { languageFor, MAX_SENTENCE } from '../text/index.ts'
import { LiveText, type Mark, type Sentence, sentencesOf } from './sentences.ts'

const TEXT = 'Dr. Smith paid $3.50 for it. He left!  "Why?" she asked.\n\nNobody knows.'

/** What is given out without waiting. */
async function ready(live: LiveText): Promise<(Sentence | Mark)[]> {
  live.end()
  const items: (Sentence | Mark)[] = []
  for await (const item of live) items.push(item)
  return items
}

test('pieces of a text give the sentences and pauses of the whole text', async () => {
  for (const size of [1, 2, 5, 1000]) {
    const live = new LiveText()
    for (let i = 0; i < TEXT.length; i += size) live.push(TEXT.slice(i, i + size))
    expect(await ready(live)).toEqual([...sentencesOf(TEXT)])
  }
})

test('pauses follow the paragraphs', () => {
  expect([...sentencesOf('One.\n\nTwo. Three.')].map((s) => s.pause)).toEqual(['none', 'paragraph', 'sentence'])
})

test('a sentence is given out once white space follows it, an abbreviation is not', async () => {
  const live = new LiveText()
  const items = live[Symbol.asyncIterator]()
  live.push('It is late.')
  expect(live.waiting).toBeGreaterThan(0)
  live.push(' ')
  expect((await items.next()).value).toMatchObject({ text: 'It is late.' })
  live.push('Ask Mr. ')
  expect(live.waiting).toBeGreaterThan(0)
  live.push('Smith. ')
  expect((await items.next()).value).toMatchObject({ text: 'Ask Mr. Smith.' })
})

test('a flush gives out what is there, then its mark, and the next sentence needs no pause', async () => {
  const live = new LiveText()
  live.push('Half a sent')
  live.flush(1)
  live.push('Another one.')
  expect(await ready(live)).toMatchObject([
    { text: 'Half a sent', pause: 'none' },
    { mark: 1 },
    { text: 'Another one.', pause: 'none' },
  ])
})

test('a first clause is given out early where that is asked for, and the rest as it comes', async () => {
  const clauses = async (text: string): Promise<string[]> => {
    const live = new LiveText({ early: true })
    for (const piece of text.match(/.{1,3}/gs)!) live.push(piece)
    return (await ready(live)).map((item) => ('text' in item ? item.text : '-'))
  }
  expect(
    await clauses('When the rain came down, we all ran, and got wet. Then it stopped, at last, for good.'),
  ).toEqual(['When the rain came down,', 'we all ran, and got wet.', 'Then it stopped, at last, for good.'])
  // Too short to stand alone, or no clause mark at all.
  expect(await clauses('Well, no. It is 10:30 and there are 1,000 of them.')).toEqual([
    'Well, no.',
    'It is 10:30 and there are 1,000 of them.',
  ])
  const live = new LiveText({ early: true })
  live.push('When the rain came down, we')
  expect((await live[Symbol.asyncIterator]().next()).value).toMatchObject({
    text: 'When the rain came down,',
    start: 0,
    end: 24,
  })
})

test('a sentence without end is cut between clauses or words, in pieces as in one', async () => {
  const words = 'and so on, '.repeat(100)
  const sentences = [...sentencesOf(`${words}it ended. Done.`)]
  expect(sentences.length).toBeGreaterThan(3)
  for (const { text, pause } of sentences.slice(0, -2)) {
    expect(text.length).toBeLessThanOrEqual(MAX_SENTENCE)
    expect(text).toMatch(/,$/)
    expect(pause).toBe('none')
  }
  expect(sentences.map((s) => s.text).join(' ')).toBe(`${words}it ended. Done.`)
  const live = new LiveText()
  for (const piece of `${words}it ended. Done.`.match(/.{1,7}/g)!) live.push(piece)
  expect(await ready(live)).toEqual(sentences)
})

test('live text is cut by the rules of its language', async () => {
  const british = languageFor('en-GB')
  const language = { ...british, splitSentences: (text: string) => british.splitSentences(text).slice(0, 1) }
  const live = new LiveText({ language })
  live.push('One. Two. Three.')
  expect((await ready(live)).map((item) => 'text' in item && item.text)).toEqual(['One.'])
})
