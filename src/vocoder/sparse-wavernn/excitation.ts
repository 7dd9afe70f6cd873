/**
 * The pulse excitation as each band sees it: k_b(u), the response of band b at distance u steps from a unit pulse.
 * The table is data to the kernels, so that every backend interpolates the same numbers.
 */
import { prototypeAt } from '../../audio/pqmf.ts'
import { BANDS, EXCITATION_OVERSAMPLING, EXCITATION_POINTS, EXCITATION_REACH } from './layout.ts'

export { EXCITATION_OVERSAMPLING, EXCITATION_POINTS, EXCITATION_REACH } from './layout.ts'

/**
 * [4, 257] k_b(u) for u = -8 .. 8 in steps of 1/16, scaled so that the integral of k_b^2 over u (in steps) is 1: a
 * pulse train of period T and amplitude sqrt(T) then has unit power.
 */
export function excitationTable(): Float32Array {
  const table = new Float32Array(BANDS * EXCITATION_POINTS)
  for (let b = 0; b < BANDS; b++) {
    const values = Float64Array.from({ length: EXCITATION_POINTS }, (_, i) => {
      const centred = 4 * (i / EXCITATION_OVERSAMPLING - EXCITATION_REACH)
      const angle = (((2 * b + 1) * Math.PI) / (2 * BANDS)) * centred + ((b % 2 ? -1 : 1) * Math.PI) / 4
      return prototypeAt(centred) * Math.cos(angle)
    })
    const energy = values.reduce((sum, v) => sum + v * v, 0) / EXCITATION_OVERSAMPLING
    for (let i = 0; i < EXCITATION_POINTS; i++) table[b * EXCITATION_POINTS + i] = values[i]! / Math.sqrt(energy)
  }
  return table
}
