import { expect, test } from 'vitest'
import { ENVELOPE_POINTS, type Frames } from '../frames.ts'
import { atLength, atRate, netRate } from './tempo.ts'

/** 40 frames that stand still, 10 that move, 40 that stand still; voiced but for the last 20. */
const speech = (): Frames => {
  const count = 90
  const level = (f: number): number => (f < 40 ? 0 : f < 50 ? f - 40 : 10)
  return {
    count,
    f0: Float32Array.from({ length: count }, (_, f) => (f < 70 ? 100 + f : 0)),
    envelope: Float32Array.from({ length: count * ENVELOPE_POINTS }, (_, i) => level(Math.floor(i / ENVELOPE_POINTS))),
  }
}
const DURATIONS = Int32Array.of(40, 10, 40)
const sum = (values: Int32Array): number => values.reduce((a, b) => a + b, 0)

test('at their own length frames are what they were', () => {
  const frames = speech()
  expect(atLength({ frames, durations: DURATIONS }, 90, 'steady')).toEqual({ frames, durations: DURATIONS })
})

test.each([1, 12, 30, 45, 60, 89, 91, 135, 180, 360])(
  '%i frames are exactly so many, and so are their symbols',
  (length) => {
    const { frames, durations } = atLength({ frames: speech(), durations: DURATIONS }, length, 'steady')
    expect(frames.count).toBe(length)
    expect(frames.f0).toHaveLength(length)
    expect(frames.envelope).toHaveLength(length * ENVELOPE_POINTS)
    expect(sum(durations)).toBe(length)
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(0)
    for (const v of frames.envelope) expect(v).toSatisfy((x: number) => x >= 0 && x <= 10)
  },
)

test('steady sounds give way before movements do', () => {
  const { durations } = atLength({ frames: speech(), durations: DURATIONS }, 45, 'steady')
  // Half the time: evenly each symbol would have half of its own.
  expect(durations[1]! / 10).toBeGreaterThan(0.7)
  expect(durations[0]! / 40).toBeLessThan(0.5)
  expect(durations[2]! / 40).toBeLessThan(0.5)
})

test('what is longer is stretched evenly', () => {
  expect([...atLength({ frames: speech(), durations: DURATIONS }, 180, 'steady').durations]).toEqual([80, 20, 80])
})

test('pitch goes over continuously, and voicing changes once', () => {
  const { frames } = atLength({ frames: speech(), durations: DURATIONS }, 45, 'steady')
  const voiced = frames.f0.map((v) => (v > 0 ? 1 : 0))
  expect(voiced.slice(1).filter((v, i) => v !== voiced[i])).toHaveLength(1)
  const own = frames.f0.filter((v) => v > 0)
  own.forEach((v, i) => {
    if (i > 0) expect(v).toBeGreaterThan(own[i - 1]!)
  })
})

test('silence alone, where nothing moves, is cut evenly', () => {
  const frames = { count: 40, f0: new Float32Array(40), envelope: new Float32Array(40 * ENVELOPE_POINTS).fill(-20) }
  const short = atLength({ frames, durations: Int32Array.of(20, 20) }, 10, 'steady')
  expect([...short.durations]).toEqual([5, 5])
  expect(new Set(short.frames.envelope)).toEqual(new Set([-20]))
})

test.each([
  [0.25, 0.5],
  [1, 1],
  [1.2, 1.2],
  [2, 2],
  [4, 2],
])('of a rate of %d the durations take %d', (rate, own) => {
  expect(netRate(rate)).toBe(own)
})

test('beyond a rate of 2 everything gives way evenly', () => {
  const made = { frames: speech(), durations: DURATIONS }
  expect(atRate(made, 90, 2)).toEqual(atLength(made, 45, 'steady'))
  expect(atRate(made, 90, 3)).toEqual(atLength(made, 30, 'even'))
})
