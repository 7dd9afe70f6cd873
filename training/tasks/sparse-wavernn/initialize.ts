/**
 * Initial weights: uniform with variance 1 / fan-in of the kept columns; biases and skips start at 0, the mixture's
 * means and scales spread so that its components differ.
 */

import { Random } from 'sparsewave/internal/random'
import { MIXTURES } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { ParameterLayout } from '../../net/vocoder-layout.ts'

/** Flat vector of `layout.size` initial parameters. */
export function initialParameters(layout: ParameterLayout, seed: number): Float32Array {
  const out = new Float32Array(layout.size)
  for (const [i, s] of layout.segments.entries()) {
    const random = new Random(seed, 1000 + i)
    if (s.fanIn > 0) {
      const scale = Math.sqrt(3 / s.fanIn)
      for (let k = 0; k < s.size; k++) out[s.offset + k] = (2 * random.uniform() - 1) * scale
    }
    if (/^head\.output\.\d\.bias$/.test(s.name)) {
      for (let k = 0; k < MIXTURES; k++) {
        out[s.offset + MIXTURES + k] = (k - (MIXTURES - 1) / 2) * 0.2
        out[s.offset + 2 * MIXTURES + k] = -1.5 + 0.5 * k
      }
    }
  }
  return out
}
