import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readUtterance } from './audio.ts'
import { readCorpus, split } from './corpus.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'corpus-'))
  mkdirSync(path.join(dir, 'wavs'))
  for (const id of ['a1', 'a2']) writeFileSync(path.join(dir, 'wavs', `${id}.wav`), encodeWav(new Float32Array(1700)))
})
afterEach(() => rmSync(dir, { recursive: true }))

const LINE = { id: 'a1', audio: 'wavs/a1.wav', samples: 1800, text: 'a', phonemes: 'A', durations: [1, 1, 1] }
const write = (...lines: object[]) =>
  writeFileSync(path.join(dir, 'corpus.jsonl'), lines.map((l) => `${JSON.stringify(l)}\n`).join(''))

test('corpus.jsonl gives utterances with absolute audio paths, whatever else its lines hold', () => {
  write({ ...LINE, words: [], source: 'x' }, { ...LINE, id: 'a2' })
  const utterances = readCorpus(dir)
  expect(utterances.map((u) => u.id)).toEqual(['a1', 'a2'])
  expect(utterances[0]).toMatchObject({ audio: path.join(dir, 'wavs', 'a1.wav'), phonemes: 'A', durations: [1, 1, 1] })
})

test('audio is padded to the samples the corpus names', async () => {
  write(LINE)
  expect(await readUtterance(readCorpus(dir)[0]!)).toHaveLength(1800)
})

test("LJSpeech's layout gives the normalised text and no durations", async () => {
  writeFileSync(path.join(dir, 'metadata.csv'), 'a1|Dr. A|Doctor A\r\na2|plain\n')
  const utterances = readCorpus(dir)
  expect(utterances.map((u) => u.text)).toEqual(['Doctor A', 'plain'])
  expect(utterances[0]!.durations).toBeUndefined()
  expect(await readUtterance(utterances[0]!)).toHaveLength(1700)
})

test.each([
  ['no JSON', '{', /line 2: it is not JSON/],
  ['a missing key', JSON.stringify({ id: 'a2' }), /line 2: audio/],
  ['an id that leaves the cache', JSON.stringify({ ...LINE, id: '../a2' }), /line 2: id/],
  ['an id used twice', JSON.stringify(LINE), /line 2: the id a1 was used before/],
  ['a missing recording', JSON.stringify({ ...LINE, id: 'a3', audio: 'a3.wav' }), /line 2: .*a3\.wav does not exist/],
  ['too few durations', JSON.stringify({ ...LINE, id: 'a2', durations: [3] }), /line 2: 1 phonemes need 3 durations/],
  ['durations of another length', JSON.stringify({ ...LINE, id: 'a2', samples: 600 }), /line 2: durations sum to 1800/],
])('%s is refused by line', (_, line, message) => {
  writeFileSync(path.join(dir, 'corpus.jsonl'), `${JSON.stringify(LINE)}\n${line}\n`)
  expect(() => readCorpus(dir)).toThrow(message)
  expect(() => readCorpus(dir)).toThrow(expect.objectContaining({ code: 'CORPUS_INVALID' }))
})

test('a folder without a corpus, and an empty corpus, are missing', () => {
  expect(() => readCorpus(dir)).toThrow(expect.objectContaining({ code: 'CORPUS_MISSING' }))
  write()
  expect(() => readCorpus(dir)).toThrow(expect.objectContaining({ code: 'CORPUS_MISSING' }))
})

test('the last digit of the id decides the split', () => {
  expect(['u00017', 'u00073', 'u00030'].map(split)).toEqual(['test', 'validation', 'train'])
})
