import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { JobContext } from '../../net/context.ts'
import { learningRate } from '../../net/schedule.ts'
import { readNewestCheckpoint } from './checkpoint.ts'
import { acousticJobSchema } from './config.ts'
import { TINY } from './testing.ts'
import { trainAcoustic } from './train.ts'

let dir: string
const never = new AbortController().signal
const context = (over: Partial<JobContext> = {}): JobContext => ({
  resume: false,
  minutes: undefined,
  signal: never,
  report: () => {},
  warn: () => {},
  ...over,
})

/** A tone whose pitch follows the utterance. */
function tone(units: number, hertz: number): Float32Array {
  return Float32Array.from({ length: units * 600 }, (_, n) => {
    let sum = 0
    for (let k = 1; k < 8; k++) sum += Math.sin((2 * Math.PI * hertz * k * n) / 24000) / 8
    return sum
  })
}

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'acoustic-run-'))
  const lines = ['a', 'b', 'c3'].map((id, i) => {
    writeFileSync(path.join(dir, `${id}.wav`), encodeWav(tone(6, 120 + 40 * i)))
    return { id, audio: `${id}.wav`, samples: 3600, text: id, phonemes: 'ab', durations: [1, 2, 2, 1] }
  })
  writeFileSync(path.join(dir, 'corpus.jsonl'), lines.map((l) => `${JSON.stringify(l)}\n`).join(''))
})
afterEach(() => rmSync(dir, { recursive: true }))

const job = (run: string, training: Record<string, unknown> = {}) =>
  acousticJobSchema.parse({
    task: 'acoustic',
    corpus: dir,
    run: path.join(dir, run),
    cache: path.join(dir, 'cache'),
    engine: 'cpu',
    model: TINY,
    training: { updates: 3, batchUnits: 6, warmup: 1, ...training },
    validation: { every: 2, utterances: 1 },
  })

test('a run that was stopped and resumed ends like one that was not', async () => {
  await trainAcoustic(job('whole'), context())
  const stop = new AbortController()
  await trainAcoustic(
    job('halves'),
    context({ signal: stop.signal, report: (p) => p.stage === 'train' && stop.abort() }),
  )
  expect(readNewestCheckpoint(path.join(dir, 'halves'))!.update).toBe(1)
  await trainAcoustic(job('halves'), context({ resume: true }))

  const { wallSeconds: _, ...whole } = readNewestCheckpoint(path.join(dir, 'whole'))!
  const { wallSeconds: __, ...halves } = readNewestCheckpoint(path.join(dir, 'halves'))!
  expect(whole.update).toBe(3)
  expect(halves).toEqual(whole)
  const log = readFileSync(path.join(dir, 'whole', 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
  expect(
    log
      .map((l) => JSON.parse(l))
      .filter((l) => l.event === 'validation')
      .map((l) => l.update),
  ).toEqual([2, 3])
})

test('a learning rate that diverges is lowered, and given up on at last', async () => {
  const warnings: string[] = []
  await expect(
    trainAcoustic(job('wild', { learningRate: 1e37, updates: 9 }), context({ warn: (w) => warnings.push(w) })),
  ).rejects.toMatchObject({ code: 'TRAINING_DIVERGED' })
  expect(warnings.length).toBe(5)
  expect(readNewestCheckpoint(path.join(dir, 'wild'))!.rateScale).toBe(1 / 32)
})

test('a checkpoint of another model is not resumed', async () => {
  await trainAcoustic(job('a', { updates: 1 }), context())
  const other = { ...job('a'), model: { ...TINY, pitchChannels: 5 } }
  await expect(trainAcoustic(other, context({ resume: true }))).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' })
})

test('a corpus without durations cannot train it', async () => {
  writeFileSync(path.join(dir, 'corpus.jsonl'), JSON.stringify({ id: 'a', audio: 'a.wav', text: 'a' }))
  await expect(trainAcoustic(job('a'), context())).rejects.toMatchObject({
    code: 'CORPUS_INVALID',
    message: expect.stringContaining('Utterance a'),
  })
})

test('the learning rate warms up, then falls to its final share', () => {
  const { training } = job('x', { updates: 1000, warmup: 100, learningRate: 1e-3, finalRate: 0.02 })
  expect(learningRate(training, 0, 0 / training.updates)).toBeCloseTo(1e-5, 7)
  expect(learningRate(training, 100, 100 / training.updates)).toBeGreaterThan(9e-4)
  expect(learningRate(training, 1000, 1000 / training.updates)).toBeCloseTo(2e-5, 9)
})
