/** Every engine of the machine against the definition, and against itself with events handed over in other portions. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createFrames, ENVELOPE_POINTS, type Frames, HOP, sliceFrames } from '../../../frames.ts'
import { Random } from '../../../random.ts'
import { createSourceFilter } from '../index.ts'
import { definitionEngine } from './definition.ts'
import { availableEngines, createEvents, type EventEngine, LEVEL_SIZE, LEVEL_STEP, RING } from './index.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Voiced and unvoiced stretches of random lengths, F0 of 30 to 600 Hz, rough envelopes of 120 dB in all. */
function randomFrames(count: number, seed: number): Frames {
  const random = new Random(seed)
  const frames = createFrames(count)
  let f0 = 0
  for (let i = 0; i < count; i++) {
    if (random.uniform() < 0.1) f0 = random.uniform() < 0.5 ? 0 : 30 * 20 ** random.uniform()
    frames.f0[i] = f0 * (1 + 0.02 * random.normal())
    const level = -4 - 10 * random.uniform()
    for (let k = 0; k < ENVELOPE_POINTS; k++) frames.envelope[i * ENVELOPE_POINTS + k] = level - 14 * random.uniform()
  }
  return frames
}

/** Pushes and reads in random portions, of `frames` frames at most. */
async function synthesize(engine: EventEngine, frames: Frames, seed: number, most: number): Promise<Float32Array> {
  const stream = createSourceFilter(engine).open({ seed })
  const random = new Random(seed, most)
  const out = new Float32Array(frames.count * HOP)
  let at = 0
  for (let pushed = 0; pushed < frames.count; ) {
    const next = Math.min(frames.count, pushed + 1 + random.below(most))
    await stream.push(sliceFrames(frames, pushed, next))
    pushed = next
    if (pushed === frames.count) await stream.end()
    for (;;) {
      const n = stream.read(out.subarray(at, at + 1 + random.below(most * HOP)))
      if (n === 0) break
      at += n
    }
  }
  expect(at).toBe(out.length)
  stream.close()
  return out
}

const natives = availableEngines().filter(({ name }) => name !== 'typescript')
const BOUNDS = { upper: 150, residual: 2 ** 0.25, overshoot: 2 }

for (const engine of availableEngines())
  test(`${engine.name}: the samples do not depend on the portions`, async () => {
    const frames = randomFrames(150, 4)
    const whole = await synthesize(engine, frames, 7, 150)
    expect(whole.some((v) => v !== 0)).toBe(true)
    for (const most of [1, 3, 40]) expect(await synthesize(engine, frames, 7, most)).toEqual(whole)
  })

test.each(natives)('$name: samples are within 2e-6 of the loudest of the definition', async (engine) => {
  for (const seed of [1, 2, 3]) {
    const frames = randomFrames(300, seed)
    const want = await synthesize(definitionEngine(), frames, seed, 50)
    const got = await synthesize(engine, frames, seed, 50)
    const peak = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
    const worst = want.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i]!)), 0)
    expect(peak).toBeGreaterThan(0.01)
    expect(worst / peak).toBeLessThan(2e-6)
  }
})

test.each(natives)(
  '$name: levels are within 2e-6 of the loudest of the definition, whatever is handed over together',
  (engine) => {
    const random = new Random(9)
    const frames = 21
    const noise = (level: number) =>
      Float32Array.from(
        { length: LEVEL_SIZE + (frames - 1) * LEVEL_STEP },
        (_, n) => level * (1 + Math.sin(n / 700)) * random.normal(),
      )
    const [signal, target] = [noise(0.1), noise(0.05)]
    const matched = (by: EventEngine, together: number) => {
      const sum = new Float32Array(signal!.length)
      for (let i = 0; i < frames; i += together) {
        const at = i * LEVEL_STEP
        by.matchLevels(
          Math.min(together, frames - i),
          signal!.subarray(at),
          target!.subarray(at),
          sum.subarray(at),
          BOUNDS,
        )
      }
      return sum
    }
    const want = matched(definitionEngine(), 1)
    const got = matched(engine, engine.lanes)
    expect(matched(engine, 1)).toEqual(got)
    const peak = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
    const worst = want.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i]!)), 0)
    expect(peak).toBeGreaterThan(0.1)
    expect(worst / peak).toBeLessThan(2e-6)
    expect(() => engine.matchLevels(engine.lanes + 1, signal!, target!, want, BOUNDS)).toThrow('too many')
    expect(() => engine.matchLevels(1, signal!, target!.subarray(1, LEVEL_SIZE), want, BOUNDS)).toThrow('arrays')
    expect(() => engine.matchLevels(1, signal!, target!, want, { ...BOUNDS, upper: 257 })).toThrow('bounds')
    expect(() => engine.matchLevels(1, signal!, target!, want, { ...BOUNDS, residual: 0.5 })).toThrow('bounds')
  },
)

test.each(natives)('$name: events that do not fit are refused', (engine) => {
  const stream = engine.open(1)
  const events = createEvents(engine.lanes)
  const event = (start: number, delay = 0, period = 100) => {
    events.count = 1
    events.start[0] = start
    events.delay[0] = delay
    events.period[0] = period
    events.length[0] = 100
    return events
  }
  stream.add(event(RING - 1024))
  for (const start of [-1, RING, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => stream.add(event(start))).toThrow('outside')
  expect(() => stream.add(event(0, 2))).toThrow('delay')
  expect(() => stream.add(event(0, 0, Number.NaN))).toThrow('period')
  expect(() => stream.add({ ...events, count: engine.lanes + 1 })).toThrow('too many')
  expect(() => stream.add({ ...event(0), envelope: new Float32Array(63) })).toThrow('arrays')
  expect(() => stream.emit(new Float32Array(10), 5, 6)).toThrow('too short')
  stream.close()
  stream.close()
  expect(() => stream.emit(new Float32Array(10), 0, 1)).toThrow('closed')
})

test.each(natives)('$name: adding and emitting leave no garbage', (engine) => {
  const stream = engine.open(1)
  const out = new Float32Array(HOP)
  const events = createEvents(engine.lanes)
  events.count = engine.lanes
  events.length.fill(HOP)
  let read = 0
  let least = Number.POSITIVE_INFINITY
  // Compilation leaves garbage of its own for a while, so the best of some rounds counts.
  for (let round = 0; round < 20 && least >= 10_000; round++) {
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 500; i++) {
      events.start.fill(read)
      stream.add(events)
      stream.emit(out, 0, HOP)
      read += HOP
    }
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  expect(least).toBeLessThan(10_000)
  stream.close()
})
