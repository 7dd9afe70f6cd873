import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { encodeSafetensors } from 'sparsewave/internal/vocoder/sparse-wavernn/safetensors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { syntheticMasks, syntheticParameters } from '../../engines/synthetic.ts'
import { CHECKPOINT_FILE, newestCheckpoint } from '../../net/checkpoint-files.ts'
import { maskedSegments, parameterLayout } from '../../net/vocoder-layout.ts'
import { type Checkpoint, readCheckpoint, readNewestCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { PLAIN, TINY_NET } from './testing.ts'

const layout = parameterLayout(TINY_NET)
const PREVIOUS = 'checkpoint.previous.safetensors'
let run: string
let file: string
beforeEach(() => {
  run = mkdtempSync(path.join(tmpdir(), 'checkpoint-'))
  file = path.join(run, CHECKPOINT_FILE)
})
afterEach(() => rmSync(run, { recursive: true }))

const make = (update: number): Checkpoint => ({
  net: TINY_NET,
  update,
  adamStep: update - 1,
  rateScale: 0.5,
  smoothed: 1 / 3,
  audioSeconds: 0.1 + 0.2,
  wallSeconds: 12.25,
  maskMethod: 'random',
  batches: { draws: 17, lanes: Array.from({ length: 16 }, (_, i) => ({ draw: i, frame: 5 * i })) },
  normalization: PLAIN,
  parameters: syntheticParameters(layout, update),
  first: syntheticParameters(layout, update + 1),
  second: syntheticParameters(layout, update + 2),
  average: syntheticParameters(layout, update + 3),
  state: new Float32Array(32 * 16).map((_, i) => Math.sin(i)),
  masks: Object.fromEntries(syntheticMasks(layout, update)),
})

test('what is read is what was written, bit for bit', () => {
  const c = make(4)
  writeCheckpoint(run, c)
  expect(readCheckpoint(file)).toEqual(c)
  expect(Object.keys(readCheckpoint(file).masks)).toEqual(maskedSegments(layout).map((s) => s.name))
})

test('the newest checkpoint is read and the one before is kept; nothing is left aside', () => {
  expect(readNewestCheckpoint(run)).toBeUndefined()
  for (const update of [1, 2, 3]) writeCheckpoint(run, make(update))
  expect(readNewestCheckpoint(run)!.update).toBe(3)
  expect(readCheckpoint(path.join(run, PREVIOUS)).update).toBe(2)
  expect(readdirSync(run).sort()).toEqual([PREVIOUS, CHECKPOINT_FILE])
})

test('a process that ended while writing loses nothing: half a file aside is ignored, then replaced', () => {
  writeCheckpoint(run, make(1))
  writeFileSync(`${file}.part`, readFileSync(file).subarray(0, 1000))
  expect(readNewestCheckpoint(run)!.update).toBe(1)
  writeCheckpoint(run, make(2))
  expect(readNewestCheckpoint(run)!.update).toBe(2)
  expect(existsSync(`${file}.part`)).toBe(false)
})

test('a process that ended between the two renames leaves the previous one', () => {
  for (const update of [1, 2]) writeCheckpoint(run, make(update))
  rmSync(file)
  expect(readNewestCheckpoint(run)!.update).toBe(1)
})

test('when the newest is damaged the one before is read; when both are, the newest is named', () => {
  for (const update of [1, 2]) writeCheckpoint(run, make(update))
  truncateSync(file, 5000)
  expect(readNewestCheckpoint(run)!.update).toBe(1)
  truncateSync(path.join(run, PREVIOUS), 5)
  expect(() => readNewestCheckpoint(run)).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringContaining(file) }),
  )
})

test.each([
  ['no file', undefined, /cannot be read \(ENOENT\)/],
  ['an empty file', new Uint8Array(0), /too short/],
  ['text', new TextEncoder().encode('this is not a checkpoint'), /header/],
  ['tensors of something else', encodeSafetensors([], { format: 'sparsewave-1' }), /not a checkpoint of this version/],
  [
    'a checkpoint that lacks a tensor',
    encodeSafetensors([], { format: 'sparsewave-checkpoint-1', progress: JSON.stringify({ net: {} }) }),
    /tensor normalization\.mean is missing/,
  ],
])('%s is refused by name', (_, bytes, message) => {
  if (bytes) writeFileSync(file, bytes)
  expect(() => readCheckpoint(file)).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringMatching(message) }),
  )
  expect(() => readCheckpoint(file)).toThrow(file)
})

test('every flipped byte is noticed, and what is said names the checkpoint that is gone on from', () => {
  for (const update of [1, 2]) writeCheckpoint(run, make(update))
  const whole = readFileSync(file)
  const header = 8 + Number(whole.readBigUInt64LE(0))
  // All of the header, and a sample of the data.
  const places = [
    ...Array.from({ length: Math.ceil(header / 3) }, (_, i) => 3 * i),
    ...Array.from({ length: 200 }, (_, i) => header + Math.floor(((whole.length - header) * i) / 200)),
  ]
  for (const [i, at] of places.entries()) {
    const flipped = Buffer.from(whole)
    flipped[at]! ^= 1 << (i % 8)
    writeFileSync(file, flipped)
    expect(() => readCheckpoint(file), `byte ${at}`).toThrow(expect.objectContaining({ code: 'CHECKPOINT_INVALID' }))
  }
  const lines: string[] = []
  expect(newestCheckpoint(run, readCheckpoint, (line) => lines.push(line))!.update).toBe(1)
  expect(lines).toEqual([
    expect.stringMatching(/checkpoint\.safetensors: .*checksum\. Going on from the one before, .*previous/),
  ])
})
