import { expect, test } from 'vitest'
import { ANALYSIS_FILTERS, PQMF_TAPS, pqmfAnalyze, preEmphasize } from '../../audio/pqmf.ts'
import { createFrames } from '../../frames.ts'
import { availableLayers } from '../../layers/index.ts'
import { Random } from '../../random.ts'
import { EXCITATION_OVERSAMPLING, EXCITATION_POINTS, EXCITATION_REACH, excitationTable } from './excitation.ts'
import { createFrameParameterBlock, FrameParameters, layeredFrameParameters, levinson } from './frame-parameters.ts'

function gaussian(n: number): Float32Array {
  let state = 7
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  return Float32Array.from({ length: n }, () => {
    let sum = -6
    for (let i = 0; i < 12; i++) sum += uniform()
    return sum
  })
}

test('white noise: levels, gains and predictions are those measured in the bands', () => {
  const frames = createFrames(1)
  frames.envelope.fill(Math.log(0.01))
  const parameters = createFrameParameterBlock()
  new FrameParameters().compute(frames, 0, parameters)
  const bands = pqmfAnalyze(preEmphasize(gaussian(240000).map((v) => v * 0.1)), 60000)
  for (let b = 0; b < 4; b++) {
    let power = 0
    let residual = 0
    for (let t = 100; t < 60000; t++) {
      let e = bands[t * 4 + b]!
      power += e * e
      for (let k = 1; k <= 8; k++) e -= parameters.lpc[b * 8 + k - 1]! * bands[(t - k) * 4 + b]!
      residual += e * e
    }
    expect(Math.sqrt(power / 59900) * parameters.inverseLevel[b]!).toBeCloseTo(1, 1)
    expect(Math.sqrt(residual / 59900) / parameters.gain[b]!).toBeCloseTo(1, 1)
    expect(residual).toBeLessThan(power)
  }
})

test('lag and phase increment follow F0 and are 0 when unvoiced', () => {
  const frames = createFrames(2)
  frames.f0[1] = 200
  const p = createFrameParameterBlock()
  new FrameParameters().compute(frames, 1, p)
  expect([p.lag, p.phaseIncrement]).toEqual([30, 200 / 6000])
  new FrameParameters().compute(frames, 0, p)
  expect([p.lag, p.phaseIncrement]).toEqual([0, 0])
})

test('levinson recovers an autoregressive process', () => {
  // x[t] = 0.9 x[t-1] + e: r[k] = 0.9^k / (1 - 0.81)
  const r = Float64Array.from({ length: 4 }, (_, k) => 0.9 ** k / 0.19)
  const a = new Float64Array(4)
  expect(levinson(r, a, new Float64Array(4))).toBeCloseTo(1, 9)
  for (const [k, v] of [0, 0.9, 0, 0].entries()) expect(a[k]).toBeCloseTo(v, 9)
})

test('the excitation table is the analysis filter at its own taps', () => {
  const table = excitationTable()
  for (let b = 0; b < 4; b++) {
    let scale = 0
    // Taps of h_b lie at u = (m - 31.5) / 4, every second of them on the table's grid of 1/16 (m - 31.5 = 4 u).
    for (let m = 0; m < PQMF_TAPS; m++) {
      const i = ((m - 31.5) / 4 + EXCITATION_REACH) * EXCITATION_OVERSAMPLING
      expect(Number.isInteger(i)).toBe(true)
      const h = ANALYSIS_FILTERS[b * PQMF_TAPS + m]!
      if (Math.abs(h) > 0.1) {
        scale ||= table[b * EXCITATION_POINTS + i]! / h
        expect(table[b * EXCITATION_POINTS + i]! / h).toBeCloseTo(scale, 4)
      }
    }
    expect(scale).toBeGreaterThan(0)
  }
})

test.each(availableLayers())('layers ($name) give the same parameters', (layers) => {
  const random = new Random(3)
  const frames = createFrames(60)
  for (let i = 0; i < frames.count; i++) {
    frames.f0[i] = random.uniform() < 0.5 ? 0 : 60 + 400 * random.uniform()
    const level = -25 * random.uniform()
    for (let k = 0; k < 64; k++) frames.envelope[i * 64 + k] = level - k / 8 + 3 * random.normal()
  }
  const want = createFrameParameterBlock()
  const got = createFrameParameterBlock()
  const definition = new FrameParameters()
  const layered = layeredFrameParameters(layers)
  for (let i = 0; i < frames.count; i++) {
    definition.compute(frames, i, want)
    layered.compute(frames, i, got)
    for (const key of ['lpc', 'gain', 'inverseLevel'] as const)
      for (const [k, v] of want[key].entries())
        expect(Math.abs(got[key][k]! - v)).toBeLessThan(1e-5 * Math.abs(v) + 1e-7)
    expect([got.lag, got.phaseIncrement]).toEqual([want.lag, want.phaseIncrement])
  }
  layered.close()
})
