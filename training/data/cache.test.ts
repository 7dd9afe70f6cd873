import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { analyze } from 'sparsewave/internal/analysis/index'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildCache, readCached } from './cache.ts'
import { readCorpus } from './corpus.ts'

let dir: string
let cache: string
const tone = Float32Array.from({ length: 7200 }, (_, n) => {
  let sum = 0
  for (let k = 1; k < 20; k++) sum += Math.cos((2 * Math.PI * 150 * k * n) / 24000)
  return Math.round((sum / 40) * 32768) / 32768
})

/** The one cached file of a field, whatever the field's version. */
const cached = (field: string): string =>
  path.join(cache, readdirSync(cache).find((name) => name.startsWith(`${field}-`))!, 'a.bin')

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'cache-'))
  cache = path.join(dir, 'cache')
  writeFileSync(path.join(dir, 'a.wav'), encodeWav(tone))
  writeFileSync(path.join(dir, 'corpus.jsonl'), JSON.stringify({ id: 'a', audio: 'a.wav', text: 'a' }))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('cached samples and frames are those of the recording', async () => {
  await buildCache(readCorpus(dir), cache)
  const { samples, frames } = readCached(cache, 'a')
  expect(samples).toHaveLength(tone.length)
  expect(samples[1000]! / 32768).toBeCloseTo(tone[1000]!, 4)
  const expected = analyze(Float32Array.from(samples, (v) => v / 32768))
  expect(frames).toEqual(expected)
})

test('what is cached is not computed again, until the recording changes', async () => {
  await buildCache(readCorpus(dir), cache)
  const stamp = () => statSync(cached('f0')).ino
  const first = stamp()
  const calls: number[] = []
  await buildCache(readCorpus(dir), cache, { progress: ({ done }) => calls.push(done) })
  expect(stamp()).toBe(first)
  expect(calls).toEqual([1])
  const later = new Date(Date.now() + 60_000)
  utimesSync(path.join(dir, 'a.wav'), later, later)
  await buildCache(readCorpus(dir), cache)
  expect(stamp()).not.toBe(first)
})

test('a field that is lost is computed alone', async () => {
  await buildCache(readCorpus(dir), cache)
  const audio = statSync(cached('audio')).ino
  rmSync(cached('f0'))
  expect(() => readCached(cache, 'a')).toThrow(expect.objectContaining({ code: 'CORPUS_MISSING' }))
  await buildCache(readCorpus(dir), cache)
  expect(readCached(cache, 'a').frames.count).toBe(61)
  expect(statSync(cached('audio')).ino).toBe(audio)
})
