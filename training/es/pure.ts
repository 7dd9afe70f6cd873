/**
 * Pure evolution strategies: a net's parameters learned from losses alone, no gradient anywhere. A generation tries n = 2p members,
 * mirrored pairs mean + s e_i and mean - s e_i with e_i ~ N(0, I), and turns their losses into rank utilities u_k
 * (Wierstra et al. 2014, section 3.1).
 *
 * `openai-es` (Salimans et al. 2017, Algorithm 1): s is one fixed number sigma, and Adam climbs  g = sum_k u_k e_k / (n sigma).
 *
 * `snes` (Schaul, Glasmachers & Schmidhuber 2011, Algorithm 2): s is a vector with one deviation a parameter,
 *
 *     mean <- mean + rate s sum_k u_k z_k,      s <- s exp(eta / 2 sum_k u_k (z_k^2 - 1)),      eta = (3 + ln d) / (5 sqrt d)
 *
 * with z_k = e_i or -e_i. Semi-updates (Lenc, Elsen, Schaul & Simonyan 2019): the population is shared by `workers`; each ranks
 * its own members and makes its own update, with its own moments, from the common mean; the means that come out are averaged, of
 * SNES' deviations the logarithms. One worker is the strategy itself.
 */

import { Random } from 'sparsewave/internal/random'
import { z } from 'zod'
import { adamUpdate } from '../net/adam.ts'
import { addGradient, drawDirections } from './sampling.ts'
import { rankUtilities } from './utilities.ts'

export const STRATEGIES = ['openai-es', 'snes'] as const

export const pureEsOptions = z
  .strictObject({
    strategy: z.enum(STRATEGIES).default('openai-es'),
    /** Mirrored pairs of a generation, over all workers. */
    pairs: z.number().int().min(1).default(32),
    /** Deviation of the perturbation, in SNES at first. */
    sigma: z.number().positive().default(0.05),
    /** Adam's rate (default 0.01); in SNES the rate of the mean (default 1, the theory's). */
    rate: z.number().positive().optional(),
    workers: z.number().int().min(1).default(1),
  })
  .refine(({ pairs, workers }) => pairs % workers === 0, { message: '`pairs` must be a multiple of `workers`' })
  .transform((o) => ({ ...o, rate: o.rate ?? (o.strategy === 'snes' ? 1 : 0.01) }))
export type PureEsOptions = z.output<typeof pureEsOptions>

interface Worker {
  readonly first: Float32Array
  readonly second: Float32Array
}

/** Minimises a loss of a vector; every draw comes from the seed and the generation. */
export class PureEs {
  /** What has been learned: the vector that members lie around. */
  readonly mean: Float32Array
  readonly members: number
  readonly #o: PureEsOptions
  readonly #seed: number
  readonly #workers: readonly Worker[]
  /** SNES: one deviation a parameter. */
  readonly #deviations: Float32Array | undefined
  #generation = 0
  #directions: readonly Float32Array[]

  constructor(initial: Float32Array, seed: number, o: PureEsOptions) {
    const dimension = initial.length
    this.#o = o
    this.#seed = seed
    this.mean = initial.slice()
    this.members = 2 * o.pairs
    const moments = () => new Float32Array(o.strategy === 'openai-es' ? dimension : 0)
    this.#workers = Array.from({ length: o.workers }, () => ({ first: moments(), second: moments() }))
    this.#deviations = o.strategy === 'snes' ? new Float32Array(dimension).fill(o.sigma) : undefined
    this.#directions = this.#draw()
  }

  get generation(): number {
    return this.#generation
  }

  /** Mean of the deviations. */
  get deviation(): number {
    return this.#deviations ? this.#deviations.reduce((a, b) => a + b, 0) / this.#deviations.length : this.#o.sigma
  }

  #draw(): Float32Array[] {
    const random = new Random(this.#seed, 2 ** 22 + this.#generation)
    return drawDirections(this.#o.pairs, this.mean.length, random)
  }

  /** Writes the vector that member `k` tries to `out`. */
  member(k: number, out: Float32Array): void {
    const e = this.#directions[k >> 1]!
    const sign = k % 2 === 0 ? 1 : -1
    const { mean } = this
    const s = this.#deviations
    const sigma = sign * this.#o.sigma
    if (s) for (let i = 0; i < out.length; i++) out[i] = mean[i]! + sign * s[i]! * e[i]!
    else for (let i = 0; i < out.length; i++) out[i] = mean[i]! + sigma * e[i]!
  }

  /** Learns from the members' losses and begins the next generation. @param scale of the rate, for schedules */
  tell(losses: ArrayLike<number>, scale = 1): void {
    const each = this.#o.pairs / this.#o.workers
    const change = new Float32Array(this.mean.length)
    const growth = this.#deviations ? new Float32Array(this.mean.length) : undefined
    for (const [w, worker] of this.#workers.entries()) {
      const own = Array.from({ length: 2 * each }, (_, k) => losses[2 * w * each + k]!)
      const utilities = rankUtilities(own)
      const directions = this.#directions.slice(w * each, (w + 1) * each)
      if (growth) this.#addNatural(utilities, directions, scale, change, growth)
      else this.#addAdam(worker, utilities, directions, scale, change)
    }
    const share = 1 / this.#o.workers
    for (let i = 0; i < change.length; i++) this.mean[i]! += share * change[i]!
    if (growth) for (let i = 0; i < growth.length; i++) this.#deviations![i]! *= Math.exp(share * growth[i]!)
    this.#generation++
    this.#directions = this.#draw()
  }

  /** change += what one worker's Adam step does to the mean. */
  #addAdam(
    { first, second }: Worker,
    utilities: Float64Array,
    directions: readonly Float32Array[],
    scale: number,
    change: Float32Array,
  ): void {
    const gradient = new Float32Array(change.length)
    addGradient(gradient, utilities, directions, this.#o.sigma)
    // Adam descends.
    for (let i = 0; i < gradient.length; i++) gradient[i]! *= -1
    const moved = this.mean.slice()
    adamUpdate(moved, gradient, first, second, new Float32Array(moved.length), {
      rate: scale * this.#o.rate,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      clip: Number.MAX_VALUE,
      average: 0,
      step: this.#generation + 1,
    })
    for (let i = 0; i < change.length; i++) change[i]! += moved[i]! - this.mean[i]!
  }

  /** change += what one worker's natural gradient does to the mean, growth += to the logarithms of the deviations. */
  #addNatural(
    utilities: Float64Array,
    directions: readonly Float32Array[],
    scale: number,
    change: Float32Array,
    growth: Float32Array,
  ): void {
    const dimension = change.length
    const eta = (3 + Math.log(dimension)) / (5 * Math.sqrt(dimension))
    for (const [i, e] of directions.entries()) {
      const odd = scale * this.#o.rate * (utilities[2 * i]! - utilities[2 * i + 1]!)
      const even = (eta / 2) * (utilities[2 * i]! + utilities[2 * i + 1]!)
      for (let k = 0; k < dimension; k++) {
        change[k]! += odd * this.#deviations![k]! * e[k]!
        growth[k]! += even * (e[k]! * e[k]! - 1)
      }
    }
  }
}
