/**
 * Hybrid ES: gradients train the weights, an evolution strategy their masks (Lenc, Elsen, Schaul & Simonyan 2019,
 * "Non-Differentiable Supervised Learning with Evolution Strategies and Hybrid Methods", section 5).
 *
 * Every block b has a score mu_b. A population of n = 2p members, p mirrored pairs, tries
 *
 *     s_2i = mu + sigma e_i,   s_2i+1 = mu - sigma e_i,   e_i ~ N(0, I)                  (Salimans et al. 2017, section 2.1)
 *     mask_k = the `kept` blocks of highest s_k in every strip
 *
 * and both members of a pair see the same data from the same state, so that what differs is the masks alone. The members'
 * gradients are averaged for the weights. Their losses, less the pair's mean where pairs see different data, become rank utilities
 *
 *     u_k = max(0, ln(n/2 + 1) - ln rank_k) / sum - 1/n                                  (Wierstra et al. 2014, section 3.1)
 *
 * and, sigma being fixed, after every `accumulate` updates
 *
 *     mu <- mu + rate * mean over those updates of  sum_k u_k e_k / (n sigma)            (Salimans et al. 2017, Algorithm 1)
 *
 * Blocks that enter the mask of mu are newborn: their Adam moments start at 0; every block outside the first mask starts with
 * weights 0. From progress `freeze` on the mask of mu is fixed and the population is one member.
 *
 * `share: turns` makes the population as cheap as one net: each update trains one member, the two of a pair one after the other on
 * neighbouring data, the pairs in turn. With a wide sigma every block is then trained by the members that hold it, and
 * `choose: movement` keeps at `freeze` those whose weights have moved furthest from where they began instead of those of highest
 * score (the criterion of Sanh et al. 2020, "Movement Pruning", by its size). `only` leaves all other matrices their random masks.
 *
 * `proposals: gradient` narrows the search: every `window` updates the weakest kept blocks of each strip (by norm) and as many dropped
 * ones of largest gradient (RigL's candidates, Evci et al. 2020) compete; only they are perturbed, and the strategy decides
 * which of them stay.
 */

import { joinFloats } from 'sparsewave/internal/arrays'
import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { addGradient, drawDirections, drawGuidedDirections, rankUtilities, SAMPLERS } from '../es/index.ts'
import { blockNorms, exchange, maskFlags, newborns, overlap, resetBlock, ScoreLayout, stripsOf } from '../net/blocks.ts'
import {
  type Feedback,
  type Mask,
  type MaskContext,
  type MaskMethod,
  type MaskMethodFactory,
  type MaskSet,
  type Moment,
  stripColumns,
} from '../net/mask.ts'
import { exchangedShare } from './dynamic.ts'

const options = z.strictObject({
  /** Mirrored pairs: the population is twice as large. */
  pairs: z.number().int().min(1).default(2),
  /** `pairs`: the pairs share the batch between them; `all`: every member sees all of it, at that many times the cost; `turns`: an
   * update is one member's, at the cost of one net. */
  share: z.enum(['pairs', 'all', 'turns']).default('pairs'),
  /** Deviation of the perturbation; scores start with deviation 1. */
  sigma: z.number().positive().default(0.1),
  /** Step of mu along the strategy's gradient. */
  rate: z.number().min(0).default(1),
  /** Updates whose utilities are gathered for one step of mu. */
  accumulate: z.number().int().min(1).default(50),
  /** Updates that a population (of `turns` a member) stays before the next; its fitness is the mean over them. */
  hold: z.number().int().min(1).default(1),
  /** Progress from which the masks are fixed. */
  freeze: z.number().min(0).max(1).default(0.5),
  /** What is kept at `freeze`: blocks of highest score, or those that have moved furthest; then no block starts with weights 0. */
  choose: z.enum(['scores', 'movement']).default('scores'),
  /** Only matrices whose name begins so are searched (for `proposals: scores`); of a net without such ones nothing is. */
  only: z.string().default(''),
  /** Progress at which scores restart from the magnitudes of the weights trained so far on fixed masks; 0: not at all. */
  warmStart: z.number().min(0).max(1).default(0),
  sampler: z.enum(SAMPLERS).default('gaussian'),
  /** Share of the perturbation inside the span of past surrogate gradients (Guided ES, Maheswaranathan et al. 2019). */
  guided: z.number().min(0).max(1).default(0),
  proposals: z.enum(['scores', 'gradient']).default('scores'),
  /** For `proposals: gradient`: updates a set of candidates competes, share of a strip's blocks in it at first, and the share of the
   * window before fitness counts, while newborn blocks learn. */
  window: z.number().int().min(2).default(200),
  fraction: z.number().min(0).max(1).default(0.3),
  settle: z.number().min(0).lt(1).default(0.5),
})
export type HybridOptions = z.output<typeof options>

/** Score of a block whose place is not in question. */
const CERTAIN = 1000
/** Surrogate gradients that Guided ES spans. */
const SURROGATES = 4

export const hybridEs: MaskMethodFactory<HybridOptions> = {
  name: 'hybrid-es',
  options,
  create: (context, chosen) => new HybridEs(context, chosen),
}

class HybridEs implements MaskMethod {
  readonly name = 'hybrid-es'
  readonly share: 'pairs' | 'all'
  readonly pairs: number
  readonly #o: HybridOptions
  readonly #seed: number
  readonly #layout: ScoreLayout
  /** mu, [blocks of all matrices]. */
  #scores: Float32Array
  /** Sum of the strategy's gradients since mu moved, and of their squared lengths. */
  #gathered: Float32Array
  #gatheredSquares = 0
  #gatheredCount = 0
  /** Losses of the present population, summed over the updates it is held. */
  #held: Float32Array
  /** For `choose: movement`: where the searched matrices' weights began, one after another; and whether it has chosen. */
  #began: Float32Array | undefined
  #chosen = false
  /** Blocks in question: 1, else 0. */
  #active: Uint8Array
  #surrogates: Float32Array[] = []
  #mask: Map<string, Mask>
  #directions: { draw: number; epsilon: Float32Array[]; members: MaskSet[] } | undefined
  #telemetry: Record<string, number> = {}

  constructor({ matrices, seed }: MaskContext, o: HybridOptions) {
    this.#o = o
    this.#seed = seed
    this.share = o.share === 'all' ? 'all' : 'pairs'
    this.pairs = o.share === 'turns' ? 1 : o.pairs
    this.#layout = new ScoreLayout(matrices)
    const random = new Random(seed, 2 ** 21)
    this.#scores = new Float32Array(this.#layout.size).map(() => random.normal())
    this.#gathered = new Float32Array(this.#layout.size)
    this.#active = new Uint8Array(this.#layout.size)
    for (const [i, m] of matrices.entries())
      if (o.proposals === 'scores' && m.name.startsWith(o.only)) this.#layout.part(this.#active, i).fill(1)
    this.#held = new Float32Array(2 * o.pairs)
    this.#mask = this.#layout.top(this.#scores)
  }

  /** Whether the population is one member: before the warm start, after freezing, and while nothing is in question. */
  #alone({ progress }: Moment): boolean {
    const { freeze, warmStart, proposals } = this.#o
    const frozen = this.#o.choose === 'movement' ? this.#chosen : progress >= freeze
    if (frozen || progress < warmStart) return true
    return proposals === 'gradient' && !this.#active.includes(1)
  }

  members(at: Moment): MaskSet[] {
    if (this.#alone(at)) return [this.#mask]
    const { draw, turn } = this.#turn(at)
    if (this.#directions?.draw !== draw) this.#directions = this.#draw(draw)
    const { members } = this.#directions
    return turn === undefined ? members : [members[turn]!]
  }

  /** Which population an update is for, which member's turn it is, and whether it is the population's last update. */
  #turn({ step }: Moment): { draw: number; turn: number | undefined; last: boolean } {
    const { hold, share, pairs } = this.#o
    const updates = share === 'turns' ? 2 * pairs * hold : hold
    return {
      draw: Math.floor(step / updates),
      turn: share === 'turns' ? Math.floor(step / hold) % (2 * pairs) : undefined,
      last: (step + 1) % updates === 0,
    }
  }

  #draw(draw: number) {
    const { pairs, sigma, sampler, guided } = this.#o
    // A stream by draw, so that a resumed run draws the same.
    const random = new Random(this.#seed, 2 ** 22 + draw)
    const inQuestion = this.#inQuestion()
    const surrogates = this.#surrogates.map((v) => Float32Array.from(inQuestion, (b) => v[b]!))
    const epsilon =
      guided > 0
        ? drawGuidedDirections(pairs, inQuestion.length, random, surrogates, guided)
        : drawDirections(pairs, inQuestion.length, random, sampler)
    const members = epsilon.flatMap((e) =>
      [1, -1].map((sign) => {
        const scores = this.#scores.slice()
        for (const [k, b] of inQuestion.entries()) scores[b]! += sign * sigma * e[k]!
        return this.#layout.top(scores)
      }),
    )
    return { draw, epsilon, members }
  }

  #inQuestion(): Uint32Array {
    const blocks: number[] = []
    for (let b = 0; b < this.#active.length; b++) if (this.#active[b]) blocks.push(b)
    return Uint32Array.from(blocks)
  }

  wantsDenseGradient({ step, progress }: Moment): boolean {
    const { proposals, window, freeze, warmStart } = this.#o
    return proposals === 'gradient' && (step + 1) % window === 0 && progress < freeze && progress >= warmStart
  }

  wantsWeights(at: Moment): boolean {
    const { guided, warmStart, accumulate, proposals, choose, freeze } = this.#o
    if (at.step === 0 || at.progress < warmStart) return true
    if (this.#alone(at)) return false
    if (choose === 'movement' && at.progress >= freeze) return true
    return guided > 0 || (proposals === 'scores' && (at.step + 1) % accumulate === 0)
  }

  gateBackward(at: Moment, parameters: Float32Array, gradient: Float32Array): void {
    if (this.#o.guided === 0 || this.#alone(at)) return
    // More score, more gate: the loss falls along minus the gate's gradient.
    const surrogate = this.#layout.gateGradient(parameters, gradient).map((v) => -v)
    this.#surrogates = [surrogate, ...this.#surrogates].slice(0, SURROGATES)
  }

  update(at: Moment, feedback: Feedback): void {
    const { freeze, warmStart, accumulate, window, settle, proposals, choose } = this.#o
    if (at.step === 0 && choose === 'scores') this.#clearDropped(feedback)
    if (choose === 'movement' && at.step === 0) this.#began = this.#searched(feedback)
    if (!this.#alone(at)) {
      const counts = proposals === 'scores' || at.step % window >= Math.floor(settle * window)
      const { turn, last } = this.#turn(at)
      if (counts) for (const [k, loss] of feedback.losses.entries()) this.#held[turn ?? k]! += loss
      if (last) {
        if (counts) this.#gather()
        this.#held.fill(0)
      }
      if (proposals === 'scores' && (at.step + 1) % accumulate === 0) this.#move(feedback)
    }
    if (proposals === 'gradient' && (at.step + 1) % window === 0 && at.progress < freeze && at.progress >= warmStart) {
      this.#move(feedback)
      this.#propose(at, feedback)
    }
    if (choose === 'movement' && !this.#chosen && at.progress >= freeze) this.#chooseMoved(feedback)
    if (proposals === 'scores' && warmStart > 0 && at.progress < warmStart) this.#fromMagnitudes(feedback)
  }

  /** The strategy's gradient from the losses of the held population. */
  #gather(): void {
    const { sigma, share } = this.#o
    const losses = Float64Array.from(this.#held)
    if (share !== 'all') {
      for (let i = 0; i < losses.length; i += 2) {
        const mean = (losses[i]! + losses[i + 1]!) / 2
        losses[i]! -= mean
        losses[i + 1]! -= mean
      }
    }
    const { epsilon } = this.#directions!
    const gradient = new Float32Array(epsilon[0]!.length)
    addGradient(gradient, rankUtilities(losses), epsilon, sigma)
    let square = 0
    for (const [k, b] of this.#inQuestion().entries()) {
      this.#gathered[b]! += gradient[k]!
      square += gradient[k]! ** 2
    }
    this.#gatheredSquares += square
    this.#gatheredCount++
  }

  /** One step of mu; newborn blocks lose their past. */
  #move(feedback: Feedback): void {
    const { rate } = this.#o
    const n = this.#gatheredCount
    if (n === 0) return
    let square = 0
    for (let b = 0; b < this.#scores.length; b++) {
      square += this.#gathered[b]! ** 2
      this.#scores[b]! += (rate * this.#gathered[b]!) / n
    }
    this.#keepBest(feedback)
    // Independent noise of n draws adds up to the sum of their squares; what is above that is signal.
    this.#telemetry.signalToNoise = square / this.#gatheredSquares - 1
    this.#gathered.fill(0)
    this.#gatheredSquares = 0
    this.#gatheredCount = 0
    this.#directions = undefined
  }

  /** The mask becomes that of mu. */
  #keepBest({ weights }: Feedback): void {
    const { choose } = this.#o
    const { matrices } = this.#layout
    const next = this.#layout.top(this.#scores)
    let born = 0
    let kept = 0
    for (const m of matrices) {
      const blocks = newborns(this.#mask.get(m.name)!, next.get(m.name)!, m)
      // Their weights are what the population's gradients made of them.
      if (choose === 'scores') for (const b of blocks) resetBlock(weights, m, b, true)
      born += blocks.length
      kept += next.get(m.name)!.length
    }
    this.#mask = next
    const norms = new Float32Array(this.#layout.size)
    for (const [i, m] of matrices.entries()) this.#layout.part(norms, i).set(blockNorms(weights.parameters, m))
    const inQuestion = Array.from(this.#inQuestion(), (b) => this.#scores[b]!)
    const mean = inQuestion.reduce((a, b) => a + b, 0) / Math.max(1, inQuestion.length)
    const variance = inQuestion.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, inQuestion.length)
    this.#telemetry = {
      ...this.#telemetry,
      scoreMean: mean,
      scoreDeviation: Math.sqrt(variance),
      churn: born / kept,
      magnitudeOverlap: overlap(next, this.#layout.top(norms), matrices),
    }
  }

  /** Weights of the searched matrices, one matrix after another. */
  #searched({ weights }: Feedback): Float32Array {
    const parts = this.#layout.matrices
      .filter((m) => m.name.startsWith(this.#o.only))
      .map((m) => weights.parameters.subarray(m.offset, m.offset + m.rows * m.columns))
    return joinFloats(parts)
  }

  /** The mask becomes that of the blocks that have moved furthest; they keep what their members' updates made of them. */
  #chooseMoved(feedback: Feedback): void {
    const { matrices } = this.#layout
    const moved = this.#searched(feedback)
    for (let k = 0; k < moved.length; k++) moved[k]! -= this.#began![k]!
    let offset = 0
    for (const [i, m] of matrices.entries()) {
      if (!m.name.startsWith(this.#o.only)) continue
      this.#layout.part(this.#scores, i).set(blockNorms(moved, { ...m, offset }))
      offset += m.rows * m.columns
    }
    const next = this.#layout.top(this.#scores)
    this.#telemetry = { ...this.#telemetry, chosenOverlap: overlap(next, this.#mask, matrices) }
    this.#mask = next
    this.#chosen = true
    this.#began = undefined
  }

  /** A new set of candidates: in every strip the weakest kept blocks and as many dropped ones of largest gradient. */
  #propose(at: Moment, { weights, norms }: Feedback): void {
    const { fraction, freeze, window } = this.#o
    const { matrices } = this.#layout
    this.#active.fill(0)
    // The last window closes before the masks are fixed.
    const share = exchangedShare(at.progress, { fraction, end: freeze, every: window })
    for (const [i, m] of matrices.entries()) {
      const mask = this.#mask.get(m.name)!
      const proposed = exchange(
        mask,
        m,
        Math.round(share * m.kept),
        blockNorms(weights.parameters, m),
        norms!.get(m.name)!,
      )
      const now = maskFlags(mask, m)
      const then = maskFlags(proposed, m)
      const scores = this.#layout.part(this.#scores, i)
      const active = this.#layout.part(this.#active, i)
      for (let b = 0; b < scores.length; b++) {
        active[b] = now[b] === then[b] ? 0 : 1
        scores[b] = active[b] ? 0 : now[b] ? CERTAIN : -CERTAIN
        if (active[b] && !now[b]) resetBlock(weights, m, b)
      }
    }
    this.#directions = undefined
  }

  /** Scores from magnitudes: a kept block's norm by the mean of its strip; dropped ones a little above 0, at random. */
  #fromMagnitudes({ weights }: Feedback): void {
    const random = new Random(this.#seed, 2 ** 21 + 1)
    for (const [i, m] of this.#layout.matrices.entries()) {
      const norms = blockNorms(weights.parameters, m)
      const scores = this.#layout.part(this.#scores, i)
      for (let b = 0; b < scores.length; b++) scores[b] = 0.1 * random.uniform()
      for (let s = 0; s < stripsOf(m); s++) {
        const columns = stripColumns(this.#mask.get(m.name)!, m, s)
        const mean = columns.reduce((sum, c) => sum + norms[s * m.columns + c]!, 0) / columns.length
        for (const c of columns) scores[s * m.columns + c] = 0.1 + norms[s * m.columns + c]! / (mean + 1e-12)
      }
    }
  }

  #clearDropped({ weights }: Feedback): void {
    for (const m of this.#layout.matrices)
      for (const [b, kept] of maskFlags(this.#mask.get(m.name)!, m).entries()) if (!kept) resetBlock(weights, m, b)
  }

  final(): MaskSet {
    return this.#mask
  }

  telemetry(): Record<string, number> {
    return this.#telemetry
  }

  state() {
    return {
      scores: this.#scores,
      gathered: this.#gathered,
      counters: Float32Array.of(this.#gatheredSquares, this.#gatheredCount, this.#chosen ? 1 : 0),
      held: this.#held,
      active: Uint16Array.from(this.#active),
      ...Object.fromEntries(this.#surrogates.map((v, i) => [`surrogate.${i}`, v])),
      ...(this.#began ? { began: this.#began } : {}),
      ...Object.fromEntries(this.#mask),
    }
  }

  restore(state: Record<string, Uint16Array | Float32Array>): void {
    const floats = (name: string) => state[name] as Float32Array
    this.#scores = floats('scores')
    this.#gathered = floats('gathered')
    this.#gatheredSquares = floats('counters')[0]!
    this.#gatheredCount = floats('counters')[1]!
    this.#chosen = floats('counters')[2] === 1
    this.#began = state.began as Float32Array | undefined
    this.#held = floats('held')
    this.#active = Uint8Array.from(state.active!)
    this.#surrogates = Object.keys(state)
      .filter((name) => name.startsWith('surrogate.'))
      .sort()
      .map(floats)
    this.#mask = new Map(this.#layout.matrices.map((m) => [m.name, state[m.name] as Mask]))
    this.#directions = undefined
  }
}
