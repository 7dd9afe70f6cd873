import { expect, test } from 'vitest'
import { deEmphasize, PQMF_DELAY, pqmfAnalyze, pqmfSynthesize, preEmphasize } from './pqmf.ts'

function noise(n: number): Float32Array {
  let state = 1
  return Float32Array.from({ length: n }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

function snr(reference: Float32Array, signal: Float32Array): number {
  let power = 0
  let error = 0
  for (let i = 0; i < reference.length; i++) {
    power += reference[i]! ** 2
    error += (reference[i]! - signal[i]!) ** 2
  }
  return 10 * Math.log10(power / error)
}

test('white noise survives analysis and synthesis with more than 60 dB SNR, late by PQMF_DELAY', () => {
  const x = noise(6000)
  const steps = (x.length + 200) / 4
  const y = pqmfSynthesize(pqmfAnalyze(x, steps))
  expect(snr(x, y.subarray(PQMF_DELAY, PQMF_DELAY + x.length))).toBeGreaterThan(60)
})

test('a tone shows up in its own band only', () => {
  const x = Float32Array.from({ length: 4000 }, (_, n) => Math.sin((2 * Math.PI * 4500 * n) / 24000))
  const bands = pqmfAnalyze(x, 900)
  const power = [0, 0, 0, 0]
  for (let t = 100; t < 900; t++) for (let b = 0; b < 4; b++) power[b]! += bands[t * 4 + b]! ** 2
  for (const b of [0, 2, 3]) expect(10 * Math.log10(power[b]! / power[1]!)).toBeLessThan(-80)
})

test('de-emphasis undoes pre-emphasis', () => {
  const x = noise(1000)
  expect(snr(x, deEmphasize(preEmphasize(x)))).toBeGreaterThan(100)
})

test('the whole chain with pre-emphasis keeps more than 40 dB SNR', () => {
  const x = noise(6000)
  const y = deEmphasize(pqmfSynthesize(pqmfAnalyze(preEmphasize(x), 1600)))
  expect(snr(x, y.subarray(PQMF_DELAY, PQMF_DELAY + x.length))).toBeGreaterThan(40)
})
