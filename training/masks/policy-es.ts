/**
 * Policy ES: gradients train the weights, an evolution strategy a small policy that decides which blocks go. A strategy over the scores of
 * thousands of blocks has no signal. One over four numbers a matrix has.
 *
 * The matrices that `only` names begin dense and are pruned along the cubic schedule of magnitude pruning, every `every` updates, and nothing
 * comes back. All others keep fixed random masks. For every block b of a pruned matrix m three features cost nothing:
 *
 *     f1 = ln |w_b|,  f2 = ln rms(<w_b, g_b>),  f3 = ln |mean(<w_b, g_b>)|      over the updates since the last pruning, standardised by matrix
 *     score_b = sum_i theta_mi f_i                                              the blocks of lowest score go, strip by strip
 *     kept_m  = k_m + (columns_m - k_m) (1 - progress)^3 e^share_m / c          c such that all matrices together keep what the schedule says
 *
 * The policy is theta and share. In the last part of each window (`trial`) p mirrored pairs of policies prune to the next size, all from the same
 * weights, and train on: both of a pair see the same data. Their losses become rank utilities, and the policy moves along the strategy's
 * gradient (Salimans et al. 2017) before it prunes for good. The hybrid of Lenc, Elsen, Schaul & Simonyan 2019 with the strategy at the head of a
 * pruning schedule (Zhu & Gupta 2017) instead of at single masks. Features after Molchanov et al. 2019 ("Importance Estimation for Neural
 * Network Pruning"). `policy: fixed` and `policy: drawn` are its controls: the same schedule, without a strategy.
 */
import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { addGradient, drawDirections, rankUtilities } from '../es/index.ts'
import { blockNorms, maskFlags, ScoreLayout, sparsityOf, stripsOf, topColumns } from '../net/blocks.ts'
import type { MaskedMatrix } from '../net/layout.ts'
import type {
  Feedback,
  Mask,
  MaskContext,
  MaskMethod,
  MaskMethodFactory,
  MaskSet,
  MaskState,
  Moment,
} from '../net/mask.ts'
import { randomMasks } from './random.ts'

const options = z.strictObject({
  /** Only matrices whose name begins so begin dense and are pruned. */
  only: z.string().default(''),
  /** Progress at which pruning starts and ends. */
  start: z.number().min(0).max(1).default(0.02),
  end: z.number().min(0).max(1).default(0.2),
  /** Updates between prunings. */
  every: z.number().int().min(2).default(50),
  /** Share of them, the last, in which policies compete. */
  trial: z.number().min(0).max(0.9).default(0.4),
  /** Mirrored pairs of policies. */
  pairs: z.number().int().min(1).default(4),
  /** Deviation of the perturbed policies. */
  sigma: z.number().positive().default(0.3),
  /** Step of the policy along the strategy's gradient. */
  rate: z.number().min(0).default(0.5),
  /** Policy at first: weights of norm, rms and mean of the gate gradient. */
  theta: z.array(z.number()).length(3).default([1, 1, 0]),
  /** `learned`, or a control: `fixed` stays as it begins, `drawn` is drawn from the seed once. */
  policy: z.enum(['learned', 'fixed', 'drawn']).default('learned'),
})
type Options = z.output<typeof options>

const FEATURES = 3
/** Numbers of the policy a matrix: the features' weights, the share. */
const FIELDS = FEATURES + 1
/** Largest factor between two matrices' shares is e to twice this. */
const SHARE_LIMIT = 1

export const policyEs: MaskMethodFactory<Options> = {
  name: 'policy-es',
  options,
  create: (context, chosen) => new PolicyEs(context, chosen),
}

class PolicyEs implements MaskMethod {
  readonly name = 'policy-es'
  readonly share = 'pairs'
  readonly pairs: number
  readonly startsDense: boolean
  readonly #o: Options
  readonly #seed: number
  readonly #context: MaskContext
  /** The pruned matrices. */
  readonly #layout: ScoreLayout
  #masks: Map<string, Mask>
  /** [pruned matrices, FIELDS] */
  #policy: Float32Array
  /** Sums over the window, a block: gate gradient, its square; and how many updates they are of. */
  #gates: Float32Array
  #squares: Float32Array
  #counted = 0
  /** [FEATURES, blocks] at the trial's start; empty outside a trial. */
  #features: Float32Array = new Float32Array(0)
  /** Losses of the trial's members, summed. */
  #held: Float32Array
  #members: MaskSet[] | undefined
  #moved = 0

  constructor(context: MaskContext, o: Options) {
    this.#context = context
    this.#o = o
    this.#seed = context.seed
    this.pairs = o.policy === 'learned' ? o.pairs : 1
    this.startsDense = o.only === ''
    const pruned = context.matrices.filter((m) => m.name.startsWith(o.only))
    this.#layout = new ScoreLayout(pruned)
    this.#masks = randomMasks(context)
    for (const m of pruned)
      this.#masks.set(
        m.name,
        Uint16Array.from({ length: stripsOf(m) * m.columns }, (_, i) => i % m.columns),
      )
    const random = new Random(context.seed, 2 ** 23)
    const begin = [...o.theta, 0]
    this.#policy = Float32Array.from({ length: pruned.length * FIELDS }, (_, i) =>
      o.policy === 'drawn' ? random.normal() * (i % FIELDS === FEATURES ? SHARE_LIMIT / 2 : 1) : begin[i % FIELDS]!,
    )
    this.#gates = new Float32Array(this.#layout.size)
    this.#squares = new Float32Array(this.#layout.size)
    this.#held = new Float32Array(2 * o.pairs)
  }

  /** Whether there is something left to prune. */
  #isPruning({ progress }: Moment): boolean {
    if (progress < this.#o.start) return false
    return this.#layout.matrices.some((m) => this.#keptOf(m) > m.kept)
  }

  /** Columns that a strip of the matrix keeps now. */
  #keptOf(m: MaskedMatrix): number {
    return this.#masks.get(m.name)!.length / stripsOf(m)
  }

  /** Updates of a window before its trial; all of them where nothing is tried. */
  get #before(): number {
    const { every, trial, policy } = this.#o
    return policy === 'learned' ? Math.max(1, every - Math.round(trial * every)) : every
  }

  members(at: Moment): MaskSet[] {
    if (!this.#isTrying(at)) return [this.#masks]
    this.#members ??= this.#draw(at).flatMap((e) =>
      [1, -1].map((sign) =>
        this.#pruned(
          this.#policy.map((v, i) => v + sign * this.#o.sigma * e[i]!),
          this.#next(at),
        ),
      ),
    )
    return this.#members
  }

  #isTrying(at: Moment): boolean {
    return this.#features.length > 0 && this.#isPruning(at) && at.step % this.#o.every >= this.#before
  }

  /** A stream by window, so that a resumed run draws the same. */
  #draw({ step }: Moment): Float32Array[] {
    const random = new Random(this.#seed, 2 ** 24 + Math.floor(step / this.#o.every))
    return drawDirections(this.#o.pairs, this.#policy.length, random)
  }

  /** Share of what is to be pruned that is left at a moment: 1 before the start, 0 from the end on. */
  #next({ progress }: Moment): number {
    const { start, end } = this.#o
    return (1 - Math.min(1, Math.max(0, (progress - start) / Math.max(1e-9, end - start)))) ** 3
  }

  wantsWeights(at: Moment): boolean {
    return this.#isPruning(at) && at.step % this.#o.every < this.#before
  }

  update(at: Moment, feedback: Feedback): void {
    if (!this.#isPruning(at)) return
    const { every } = this.#o
    const place = at.step % every
    if (place < this.#before) this.#observe(feedback)
    else if (this.#features.length > 0) for (const [k, loss] of feedback.losses.entries()) this.#held[k]! += loss
    // A window that began before pruning did has seen too little.
    if (place === this.#before - 1 && this.#counted > 0) this.#features = this.#measure(feedback)
    if (place !== every - 1 || this.#features.length === 0) return
    if (this.#o.policy === 'learned') this.#learn(at)
    this.#masks = this.#pruned(this.#policy, this.#next(at))
    this.#gates.fill(0)
    this.#squares.fill(0)
    this.#held.fill(0)
    this.#counted = 0
    this.#features = new Float32Array(0)
    this.#members = undefined
  }

  #observe({ weights, gradient }: Feedback): void {
    const gates = this.#layout.gateGradient(weights.parameters, gradient)
    for (let b = 0; b < gates.length; b++) {
      this.#gates[b]! += gates[b]!
      this.#squares[b]! += gates[b]! ** 2
    }
    this.#counted++
  }

  /** The blocks' features, each standardised over the matrix's kept blocks. */
  #measure({ weights }: Feedback): Float32Array {
    const { size, matrices } = this.#layout
    const out = new Float32Array(FEATURES * size)
    for (const [i, m] of matrices.entries()) {
      const start = this.#layout.start(i)
      const norms = blockNorms(weights.parameters, m)
      const flags = maskFlags(this.#masks.get(m.name)!, m)
      const values = [
        (b: number) => norms[b]!,
        (b: number) => Math.sqrt(this.#squares[start + b]! / this.#counted),
        (b: number) => Math.abs(this.#gates[start + b]!) / this.#counted,
      ]
      for (const [f, value] of values.entries()) {
        const part = out.subarray(f * size + start, f * size + start + norms.length)
        let sum = 0
        let square = 0
        let kept = 0
        for (let b = 0; b < part.length; b++) {
          if (!flags[b]) continue
          part[b] = Math.log(Math.max(1e-20, value(b)))
          sum += part[b]!
          square += part[b]! ** 2
          kept++
        }
        const mean = sum / kept
        const spread = Math.sqrt(Math.max(1e-12, square / kept - mean * mean))
        for (let b = 0; b < part.length; b++) part[b] = flags[b] ? (part[b]! - mean) / spread : 0
      }
    }
    return out
  }

  /** Moves the policy by what the trial has shown. */
  #learn(at: Moment): void {
    const { sigma, rate } = this.#o
    const losses = Float64Array.from(this.#held)
    // Pairs see different data: only the difference within one counts.
    for (let i = 0; i < losses.length; i += 2) {
      const mean = (losses[i]! + losses[i + 1]!) / 2
      losses[i]! -= mean
      losses[i + 1]! -= mean
    }
    const gradient = new Float32Array(this.#policy.length)
    addGradient(gradient, rankUtilities(losses), this.#draw(at), sigma)
    let square = 0
    for (let i = 0; i < gradient.length; i++) {
      const step = rate * gradient[i]!
      square += step ** 2
      this.#policy[i]! += step
    }
    this.#moved = Math.sqrt(square)
  }

  /** The masks that a policy leaves at `left` of what is to be pruned: 1 = everything, 0 = the net's own sizes. */
  #pruned(policy: Float32Array, left: number): Map<string, Mask> {
    const { matrices, size } = this.#layout
    const next = new Map(this.#masks)
    const counts = this.#counts(policy, left)
    for (const [i, m] of matrices.entries()) {
      const mask = this.#masks.get(m.name)!
      if (counts[i]! >= this.#keptOf(m)) continue
      const start = this.#layout.start(i)
      // What is gone stays gone.
      const scores = new Float32Array(stripsOf(m) * m.columns).fill(Number.NEGATIVE_INFINITY)
      const flags = maskFlags(mask, m)
      for (let b = 0; b < scores.length; b++) {
        if (!flags[b]) continue
        let score = 0
        for (let f = 0; f < FEATURES; f++) score += policy[i * FIELDS + f]! * this.#features[f * size + start + b]!
        scores[b] = score
      }
      next.set(m.name, topColumns(scores, m.columns, counts[i]!))
    }
    return next
  }

  /** Columns that a strip of each matrix keeps. Together they keep as many blocks as the schedule says, to a column of rounding. */
  #counts(policy: Float32Array, left: number): number[] {
    const { matrices } = this.#layout
    const spare = matrices.map((m) => (m.columns - m.kept) * left)
    const weight = matrices.map((_, i) =>
      Math.exp(Math.min(SHARE_LIMIT, Math.max(-SHARE_LIMIT, policy[i * FIELDS + FEATURES]!))),
    )
    const blocks = (values: readonly number[]): number =>
      values.reduce((sum, v, i) => sum + v * stripsOf(matrices[i]!), 0)
    const shared = spare.map((v, i) => v * weight[i]!)
    const scale = blocks(spare) / Math.max(1e-9, blocks(shared))
    return matrices.map((m, i) => {
      return Math.min(this.#keptOf(m), Math.max(m.kept, Math.round(m.kept + shared[i]! * scale)))
    })
  }

  final(): MaskSet {
    return this.#masks
  }

  telemetry(): Record<string, number> {
    const { matrices } = this.#layout
    const mean = (field: number): number =>
      matrices.reduce((sum, _, i) => sum + this.#policy[i * FIELDS + field]!, 0) / Math.max(1, matrices.length)
    return {
      policyMoved: this.#moved,
      policyNorm: mean(0),
      policyRms: mean(1),
      policyMean: mean(2),
      pruned: sparsityOf(this.#masks, this.#context.matrices),
    }
  }

  state(): MaskState {
    return {
      ...Object.fromEntries([...this.#masks].map(([name, mask]) => [`mask.${name}`, mask])),
      policy: this.#policy,
      gates: this.#gates,
      squares: this.#squares,
      features: this.#features,
      held: this.#held,
      counts: Float32Array.of(this.#counted, this.#moved),
    }
  }

  restore(state: MaskState): void {
    this.#masks = new Map(
      Object.entries(state).flatMap(([key, value]) =>
        key.startsWith('mask.') ? [[key.slice('mask.'.length), value as Mask] as const] : [],
      ),
    )
    const floats = (key: string): Float32Array => (state[key] as Float32Array).slice()
    this.#policy = floats('policy')
    this.#gates = floats('gates')
    this.#squares = floats('squares')
    this.#features = floats('features')
    this.#held = floats('held')
    const [counted = 0, moved = 0] = state.counts as Float32Array
    this.#counted = counted
    this.#moved = moved
    this.#members = undefined
  }
}
