/**
 * Gumbel masks: a logit a block, and every update keeps the top k of logits + tau * Gumbel noise in each strip, a sample without
 * replacement (Kool et al. 2019). The gradient goes straight through to the kept blocks' logits by the concrete relaxation
 * (Jang et al. 2017; Maddison et al. 2017): with t the strip's k-th score and s = sigmoid((score - t) / tau),
 * d loss / d logit = d loss / d gate * s (1 - s) / tau. The temperature tau falls to 0 at `end`, from where masks stay.
 */

import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { adamUpdate } from '../net/adam.ts'
import { newborns, resetBlock, ScoreLayout, stripsOf } from '../net/blocks.ts'
import type { Mask, MaskMethodFactory } from '../net/mask.ts'

const options = z.strictObject({
  /** Adam's rate for the logits. */
  rate: z.number().positive().default(0.003),
  /** First temperature; logits start with deviation 1. */
  temperature: z.number().positive().default(0.1),
  /** Progress at which masks are fixed. */
  end: z.number().min(0).max(1).default(0.6),
})

export const gumbel: MaskMethodFactory<z.output<typeof options>> = {
  name: 'gumbel',
  options,
  create({ matrices, seed }, { rate, temperature, end }) {
    const layout = new ScoreLayout(matrices)
    const init = new Random(seed, 2 ** 21)
    let logits = new Float32Array(layout.size).map(() => init.normal())
    let first = new Float32Array(layout.size)
    let second = new Float32Array(layout.size)
    let steps = 0
    let scores = logits
    let masks: Map<string, Mask> = layout.top(logits)
    let gateGradient = new Float32Array(layout.size)
    let churn = 0
    const tau = (progress: number) => temperature * Math.max(0.02, 1 - progress / end)

    return {
      name: 'gumbel',
      members({ step, progress }) {
        if (progress >= end) return [layout.top(logits)]
        const random = new Random(seed, 2 ** 22 + step)
        scores = logits.map((v) => v - tau(progress) * Math.log(-Math.log(random.uniform())))
        masks = layout.top(scores)
        return [masks]
      },
      gateBackward(_, parameters, gradient) {
        gateGradient = layout.gateGradient(parameters, gradient) as Float32Array<ArrayBuffer>
      },
      update({ progress, step }, { weights }) {
        if (progress >= end) return
        if (step === 0) {
          // What is not kept begins at 0.
          for (const m of matrices)
            for (const b of newborns(masks.get(m.name)!, everyColumn(m), m)) resetBlock(weights, m, b)
        }
        const slope = new Float32Array(layout.size)
        for (const [i, m] of matrices.entries()) {
          const part = layout.part(scores, i)
          const mask = masks.get(m.name)!
          for (let s = 0; s < stripsOf(m); s++) {
            const row = mask.subarray(s * m.kept, (s + 1) * m.kept)
            const threshold = Math.min(...Array.from(row, (c) => part[s * m.columns + c]!))
            for (const c of row) {
              const b = layout.start(i) + s * m.columns + c
              const soft = 1 / (1 + Math.exp(-(part[s * m.columns + c]! - threshold) / tau(progress)))
              slope[b] = (gateGradient[b]! * soft * (1 - soft)) / tau(progress)
            }
          }
        }
        const before = layout.top(logits)
        const unused = new Float32Array(layout.size)
        steps++
        const adam = { rate, beta1: 0.9, beta2: 0.99, epsilon: 1e-12, clip: 1e9, average: 0, step: steps }
        adamUpdate(logits, slope, first, second, unused, adam)
        let changed = 0
        const after = layout.top(logits)
        for (const m of matrices) changed += newborns(before.get(m.name)!, after.get(m.name)!, m).length
        churn = changed
      },
      final: () => layout.top(logits),
      telemetry: () => ({ churn }),
      state: () => ({ logits, first, second, steps: Float32Array.of(steps) }),
      restore(state) {
        logits = state.logits as Float32Array<ArrayBuffer>
        first = state.first as Float32Array<ArrayBuffer>
        second = state.second as Float32Array<ArrayBuffer>
        steps = state.steps![0]!
      },
    }
  },
}

const everyColumn = (m: { rows: number; columns: number }): Mask =>
  Uint16Array.from({ length: (m.rows / 16) * m.columns }, (_, i) => i % m.columns)
