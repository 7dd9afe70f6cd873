import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { Random } from 'sparsewave/internal/random'
import { describe, expect, test } from 'vitest'
import { type Images, readCifar10, readMnist } from './images.ts'
import { type ClassifierOptions, trainClassifier } from './train.ts'

const folder = () => mkdtempSync(path.join(tmpdir(), 'images-'))

/** Images of 4 x 4 whose class is where they are bright. */
function madeUp(count: number, seed: number): Images {
  const random = new Random(seed)
  const labels = new Uint8Array(count).map(() => random.below(10))
  const pixels = new Uint8Array(count * 16).map(
    (_, i) => random.below(60) + (i % 16 === labels[Math.floor(i / 16)] ? 150 : 0),
  )
  return { size: 16, pixels, labels }
}

function idx(sizes: readonly number[], data: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + 4 * sizes.length + data.length)
  const view = new DataView(out.buffer)
  view.setUint32(0, 0x800 + sizes.length)
  for (const [i, size] of sizes.entries()) view.setUint32(4 + 4 * i, size)
  out.set(data, 4 + 4 * sizes.length)
  return out
}

function writeIdx(dir: string): { train: Images; test: Images } {
  const train = madeUp(60, 1)
  const test = madeUp(32, 2)
  for (const [prefix, { pixels, labels }] of Object.entries({ train, t10k: test })) {
    writeFileSync(path.join(dir, `${prefix}-images-idx3-ubyte.gz`), gzipSync(idx([labels.length, 4, 4], pixels)))
    writeFileSync(path.join(dir, `${prefix}-labels-idx1-ubyte`), idx([labels.length], labels))
  }
  return { train, test }
}

describe('reading', () => {
  test('IDX files, gzipped or not; the last sixth of the training images is held out', () => {
    const dir = folder()
    const { train, test } = writeIdx(dir)
    const read = readMnist(dir)
    expect([...read.train.labels]).toEqual([...train.labels.slice(0, 50)])
    expect([...read.validation.labels]).toEqual([...train.labels.slice(50)])
    expect([...read.validation.pixels]).toEqual([...train.pixels.slice(800)])
    expect([...read.test.pixels]).toEqual([...test.pixels])
  })

  test('CIFAR-10 batches', () => {
    const dir = folder()
    const record = (label: number) => Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? label : (i * label) % 251))
    for (let i = 1; i <= 5; i++)
      writeFileSync(path.join(dir, `data_batch_${i}.bin`), Buffer.concat([record(i), record(i + 1)]))
    writeFileSync(path.join(dir, 'test_batch.bin'), record(9))
    const { train, validation, test } = readCifar10(dir)
    expect([...train.labels, ...validation.labels]).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    expect(train.pixels.slice(3072, 6144)).toEqual(record(2).slice(1))
    expect([...test.labels]).toEqual([9])
  })

  test('missing, cut and foreign files are refused by name', () => {
    const dir = folder()
    expect(() => readMnist(dir)).toThrow(/train-images-idx3-ubyte is missing/)
    writeIdx(dir)
    writeFileSync(path.join(dir, 't10k-labels-idx1-ubyte'), idx([32], new Uint8Array(31)))
    expect(() => readMnist(dir)).toThrow(/t10k-labels-idx1-ubyte has 31 bytes of data where its header says 32/)
    writeFileSync(path.join(dir, 't10k-labels-idx1-ubyte'), 'not an IDX file')
    expect(() => readMnist(dir)).toThrow(/t10k-labels-idx1-ubyte is no IDX file/)
    writeFileSync(path.join(dir, 't10k-labels-idx1-ubyte'), idx([32], new Uint8Array(32).fill(10)))
    expect(() => readMnist(dir)).toThrow(/label above 9/)
  })
})

const data = (() => {
  const train = madeUp(800, 3)
  let sum = 0
  for (const v of train.pixels) sum += v
  return { train, validation: madeUp(160, 4), test: madeUp(160, 5), mean: sum / train.pixels.length, deviation: 50 }
})()

const options = (masks: ClassifierOptions['masks'], density: number): ClassifierOptions => ({
  net: { inputs: 16, hidden: [32, 16], density },
  masks,
  seed: 1,
  gmacs: 0.03,
  batch: 64,
  learningRate: 0.01,
  split: 'test',
  points: 5,
})

test('every kind of method learns within its budget, and a seed gives the same figures', async () => {
  const hybrid = { method: 'hybrid-es', pairs: 2, accumulate: 10 }
  for (const [masks, density] of [
    [{ method: 'random' }, 0.5],
    [{ method: 'dense' }, 1],
    [{ method: 'magnitude-pruning', every: 5 }, 0.5],
    [{ method: 'rigl', every: 10 }, 0.5],
    [{ method: 'hard-concrete' }, 0.5],
    [hybrid, 0.5],
  ] as const) {
    const made = await trainClassifier(data, options(masks, density))
    expect(made.error).toBeLessThan(60)
    expect(made.gmacs).toBeGreaterThanOrEqual(0.03)
    expect(made.gmacs).toBeLessThan(0.0315)
    expect(made.curve).toHaveLength(5)
  }
  const first = await trainClassifier(data, options(hybrid, 0.5))
  expect(await trainClassifier(data, options(hybrid, 0.5))).toEqual(first)
})
