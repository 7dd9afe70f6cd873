import { FRAME_FEATURES, STEP_INPUTS, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { writeFrameFeatures } from 'sparsewave/internal/vocoder/sparse-wavernn/frame-parameters'
import { expect, test } from 'vitest'
import { EXAMPLE_ROWS, LANES } from '../../net/engine.ts'
import { Batches, type BatchState, emptyBatch, fillLane } from './batches.ts'
import { madeUpRecording, PLAIN } from './testing.ts'
import { Utterance } from './utterance.ts'

const RECORDINGS = Array.from({ length: 20 }, (_, i) => madeUpRecording(7 + (i % 4), i))
const MADE_UP = {
  count: RECORDINGS.length,
  frames: (i: number) => RECORDINGS[i]!.frames.count,
  read: (i: number) => RECORDINGS[i]!,
}
const FRAMES = 5
const options = { groups: 1, steps: FRAMES * STEPS_PER_FRAME, seed: 3, noise: 0.3 }

function open(seed = 3, state?: BatchState) {
  const loaded: number[] = []
  const load = (i: number) => {
    loaded.push(i)
    return RECORDINGS[i]!
  }
  const recordings = { ...MADE_UP, read: load }
  return { batches: new Batches(recordings, PLAIN, { ...options, seed }, state), loaded }
}

const next = (batches: Batches) => batches.next(emptyBatch(options.groups, options.steps))

test('every recording is read once an epoch, in an order of its own that follows from the seed', () => {
  const { batches, loaded } = open()
  while (batches.epochs < 3) next(batches)
  const n = RECORDINGS.length
  const epochs = [0, 1, 2].map((e) => loaded.slice(e * n, (e + 1) * n))
  for (const order of epochs) expect([...order].sort((a, b) => a - b)).toEqual(RECORDINGS.map((_, i) => i))
  expect(epochs[0]).not.toEqual(epochs[1])
  expect(epochs[1]).not.toEqual(epochs[2])

  const again = open()
  while (again.batches.epochs < 3) next(again.batches)
  expect(again.loaded).toEqual(loaded)
  const other = open(4)
  while (other.batches.epochs < 1) next(other.batches)
  expect(other.loaded.slice(0, n)).not.toEqual(epochs[0])
})

test('from a saved state the same batches follow, bit for bit', () => {
  const { batches } = open()
  for (let i = 0; i < 4; i++) next(batches)
  const state = JSON.parse(JSON.stringify(batches.state())) as BatchState
  const resumed = open(3, state).batches
  expect(resumed.epochs).toBe(batches.epochs)
  // Long enough for every lane to turn over, into the next epoch.
  for (let i = 0; i < 8; i++) {
    const [a, b] = [next(resumed), next(batches)]
    expect(a.fresh).toEqual(b.fresh)
    for (const part of ['examples', 'frames', 'weights'] as const)
      expect(Buffer.from(a.batch[part].buffer).equals(Buffer.from(b.batch[part].buffer))).toBe(true)
    expect(resumed.state()).toEqual(batches.state())
  }
})

test('lanes begin fresh at different places of their first recordings; later ones at the start of theirs', () => {
  const { batches } = open()
  expect(next(batches).fresh).toEqual(Array.from({ length: LANES }, (_, l) => l))
  expect(new Set(batches.state().lanes.map((l) => l.frame)).size).toBeGreaterThan(3)
  let turns = 0
  for (let i = 0; i < 6; i++) {
    const before = batches.state().lanes
    const { fresh } = next(batches)
    const after = batches.state().lanes
    for (let lane = 0; lane < LANES; lane++) {
      const turned = after[lane]!.draw !== before[lane]!.draw
      expect(fresh.includes(lane)).toBe(turned)
      expect(after[lane]!.frame).toBe((turned ? 0 : before[lane]!.frame) + FRAMES)
      if (turned) turns++
    }
  }
  expect(turns).toBeGreaterThan(LANES)
})

test('a lane goes through its recording step by step, and has weight 0 past the end', () => {
  const u = new Utterance(madeUpRecording(7, 1), 0, 0)
  const normalization = {
    mean: new Float32Array(FRAME_FEATURES).fill(0.5),
    std: new Float32Array(FRAME_FEATURES).fill(2),
  }
  const lane = 21
  const l = lane % LANES
  const features = new Float32Array(FRAME_FEATURES)
  const example = new Float32Array(EXAMPLE_ROWS)
  for (const start of [0, 5]) {
    const batch = emptyBatch(2, options.steps)
    // What an earlier batch left behind must not stay.
    for (const part of [batch.examples, batch.frames, batch.weights]) part.fill(9)
    fillLane(batch, lane, u, start, normalization)
    for (let f = -1; f <= FRAMES; f++) {
      writeFrameFeatures(u.frames, Math.min(Math.max(start + f, 0), 6), features, 0)
      for (const i of [0, 63, 64, 65]) {
        const at = ((FRAMES + 2 + f + 1) * FRAME_FEATURES + i) * LANES + l
        expect(batch.frames[at]).toBeCloseTo((features[i]! - 0.5) / 2, 6)
      }
    }
    const weights = Array.from({ length: FRAMES }, (_, f) => batch.weights[(FRAMES + f) * LANES + l])
    expect(weights).toEqual(start === 0 ? [1, 1, 1, 1, 1] : [1, 1, 0, 0, 0])
    for (let i = 0; i < options.steps; i++) {
      const t = start * STEPS_PER_FRAME + i
      example.fill(0)
      if (t < u.steps) u.write(t, example, 0, 1)
      const at = (options.steps + i) * EXAMPLE_ROWS * LANES + l
      expect(Array.from(example, (_, k) => batch.examples[at + k * LANES])).toEqual([...example])
    }
    // Other lanes are as they were.
    expect(batch.examples[options.steps * EXAMPLE_ROWS * LANES + ((l + 1) % LANES)]).toBe(9)
  }
})

test('recordings carry noise of different strength up to the one asked for; without noise they carry none', () => {
  const deviation = (noise: number, steps: number) => {
    const batches = new Batches(MADE_UP, PLAIN, { ...options, noise })
    const clean = new Batches(MADE_UP, PLAIN, { ...options, noise: 0 })
    const [a, b] = [next(batches), next(clean)]
    return Array.from({ length: LANES }, (_, l) => {
      let sum = 0
      for (let i = 0; i < steps * EXAMPLE_ROWS; i++) {
        if (i % EXAMPLE_ROWS < STEP_INPUTS.count)
          sum += Math.abs(a.batch.examples[i * LANES + l]! - b.batch.examples[i * LANES + l]!)
      }
      return sum
    })
  }
  expect(Math.max(...deviation(0, 30))).toBe(0)
  const noisy = deviation(0.3, 30)
  expect(Math.min(...noisy)).toBeGreaterThan(0)
  expect(Math.max(...noisy) / Math.min(...noisy)).toBeGreaterThan(5)
})
