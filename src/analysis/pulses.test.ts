import { expect, test } from 'vitest'
import { createFrames, ENVELOPE_HZ, ENVELOPE_POINTS, type Frames } from '../frames.ts'
import { pulseSignal } from '../vocoder/source-filter/pulse-signal.ts'
import { alignPulses } from './index.ts'

/** Voice with two formants; F0 of frame i by `f0`. */
function voice(count: number, f0: (i: number) => number): Frames {
  const frames = createFrames(count)
  for (let i = 0; i < count; i++) {
    frames.f0[i] = f0(i)
    for (let k = 0; k < ENVELOPE_POINTS; k++) {
      const formant = (hz: number, width: number): number => 1 / (1 + ((ENVELOPE_HZ[k]! - hz) / width) ** 2)
      frames.envelope[i * ENVELOPE_POINTS + k] = Math.log(0.02 * (formant(500, 150) + 0.3 * formant(1600, 250) + 0.001))
    }
  }
  return frames
}

/** The clock of a stretch that starts with phase `offset`, advancing with its frames' F0. */
function clock(frames: Frames, offset: number): Float32Array {
  const phase = new Float32Array(30 * frames.count)
  let at = offset
  for (let t = 0; t < phase.length; t++) {
    const f0 = frames.f0[Math.floor(t / 30)]!
    if (f0 === 0) {
      at = offset
      continue
    }
    at += f0 / 6000
    phase[t] = at - Math.floor(at)
  }
  return phase
}

const distance = (a: number, b: number): number => Math.abs(a - b - Math.round(a - b))

for (const [name, f0] of [
  ['steady', () => 170],
  ['low', () => 90],
  ['gliding', (i: number) => 220 + 40 * Math.sin(i / 25)],
] as const) {
  test(`the pulses of a ${name} voice are found wherever its clock started`, () => {
    const frames = voice(160, f0)
    for (const offset of [0, 0.3, 0.71]) {
      const truth = clock(frames, offset)
      const found = alignPulses(pulseSignal(frames, truth), frames)
      expect(found.length).toBe(truth.length)
      let sum = 0
      let largest = 0
      for (let t = 450; t < truth.length - 450; t++) {
        const d = distance(found[t]!, truth[t]!)
        sum += d
        largest = Math.max(largest, d)
      }
      expect(sum / (truth.length - 900)).toBeLessThan(0.02)
      expect(largest).toBeLessThan(0.05)
    }
  })
}

test('a pitch that is measured 2 % wrong is made up for', () => {
  const frames = voice(200, () => 200)
  const sound = pulseSignal(frames, clock(frames, 0))
  frames.f0.fill(204)
  const found = alignPulses(sound, frames)
  let advance = 0
  for (let t = 1501; t <= 4500; t++) {
    const step = found[t]! - found[t - 1]!
    advance += step < 0 ? step + 1 : step
  }
  expect((advance / 3000) * 6000).toBeCloseTo(200, 0)
})

test('unvoiced steps are 0, voiced ones advance within 5 % of F0', () => {
  const frames = voice(120, (i) => (i % 40 < 25 ? 150 + i : 0))
  const found = alignPulses(pulseSignal(frames, clock(frames, 0.5)), frames)
  for (let t = 1; t < found.length; t++) {
    const f0 = frames.f0[Math.floor(t / 30)]!
    if (f0 === 0) expect(found[t]).toBe(0)
    else if (frames.f0[Math.floor((t - 1) / 30)]! > 0) {
      const step = found[t]! - found[t - 1]!
      expect(Math.abs((step < 0 ? step + 1 : step) / (f0 / 6000) - 1)).toBeLessThan(0.05)
    }
    expect(found[t]).toBeGreaterThanOrEqual(0)
    expect(found[t]).toBeLessThan(1)
  }
})

test('silence and single voiced frames do no harm', () => {
  const frames = voice(9, (i) => (i === 4 || i === 8 ? 100 : 0))
  for (const v of alignPulses(new Float32Array(900), frames)) expect(Number.isFinite(v)).toBe(true)
  expect(alignPulses(new Float32Array(0), createFrames(0)).length).toBe(0)
})
