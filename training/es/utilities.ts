/**
 * Rank utilities: what a member of the population is worth to an evolution strategy. Only ranks count, so that the scale and the
 * outliers of the losses do not matter.
 */

/**
 * u_k = max(0, ln(n/2 + 1) - ln rank_k) / sum_j (...) - 1/n, rank 1 the lowest loss; the utilities sum to 0.
 * Members of equal loss get the mean of their ranks' utilities; a loss that is not a number ranks last.
 * Wierstra et al. 2014, "Natural Evolution Strategies", section 3.1.
 */
export function rankUtilities(losses: ArrayLike<number>): Float64Array {
  const n = losses.length
  const raw = Float64Array.from({ length: n }, (_, i) => Math.max(0, Math.log(n / 2 + 1) - Math.log(i + 1)))
  const sum = raw.reduce((a, b) => a + b, 0)
  const value = (i: number): number => (Number.isNaN(losses[i]!) ? Number.POSITIVE_INFINITY : losses[i]!)
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) =>
    value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a - b,
  )
  const utilities = new Float64Array(n)
  for (let from = 0; from < n; ) {
    let to = from + 1
    while (to < n && value(order[to]!) === value(order[from]!)) to++
    let mean = 0
    for (let k = from; k < to; k++) mean += raw[k]! / (to - from)
    for (let k = from; k < to; k++) utilities[order[k]!] = mean / sum - 1 / n
    from = to
  }
  return utilities
}
