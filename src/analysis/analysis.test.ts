import { expect, test } from 'vitest'
import { ENVELOPE_HZ, ENVELOPE_POINTS, HOP, SAMPLE_RATE } from '../frames.ts'
import { analyze, estimateEnvelope, estimateF0, frameCount } from './index.ts'

/** Harmonics of `f0(n)` below 8 kHz with amplitude 1/h^2-like fall, peak about .3. */
function voice(n: number, f0: (i: number) => number): Float32Array {
  const x = new Float32Array(n)
  let phase = 0
  for (let i = 0; i < n; i++) {
    phase += f0(i) / SAMPLE_RATE
    for (let h = 1; h * f0(i) < 8000; h++) x[i]! += (0.12 / h) * Math.cos(2 * Math.PI * h * phase + h * h)
  }
  return x
}

function noise(n: number, amplitude: number): Float32Array {
  let state = 99
  return Float32Array.from({ length: n }, () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return amplitude * Math.sqrt(3) * (state / 2 ** 31)
  })
}

for (const pitch of [75, 120, 233.3, 410]) {
  test(`a steady voice at ${pitch} Hz is measured to 5 cents`, () => {
    const f0 = estimateF0(voice(12000, () => pitch))
    for (let i = 5; i < f0.length - 5; i++) expect(Math.abs(1200 * Math.log2(f0[i]! / pitch))).toBeLessThan(5)
  })
}

test('a gliding pitch is followed without lag', () => {
  const pitch = (i: number): number => 200 + 60 * Math.sin((2 * Math.PI * 3 * i) / SAMPLE_RATE)
  const f0 = estimateF0(voice(24000, pitch))
  for (let i = 5; i < f0.length - 5; i++) expect(Math.abs(1200 * Math.log2(f0[i]! / pitch(i * HOP)))).toBeLessThan(15)
})

test('noise, silence and a constant offset are unvoiced', () => {
  const shares = [noise(24000, 0.1), new Float32Array(24000), new Float32Array(24000).fill(0.25)].map((x) => {
    const f0 = estimateF0(x)
    return f0.filter((f) => f > 0).length / f0.length
  })
  expect(shares[0]).toBeLessThan(0.03)
  expect(shares[1]).toBe(0)
  expect(shares[2]).toBeLessThan(0.05)
})

test('voicing starts and ends where the voice does', () => {
  const x = noise(36000, 0.001)
  const v = voice(12000, () => 180)
  for (let i = 0; i < v.length; i++) x[12000 + i]! += v[i]!
  const f0 = estimateF0(x)
  const first = f0.findIndex((f) => f > 0)
  const last = f0.findLastIndex((f) => f > 0)
  expect(Math.abs(first - 100)).toBeLessThanOrEqual(3)
  expect(Math.abs(last - 200)).toBeLessThanOrEqual(3)
})

test('there is a frame for every started hop', () => {
  for (const n of [0, 1, 119, 120, 121, 24000]) {
    expect(frameCount(n)).toBe(Math.floor(n / HOP) + 1)
    expect(analyze(new Float32Array(n)).envelope.length).toBe(frameCount(n) * ENVELOPE_POINTS)
  }
})

test('the envelope of white noise is its power', () => {
  const x = noise(48000, 0.1)
  const envelope = estimateEnvelope(x, new Float32Array(frameCount(x.length)))
  let sum = 0
  let count = 0
  for (let i = 10; i < 390; i++)
    for (let k = 8; k < ENVELOPE_POINTS - 4; k++) {
      sum += envelope[i * ENVELOPE_POINTS + k]!
      count++
    }
  // The mean of a logarithm is below the logarithm of the mean.
  expect(Math.abs(sum / count - Math.log(0.01))).toBeLessThan(0.6)
})

test('the envelope of a pulse train with a resonance has the shape of the resonance and the power of the signal', () => {
  const pitch = 150
  const resonance = (hz: number): number => 1 / (1 + ((hz - 1500) / 400) ** 2)
  const x = new Float32Array(24000)
  for (let h = 1; h * pitch < 12000; h++) {
    const amplitude = 0.05 * Math.sqrt(resonance(h * pitch))
    for (let i = 0; i < x.length; i++) x[i]! += amplitude * Math.cos((2 * Math.PI * h * pitch * i) / SAMPLE_RATE)
  }
  const envelope = estimateEnvelope(x, new Float32Array(frameCount(x.length)).fill(pitch))
  // A harmonic of amplitude a carries the power a^2 / 2 of a band pitch wide; the axis is 12 kHz wide.
  const density = ((0.05 ** 2 / 2) * (SAMPLE_RATE / 2)) / pitch
  for (let i = 50; i < 150; i++)
    for (let k = 6; k < ENVELOPE_POINTS - 6; k++) {
      const expected = Math.log(density * resonance(ENVELOPE_HZ[k]!))
      expect(Math.abs(envelope[i * ENVELOPE_POINTS + k]! - expected)).toBeLessThan(0.5)
    }
})

test('the envelope does not ripple with the position of the window in the period', () => {
  const x = voice(12000, () => 97)
  const envelope = estimateEnvelope(x, new Float32Array(frameCount(x.length)).fill(97))
  for (let k = 0; k < 40; k++) {
    let low = Number.POSITIVE_INFINITY
    let high = Number.NEGATIVE_INFINITY
    for (let i = 10; i < 90; i++) {
      low = Math.min(low, envelope[i * ENVELOPE_POINTS + k]!)
      high = Math.max(high, envelope[i * ENVELOPE_POINTS + k]!)
    }
    expect(high - low).toBeLessThan(0.3)
  }
})

test('digital silence has a finite, very low envelope', () => {
  const { envelope } = analyze(new Float32Array(2400))
  for (const v of envelope) {
    expect(Number.isFinite(v)).toBe(true)
    expect(v).toBeLessThan(-18)
  }
})
