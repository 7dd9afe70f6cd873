import { expect, test } from 'vitest'
import { predictLetters, standIn } from '../../test/support/stand-in.ts'
import { HOP } from '../frames.ts'
import { LiveText } from './sentences.ts'
import type { Chunk, Scheduler, SpeechOptions, Synthesizer } from './synthesizer.ts'

async function all(chunks: AsyncIterable<Chunk>): Promise<{ chunks: Chunk[]; samples: Float32Array }> {
  const list: Chunk[] = []
  for await (const chunk of chunks) list.push(chunk)
  const samples = new Float32Array(list.reduce((n, c) => n + c.samples.length, 0))
  let at = 0
  for (const c of list) {
    samples.set(c.samples, at)
    at += c.samples.length
  }
  return { chunks: list, samples }
}

const say = async (text: string, options: SpeechOptions = {}, synthesizer: Synthesizer = standIn().synthesizer) =>
  all(synthesizer.stream(text, options))

/** Exact, and quicker than comparing element by element. */
const same = (a: { samples: Float32Array }, b: { samples: Float32Array }): boolean =>
  Buffer.from(a.samples.buffer).equals(Buffer.from(b.samples.buffer))

const TEXT = 'The first one is here. The second follows it.\n\nA new paragraph begins.'

test('the same seed gives the same samples and another seed other ones', async () => {
  const first = await say(TEXT, { seed: 7 })
  expect(same(await say(TEXT, { seed: 7 }), first)).toBe(true)
  expect(same(await say(TEXT, { seed: 7, measure: true }), first)).toBe(true)
  expect(same(await say(TEXT, { seed: 8 }), first)).toBe(false)
  expect(same(await say(TEXT), await say(TEXT))).toBe(false)
})

test('turns taken by other streams do not change the samples', async () => {
  const { synthesizer } = standIn()
  const scheduler: Scheduler = {
    async turn(work) {
      await new Promise((resolve) => setImmediate(resolve))
      return work()
    },
    acoustic: (_symbols, work) => work(),
  }
  const [a, b] = await Promise.all([
    all(synthesizer.stream(TEXT, { seed: 1, scheduler })),
    all(synthesizer.stream('Someone else speaks. At the same time.', { seed: 2, scheduler })),
  ])
  expect(same(a, await say(TEXT, { seed: 1 }))).toBe(true)
  expect(b.samples.length).toBeGreaterThan(0)
})

test('the first chunk is short and later ones grow', async () => {
  const { chunks } = await say('A sentence that goes on for quite a while until it ends.')
  const sizes = chunks.map((chunk) => chunk.samples.length)
  expect(sizes[0]).toBeLessThanOrEqual(0.03 * 24000)
  expect(sizes[0]).toBeGreaterThan(0)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(0.2 * 24000)
  expect(Math.max(...sizes)).toBeGreaterThan(4 * sizes[0]!)
})

test('sentences begin and end at zero and keep their pauses', async () => {
  const { chunks, samples } = await say(TEXT, { seed: 3 })
  const sentences = chunks.flatMap((chunk) => (chunk.sentence ? [chunk.sentence] : []))
  expect(sentences.map((s) => s.text)).toEqual([
    'The first one is here.',
    'The second follows it.',
    'A new paragraph begins.',
  ])
  for (const { from, to } of sentences) {
    expect(samples[Math.round(from * 24000)]).toBeCloseTo(0, 12)
    expect(samples[Math.round(to * 24000) - 1]).toBeCloseTo(0, 12)
  }
  // From the end of the last word to the start of the next one: 350 ms, 700 ms between paragraphs.
  const gap = (i: number) => sentences[i + 1]!.words[0]!.from - sentences[i]!.words.at(-1)!.to
  expect(gap(0)).toBeCloseTo(0.35, 3)
  expect(gap(1)).toBeCloseTo(0.7, 3)
  expect(sentences[2]!.to * 24000).toBeCloseTo(samples.length, 6)
  // The model's 150 ms of silence before the first word is cut to 40 ms.
  expect(sentences[0]!.words[0]!.from).toBeCloseTo(0.04, 6)
})

test('words point at their characters and follow each other in time', async () => {
  const { chunks } = await say(TEXT)
  const words = chunks.flatMap((chunk) => chunk.sentence?.words ?? [])
  expect(words.map((w) => TEXT.slice(w.start, w.end))).toEqual(words.map((w) => w.text))
  for (let i = 1; i < words.length; i++) expect(words[i]!.from).toBeGreaterThanOrEqual(words[i - 1]!.to)
})

test('symbols the acoustic model leaves out take no time from the words', async () => {
  const predict: typeof predictLetters = (phonemes, options) => predictLetters(phonemes.replaceAll('e', ''), options)
  const { chunks } = await say('Here we are.', {}, standIn({ parts: { predict } }).synthesizer)
  const words = chunks[0]!.sentence!.words.map(({ text, from, to }) => [text, Math.round((to - from) * 1000)])
  expect(words).toEqual([
    ['Here', 100],
    ['we', 50],
    ['are', 100],
  ])
})

test("phonemes share a word's time: stress belongs to its vowel, pauses inside the word to none", async () => {
  const word = { text: '2,5', start: 0, end: 3, phonemeStart: 0, phonemeEnd: 8 }
  const phonemize = () => ({ phonemes: 'tˈu, fIv', words: [word] })
  const { chunks } = await say('2,5', {}, standIn({ parts: { phonemize } }).synthesizer)
  const [time] = chunks[0]!.sentence!.words
  const at = (symbol: number) => time!.from + symbol * 0.05
  expect(time!.phonemes.map(({ phoneme }) => phoneme).join('')).toBe('tufIv')
  const [t, u, f, , v] = time!.phonemes
  expect([t!.from, t!.to, u!.from, u!.to]).toEqual([0, 1, 1, 3].map((symbol) => expect.closeTo(at(symbol), 6)))
  expect([f!.from, v!.to]).toEqual([5, 8].map((symbol) => expect.closeTo(at(symbol), 6)))
  expect(time!.to).toBe(v!.to)
})

test('a measured stream says its length with the first chunk', async () => {
  const { chunks, samples } = await say(TEXT, { measure: true })
  expect(chunks[0]!.totalSamples).toBe(samples.length)
  expect(samples.length % HOP).toBe(0)
})

test('a faster speed is shorter', async () => {
  const [fast, normal] = [await say(TEXT, { speed: 2 }), await say(TEXT)]
  expect(fast.samples.length).toBeLessThan(normal.samples.length * 0.75)
})

test('no text is refused, what has no words is a pause, and is skipped inside a text', async () => {
  await expect(say('  \n ')).rejects.toMatchObject({ code: 'INPUT_EMPTY' })
  const { chunks: marks, samples: quiet } = await say('... !!! \u{1f389}')
  expect(marks.map((c) => c.totalSamples)).toEqual([quiet.length])
  expect(quiet.length).toBeGreaterThan(0)
  expect(quiet.every((sample) => sample === 0)).toBe(true)
  const { chunks } = await say('Before. 123! After.')
  expect(chunks.flatMap((c) => (c.sentence ? [c.sentence.text] : []))).toEqual(['Before.', 'After.'])
})

test('the next sentence is prepared shortly before the current one ends', async () => {
  const { synthesizer, predicted } = standIn()
  let left = Number.POSITIVE_INFINITY
  for await (const { samples, sentence } of synthesizer.stream(`${'A long first sentence '.repeat(3)}. A second.`)) {
    if (sentence?.index === 1) break
    if (sentence) left = Math.round((sentence.to - sentence.from) * 24000)
    // Told before it is decided: the chunk just given out counts from the next one on.
    if (left > 24000) expect(predicted.length).toBe(1)
    left -= samples.length
  }
  expect(left).toBeLessThanOrEqual(0)
  expect(predicted.length).toBe(2)
})

test('an abort stops within one chunk and closes the vocoder stream', async () => {
  const { synthesizer, open } = standIn()
  const abort = new AbortController()
  const chunks = synthesizer.stream(TEXT, { signal: abort.signal })
  await chunks.next()
  expect(open()).toBe(1)
  abort.abort(new Error('stop'))
  await expect(chunks.next()).rejects.toThrow('stop')
  expect(open()).toBe(0)
})

test('an abort ends a stream that waits for text', async () => {
  const { synthesizer } = standIn()
  const abort = new AbortController()
  const next = synthesizer.speak(new LiveText(), { signal: abort.signal }).next()
  abort.abort(new Error('stop'))
  await expect(next).rejects.toThrow('stop')
})

test('a reader that leaves closes the vocoder stream', async () => {
  const { synthesizer, open } = standIn()
  for await (const _ of synthesizer.stream(TEXT)) break
  expect(open()).toBe(0)
})

test('text that comes in pieces sounds the same as the whole text', async () => {
  const { synthesizer } = standIn()
  const live = new LiveText()
  for (const piece of TEXT.match(/.{1,3}/gs)!) live.push(piece)
  live.end()
  const pieces = await all(synthesizer.speak(live, { seed: 5 }))
  expect(same(pieces, await say(TEXT, { seed: 5 }))).toBe(true)
})

test('a failing acoustic model fails the stream and leaves nothing open', async () => {
  const { synthesizer, open } = standIn({ parts: { predict: () => Promise.reject(new Error('broken')) } })
  await expect(all(synthesizer.stream(TEXT))).rejects.toThrow('broken')
  expect(open()).toBe(0)
})
