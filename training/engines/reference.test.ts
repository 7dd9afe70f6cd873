import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { expect, test } from 'vitest'
import { LANES } from '../net/engine.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import { mixtureLoss, runReference } from './reference.ts'
import { isKept, syntheticBatch, syntheticMasks, syntheticParameters } from './synthetic.ts'

const layout = parameterLayout(netConfigSchema.parse({ hidden: 32, headHidden: 16, conditioning: 16 }))
const masks = syntheticMasks(layout, 1)
const zeroState = (groups: number) => new Float32Array(groups * layout.config.hidden * LANES)

test('the gradient of every segment agrees with central finite differences of the loss', () => {
  const batch = syntheticBatch(1, 60, 3)
  // Only two lanes count, so that the many evaluations stay quick; the others have weight 0.
  const lanes = [2, 3]
  const narrow = { ...batch, weights: batch.weights.map((w, i) => (lanes.includes(i % LANES) ? w : 0)) }
  const parameters = Float64Array.from(syntheticParameters(layout, 2))
  const run = (gradient: boolean) =>
    runReference(layout, parameters, [masks], narrow, zeroState(1), gradient, () => {}, lanes)
  const { gradient, count } = run(true)
  expect(count).toBe(60 + 30)
  const mean = () => run(false).losses.reduce((a, b) => a + b, 0) / count
  const masked = new Map(maskedSegments(layout).map((s) => [s.name, isKept(s, [masks])]))
  for (const s of layout.segments) {
    const kept = masked.get(s.name) ?? (() => true)
    const candidates = Array.from({ length: s.size }, (_, i) => s.offset + i).filter(
      (i) => kept(i) && gradient![i] !== 0,
    )
    expect(candidates.length, s.name).toBeGreaterThan(0)
    for (const share of [0.12, 0.5, 0.93]) {
      const i = candidates[Math.floor(share * candidates.length)]!
      const value = parameters[i]!
      const step = 1e-5
      parameters[i] = value + step
      const above = mean()
      parameters[i] = value - step
      const below = mean()
      parameters[i] = value
      const numeric = (above - below) / (2 * step)
      // Truncation is of the order step^2, rounding 1e-16 / step.
      expect(Math.abs(numeric - gradient![i]!), `${s.name}[${i - s.offset}]`).toBeLessThan(
        1e-6 * Math.abs(numeric) + 1e-9,
      )
    }
  }
})

test('the mixture loss has the gradient of its finite differences, also where log scales are clipped', () => {
  const o = Float64Array.of(0.3, -1, 2, 0.1, 0.5, -0.2, 1.5, 0, -9, -1, 5, 0.4)
  const { gradient } = mixtureLoss(o, 0.7)
  for (const [i, value] of o.entries()) {
    const at = (v: number) => mixtureLoss(o.with(i, v), 0.7).loss
    expect(gradient[i]).toBeCloseTo((at(value + 1e-5) - at(value - 1e-5)) / 2e-5, 7)
  }
  expect(gradient[8]).toBe(0)
  expect(gradient[10]).toBe(0)
})

test('the mixture is a density: it integrates to 1', () => {
  const o = Float64Array.of(0.3, -1, 2, 0.1, 0.5, -0.2, 1.5, 0, -2, -1, 0.5, 0.4)
  let mass = 0
  for (let e = -60; e < 60; e += 0.01) mass += 0.01 * Math.exp(-mixtureLoss(o, e).loss)
  expect(mass).toBeCloseTo(1, 6)
})
