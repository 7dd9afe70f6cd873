/**
 * Random weights and frames of the right shapes, for tests and benchmarks: nets that compute without having learned
 * anything. Everything follows from the seed.
 */
import { Random } from '../../random.ts'
import { BANDS, BLOCK, HEAD_OUTPUTS, keptColumns, LPC_ORDER, MIXTURES, type NetConfig, STEP_INPUTS } from './config.ts'
import type { BlockSparseMatrix, VocoderWeights } from './weights.ts'

/** Weights with uniform values of variance 1 / fan-in and random columns. */
export function randomWeights(config: NetConfig, seed: number): VocoderWeights {
  const random = new Random(seed)
  const { hidden: H, headHidden: K, density } = config
  const D = STEP_INPUTS.count
  const uniform = (count: number, scale: number) =>
    Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * scale)
  const matrix = (rows: number, columns: number, density: number): BlockSparseMatrix => {
    const kept = keptColumns(density, columns)
    const strips = rows / BLOCK
    const index = new Uint16Array(strips * kept)
    for (let s = 0; s < strips; s++) {
      const all = Uint16Array.from({ length: columns }, (_, i) => i)
      for (let k = 0; k < kept; k++) {
        const j = k + random.below(columns - k)
        const swap = all[k]!
        all[k] = all[j]!
        all[j] = swap
      }
      index.set(all.subarray(0, kept).sort(), s * kept)
    }
    return { rows, columns, kept, values: uniform(strips * kept * BLOCK, Math.sqrt(3 / kept)), index }
  }
  const byBand = <T>(make: (band: number) => T): T[] => Array.from({ length: BANDS }, (_, b) => make(b))
  return {
    config,
    recurrent: [matrix(H, H, density.reset), matrix(H, H, density.update), matrix(H, H, density.candidate)],
    input: [matrix(H, D, density.input), matrix(H, D, density.input), matrix(H, D, density.input)],
    headHidden: matrix(BANDS * K, H, density.head),
    headBias: uniform(BANDS * K, 0.1),
    headStep: byBand((b) => uniform(K * (D + b), Math.sqrt(3 / (D + b)))),
    headSkip: byBand((b) => uniform(D + b, 0.02)),
    outputWeight: byBand(() => uniform(HEAD_OUTPUTS * K, 0.1 / Math.sqrt(K))),
    outputBias: byBand(() =>
      Float32Array.from({ length: HEAD_OUTPUTS }, (_, o) =>
        o < MIXTURES ? 0 : o < 2 * MIXTURES ? 0.2 * (o - 5.5) : -1.5 + 0.5 * (o - 2 * MIXTURES),
      ),
    ),
  }
}

/** What a kernel needs of `count` frames: voiced and unvoiced stretches, mild resonances in every band. */
export function randomFrameBlocks(config: NetConfig, count: number, seed: number) {
  const random = new Random(seed, 1)
  const blocks = {
    gateTerms: Float32Array.from({ length: count * 3 * config.hidden }, () => random.normal() * 0.5),
    lpc: new Float32Array(count * BANDS * LPC_ORDER),
    gain: new Float32Array(count * BANDS).fill(0.02),
    inverseLevel: new Float32Array(count * BANDS).fill(25),
    lag: new Int32Array(count),
    phaseIncrement: new Float64Array(count),
  }
  for (let j = 0; j < count; j++) {
    for (let b = 0; b < BANDS; b++) {
      for (let k = 0; k < LPC_ORDER; k++) {
        blocks.lpc[(j * BANDS + b) * LPC_ORDER + k] = (random.normal() * 0.3) / (k + 1)
      }
    }
    if (Math.floor(j / 7) % 3 === 2) continue
    const f0 = 90 + 150 * random.uniform()
    blocks.lag[j] = Math.round(6000 / f0)
    blocks.phaseIncrement[j] = f0 / 6000
  }
  return blocks
}
