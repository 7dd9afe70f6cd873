/**
 * L0 regularisation with hard concrete gates (Louizos, Welling & Kingma 2018), one gate a block. With u uniform,
 *
 *     s = sigmoid((ln u - ln(1 - u) + log alpha) / beta),   z = min(1, max(0, s (zeta - gamma) + gamma))        (eqs. 10, 11)
 *     P(z > 0) = sigmoid(log alpha - beta ln(-gamma / zeta))                                                     (eq. 12)
 *
 * multiplies the block's weights; blocks whose gate is 0 are not computed. The penalty lambda P(z > 0) has one lambda a matrix,
 * raised and lowered so that the mean of P follows the cubic schedule of magnitude pruning down to the wanted density. At `end` the
 * blocks of highest log alpha stay, with their gate's expected value (eq. 13) folded into the weights.
 */

import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { adamUpdate } from '../net/adam.ts'
import { ScoreLayout, stripsOf, topColumns } from '../net/blocks.ts'
import { BLOCK_ROWS } from '../net/layout.ts'
import type { Mask, MaskMethodFactory, MaskState } from '../net/mask.ts'

const BETA = 2 / 3
const GAMMA = -0.1
const ZETA = 1.1
const SHIFT = BETA * Math.log(-GAMMA / ZETA)

const options = z.strictObject({
  /** Adam's rate for log alpha. */
  rate: z.number().positive().default(0.02),
  /** How fast lambda answers to a density off its schedule. */
  gain: z.number().positive().default(0.05),
  /** Progress at which density begins to fall, and at which masks are fixed. */
  start: z.number().min(0).max(1).default(0.05),
  end: z.number().min(0).max(1).default(0.6),
})

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))
const expectedGate = (logAlpha: number): number => Math.min(1, Math.max(0, sigmoid(logAlpha) * (ZETA - GAMMA) + GAMMA))

export const hardConcrete: MaskMethodFactory<z.output<typeof options>> = {
  name: 'hard-concrete',
  options,
  create({ matrices, seed }, { rate, gain, start, end }) {
    const layout = new ScoreLayout(matrices)
    const init = new Random(seed, 2 ** 21)
    // Gates start open in 9 of 10 draws, with a little noise to break ties.
    const at: Record<'logAlpha' | 'first' | 'second' | 'lambda', Float32Array> & { masks: MaskState; steps: number } = {
      logAlpha: new Float32Array(layout.size).map(() => Math.log(9) + 0.01 * init.normal()),
      first: new Float32Array(layout.size),
      second: new Float32Array(layout.size),
      lambda: new Float32Array(matrices.length).fill(1e-3),
      masks: {},
      steps: 0,
    }
    let gates = new Float32Array(layout.size)
    let gateGradient = new Float32Array(layout.size)
    let soft = new Float32Array(layout.size)
    const frozen = () => Object.keys(at.masks).length > 0
    const frozenMasks = () => new Map(Object.entries(at.masks) as [string, Mask][])

    const draw = (step: number): void => {
      const random = new Random(seed, 2 ** 22 + step)
      gates = new Float32Array(layout.size)
      soft = new Float32Array(layout.size)
      for (let b = 0; b < layout.size; b++) {
        const u = random.uniform()
        const s = sigmoid((Math.log(u) - Math.log1p(-u) + at.logAlpha[b]!) / BETA)
        soft[b] = s
        gates[b] = Math.min(1, Math.max(0, s * (ZETA - GAMMA) + GAMMA))
      }
    }
    const multiply = (parameters: Float32Array, out: Float32Array, gate: (b: number) => number): void => {
      for (const [i, m] of matrices.entries())
        for (let b = 0; b < layout.part(gates, i).length; b++) {
          const g = gate(layout.start(i) + b)
          const from = m.offset + b * BLOCK_ROWS
          for (let k = from; k < from + BLOCK_ROWS; k++) out[k] = parameters[k]! * g
        }
    }

    return {
      name: 'hard-concrete',
      startsDense: true,
      members({ step }) {
        if (frozen()) return [frozenMasks()]
        draw(step)
        return [
          new Map(
            matrices.map((m, i) => {
              const part = layout.part(gates, i)
              let most = 1
              for (let s = 0; s < stripsOf(m); s++) {
                let open = 0
                for (let c = 0; c < m.columns; c++) if (part[s * m.columns + c]! > 0) open++
                most = Math.max(most, open)
              }
              return [m.name, topColumns(part, m.columns, most)]
            }),
          ),
        ]
      },
      gate(_, parameters, out) {
        out.set(parameters)
        if (!frozen()) multiply(parameters, out, (b) => gates[b]!)
      },
      gateBackward(_, parameters, gradient) {
        if (frozen()) return
        gateGradient = layout.gateGradient(parameters, gradient) as Float32Array<ArrayBuffer>
        multiply(gradient, gradient, (b) => gates[b]!)
      },
      update({ progress }, { weights }) {
        if (frozen()) return
        if (progress >= end) {
          for (const vector of [weights.parameters, weights.average]) {
            multiply(vector, vector, (b) => expectedGate(at.logAlpha[b]!))
          }
          at.masks = Object.fromEntries(layout.top(at.logAlpha))
          return
        }
        const share = Math.min(1, Math.max(0, (progress - start) / Math.max(1e-9, end - start)))
        const slope = new Float32Array(layout.size)
        for (const [i, m] of matrices.entries()) {
          const from = layout.start(i)
          const blocks = layout.part(slope, i).length
          let open = 0
          for (let b = from; b < from + blocks; b++) {
            const p = sigmoid(at.logAlpha[b]! - SHIFT)
            open += p / blocks
            const s = soft[b]!
            const inside = gates[b]! > 0 && gates[b]! < 1
            slope[b] =
              (inside ? (gateGradient[b]! * (ZETA - GAMMA) * s * (1 - s)) / BETA : 0) + at.lambda[i]! * p * (1 - p)
          }
          const final = m.kept / m.columns
          const wanted = final + (1 - final) * (1 - share) ** 3
          at.lambda[i] = Math.min(10, Math.max(1e-8, at.lambda[i]! * Math.exp((gain * (open - wanted)) / wanted)))
        }
        const unused = new Float32Array(layout.size)
        at.steps++
        adamUpdate(at.logAlpha, slope, at.first, at.second, unused, {
          rate,
          beta1: 0.9,
          beta2: 0.99,
          epsilon: 1e-12,
          clip: 1e9,
          average: 0,
          step: at.steps,
        })
      },
      final: () => (frozen() ? frozenMasks() : layout.top(at.logAlpha)),
      gateFinal(parameters, out) {
        out.set(parameters)
        if (!frozen()) multiply(parameters, out, (b) => expectedGate(at.logAlpha[b]!))
      },
      telemetry: () => ({
        density: at.logAlpha.reduce((sum, v) => sum + sigmoid(v - SHIFT), 0) / layout.size,
        lambda: at.lambda.reduce((a, b) => a + b, 0) / matrices.length,
      }),
      state: () => ({
        'gates.logAlpha': at.logAlpha,
        'gates.first': at.first,
        'gates.second': at.second,
        'gates.lambda': at.lambda,
        'gates.steps': Float32Array.of(at.steps),
        ...at.masks,
      }),
      restore({
        'gates.logAlpha': logAlpha,
        'gates.first': first,
        'gates.second': second,
        'gates.lambda': lambda,
        'gates.steps': steps,
        ...masks
      }) {
        at.logAlpha = logAlpha as Float32Array
        at.first = first as Float32Array
        at.second = second as Float32Array
        at.lambda = lambda as Float32Array
        at.steps = steps![0]!
        at.masks = masks
      },
    }
  },
}
