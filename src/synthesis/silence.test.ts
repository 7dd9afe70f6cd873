import { expect, test } from 'vitest'
import { createFrames, ENVELOPE_POINTS } from '../frames.ts'
import { trimSilence } from './silence.ts'

/** Frames of the given levels, dB. */
function framesOf(levels: readonly number[]) {
  const frames = createFrames(levels.length)
  for (const [i, level] of levels.entries()) {
    frames.f0[i] = i + 1
    frames.envelope.fill((level * Math.LN10) / 10, i * ENVELOPE_POINTS, (i + 1) * ENVELOPE_POINTS)
  }
  return frames
}
const of = (level: number, count: number): number[] => Array.from({ length: count }, () => level)

test('40 ms before and 120 ms after are kept of long silences', () => {
  const frames = framesOf([...of(-90, 60), ...of(-20, 50), ...of(-90, 80)])
  const { frames: kept, cut, lead, tail } = trimSilence(frames, Int32Array.of(60, 50, 80))
  expect({ cut, lead, tail, count: kept.count }).toEqual({ cut: 52, lead: 8, tail: 24, count: 8 + 50 + 24 })
  expect(kept.f0[0]).toBe(53)
})

test('what sounds in the silences is kept, with silence around it', () => {
  // A soft f that begins 10 frames before its symbol, a breath 5 frames after the last one.
  const frames = framesOf([...of(-90, 50), ...of(-60, 10), ...of(-20, 50), ...of(-62, 5), ...of(-90, 75)])
  const { frames: kept, cut, lead, tail } = trimSilence(frames, Int32Array.of(60, 50, 80))
  expect({ cut, lead, tail, count: kept.count }).toEqual({ cut: 42, lead: 8, tail: 24, count: 8 + 65 + 24 })
})

test('short silences stay as they are; loud ones are no silence', () => {
  const short = trimSilence(framesOf([...of(-90, 3), ...of(-20, 50), ...of(-90, 7)]), Int32Array.of(3, 50, 7))
  expect(short).toMatchObject({ cut: 0, lead: 3, tail: 7 })
  expect(short.frames.count).toBe(60)
  const loud = trimSilence(framesOf(of(-20, 60)), Int32Array.of(30, 10, 20))
  expect(loud).toMatchObject({ cut: 0, lead: 0, tail: 0 })
  expect(loud.frames.count).toBe(60)
})

test('the level counts, not the scale: a quiet voice is cut at the same places', () => {
  const levels = [...of(-90, 50), ...of(-60, 10), ...of(-20, 50), ...of(-90, 80)]
  const durations = Int32Array.of(60, 50, 80)
  const { cut } = trimSilence(framesOf(levels), durations)
  expect(trimSilence(framesOf(levels.map((v) => v - 30)), durations).cut).toBe(cut)
})
