/**
 * Batch normalisation (Ioffe & Szegedy 2015) of activations [groups, units, 16 lanes]: n = (y - mean) / sqrt(variance + 1e-5), per unit over all
 * examples. What follows it (scale and shift) are parameters of the net.
 *
 * Evolution strategies ask whose statistics a member is normalised by, since every member is another net (`NORMALIZATIONS`):
 *
 * - `batch`: its own on the batch at hand, as in training by the gradient.
 * - `centre`: those of the population's mean vector on the batch, once a generation: members are compared on one scale.
 * - `virtual`: its own on a reference batch that never changes (Salimans et al. 2016, section 3.4; used for strategies by Salimans et al. 2017,
 *   section 2.2). Another pass forward a member.
 */
import { LANES } from '../../net/engine.ts'

export const NORMALIZATIONS = ['batch', 'centre', 'virtual'] as const
export type Normalization = (typeof NORMALIZATIONS)[number]

const EPSILON = 1e-5

/** Of one layer, [units]. */
export interface Statistics {
  readonly mean: Float32Array
  /** 1 / sqrt(variance + 1e-5). */
  readonly inverse: Float32Array
}

/** Calls `visit` with every run of 16 values of one unit: where it begins, and the unit. */
function eachRun(length: number, units: number, visit: (at: number, unit: number) => void): void {
  for (let at = 0, unit = 0; at < length; at += LANES, unit = (unit + 1) % units) visit(at, unit)
}

/** Sums over the examples, per unit, of values at an index. */
function sums(length: number, units: number, value: (index: number, unit: number) => number): Float64Array {
  const out = new Float64Array(units)
  eachRun(length, units, (at, unit) => {
    for (let l = at; l < at + LANES; l++) out[unit]! += value(l, unit)
  })
  return out
}

/** Statistics of `units` units over the examples of y. */
export function statisticsOf(y: Float32Array, units: number): Statistics {
  const count = y.length / units
  const mean = Float32Array.from(
    sums(y.length, units, (i) => y[i]!),
    (v) => v / count,
  )
  const variance = sums(y.length, units, (i, unit) => (y[i]! - mean[unit]!) ** 2)
  return { mean, inverse: Float32Array.from(variance, (v) => 1 / Math.sqrt(v / count + EPSILON)) }
}

/** Replaces y by n. */
export function normalize(y: Float32Array, { mean, inverse }: Statistics): void {
  eachRun(y.length, mean.length, (at, unit) => {
    for (let l = at; l < at + LANES; l++) y[l] = (y[l]! - mean[unit]!) * inverse[unit]!
  })
}

/** scale * n + shift, [units] each. */
export function scaleAndShift(n: Float32Array, scale: Float32Array, shift: Float32Array): Float32Array {
  const out = new Float32Array(n.length)
  eachRun(n.length, scale.length, (at, unit) => {
    for (let l = at; l < at + LANES; l++) out[l] = scale[unit]! * n[l]! + shift[unit]!
  })
  return out
}

/**
 * From the gradient `d` of scale * n + shift: adds to those of scale and shift, and replaces `d` by that of y. `own`: the statistics are
 * those of y itself and change with it.
 */
export function normalizeBackward(
  d: Float32Array,
  n: Float32Array,
  scale: Float32Array,
  { inverse }: Statistics,
  own: boolean,
  gradient: { readonly scale: Float32Array; readonly shift: Float32Array },
): void {
  const units = scale.length
  const count = d.length / units
  const along = sums(d.length, units, (i) => d[i]! * n[i]!)
  const total = sums(d.length, units, (i) => d[i]!)
  for (let unit = 0; unit < units; unit++) {
    gradient.scale[unit]! += along[unit]!
    gradient.shift[unit]! += total[unit]!
  }
  eachRun(d.length, units, (at, unit) => {
    const factor = scale[unit]! * inverse[unit]!
    for (let l = at; l < at + LANES; l++)
      d[l] = factor * (own ? d[l]! - (total[unit]! + n[l]! * along[unit]!) / count : d[l]!)
  })
}
