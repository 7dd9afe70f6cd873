/** The error rate counts edits against the reference, with and without stress and marks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { phonemeErrors, readReference } from './evaluate.ts'

test('right phonemes have no errors, wrong ones are counted by edits', () => {
  const right = { id: 'a', text: 'The cat sat.', phonemes: 'ðə kˈæt sˈæt.' }
  expect(phonemeErrors([right])).toMatchObject({ sentences: 1, all: 0, sounds: 0, exact: 1 })
  // One stress too few, one sound another: 2 edits of 12 symbols, 1 of 8 sounds.
  const wrong = phonemeErrors([{ ...right, phonemes: 'ðə kæt sˈɑt.' }])
  expect(wrong.all).toBeCloseTo(2 / 12)
  expect(wrong.sounds).toBeCloseTo(1 / 8)
  expect(wrong.exact).toBe(0)
})

test('a corpus that is missing or broken is named', () => {
  expect(() => readReference('/no/such/corpus')).toThrow(expect.objectContaining({ code: 'CORPUS_MISSING' }))
  const folder = mkdtempSync(path.join(tmpdir(), 'corpus-'))
  try {
    writeFileSync(path.join(folder, 'corpus.jsonl'), '{"id":"a","text":"x","phonemes":"y"}\n{"id":"b"}\n')
    expect(() => readReference(folder)).toThrow(/line 2: id, text or phonemes is missing/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
