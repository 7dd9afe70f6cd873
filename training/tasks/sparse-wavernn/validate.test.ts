import { BANDS, STEP_INPUTS, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { expect, test } from 'vitest'
import { batchCount, type Engine, EXAMPLE_ROWS, LANES } from '../../net/engine.ts'
import { madeUpRecording, PLAIN } from './testing.ts'
import { heldOutBits } from './validate.ts'

/** Its loss is a step's residual and its number in the recording, which the state counts; hidden size 1. */
const counting: Engine = {
  name: 'counting',
  async run(_, __, batch, state) {
    const losses = new Float64Array(BANDS)
    for (let group = 0; group < batch.groups; group++)
      for (let i = 0; i < batch.steps; i++)
        for (let l = 0; l < LANES; l++) {
          const frame = group * (batch.steps / STEPS_PER_FRAME) + Math.floor(i / STEPS_PER_FRAME)
          const weight = batch.weights[frame * LANES + l]!
          const step = state[group * LANES + l]!++
          for (let b = 0; b < BANDS; b++)
            losses[b]! +=
              weight *
              (step + batch.examples[((group * batch.steps + i) * EXAMPLE_ROWS + STEP_INPUTS.count + b) * LANES + l]!)
        }
    const count = batchCount(batch)
    return { losses, count, counts: Float64Array.of(count) }
  },
  outputs: async () => new Float32Array(0),
  close() {},
}

test('every step of every recording counts once, whatever their number and lengths; states are carried', async () => {
  // Some are longer than a piece of 20 frames; more recordings than lanes.
  const lengths = Array.from({ length: LANES + 3 }, (_, i) => 3 + ((11 * i) % 45))
  const recordings = lengths.map((n, i) => madeUpRecording(n, i))
  const bits = (of: typeof recordings) => heldOutBits(counting, 1, new Float32Array(0), new Map(), of, PLAIN)
  const alone = await Promise.all(recordings.map((r) => bits([r])))
  const together = await bits(recordings)
  const total = lengths.reduce((a, n) => a + n, 0)
  for (let b = 0; b < BANDS; b++) {
    const mean = alone.reduce((sum, own, i) => sum + (own[b]! * lengths[i]!) / total, 0)
    expect(together[b]).toBeCloseTo(mean, 6)
    // Steps 0 .. n - 1, far above what residuals add.
    expect(alone[0]![b]! * Math.LN2).toBeGreaterThan(STEPS_PER_FRAME)
    expect(Math.abs(alone[0]![b]! * Math.LN2 - (3 * STEPS_PER_FRAME - 1) / 2)).toBeLessThan(2)
  }
})
