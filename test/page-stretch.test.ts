/** Speech at another speed, as the page's player makes it. */
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { PACKAGE_ROOT } from '../src/root.ts'

const RATE = 24000
const { Stretch } = await import(`${pathToFileURL(PACKAGE_ROOT).href}/server/web/stretch.js`)

/** A tone of `hz` that lasts a second. */
const tone = (hz: number) =>
  Float32Array.from({ length: RATE }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / RATE))

function read(sound: { samples: Float32Array; length: number; ended: boolean }, speed: number): Float32Array {
  const reader = new Stretch(sound, 0, speed)
  const pieces: number[] = []
  let at = 0
  for (let piece = reader.read(1200); piece; piece = reader.read(1200)) {
    expect(piece.from).toBe(at)
    at = piece.to
    pieces.push(...piece.samples)
  }
  return Float32Array.from(pieces)
}

/** Hz of a tone, by its zero crossings. */
const pitch = (samples: Float32Array): number => {
  const rising = samples.reduce((count, v, i) => count + Number(i > 0 && samples[i - 1]! < 0 && v >= 0), 0)
  return (rising * RATE) / samples.length
}

test.each([0.5, 0.75, 1.25, 2])('at %fx a tone lasts so much less, and keeps its pitch and its level', (speed) => {
  const samples = tone(200)
  const out = read({ samples, length: RATE, ended: true }, speed)
  expect(out.length / RATE).toBeCloseTo(1 / speed, 1)
  expect(Math.abs(pitch(out) / 200 - 1)).toBeLessThan(0.03)
  const inner = out.subarray(2000, -2000)
  expect(Math.sqrt(inner.reduce((sum, v) => sum + v * v, 0) / inner.length)).toBeCloseTo(0.5 / Math.SQRT2, 1)
  // No click: a tone of 200 Hz never jumps so far from one sample to the next.
  expect(inner.reduce((most, v, i) => (i > 0 ? Math.max(most, Math.abs(v - inner[i - 1]!)) : most), 0)).toBeLessThan(
    0.08,
  )
})

test('at 1x the samples are the same', () => {
  const samples = tone(200)
  expect(read({ samples, length: RATE, ended: true }, 1)).toEqual(samples)
})

test('of a sound that still grows nothing is made up', () => {
  const sound = { samples: tone(200), length: 600, ended: false }
  const reader = new Stretch(sound, 0, 1.5)
  expect(reader.read(1200)).toBeUndefined()
  sound.length = 2400
  const piece = reader.read(1200)
  expect(piece.to).toBeLessThan(2400)
  expect(piece.samples.length).toBeGreaterThan(0)
})
