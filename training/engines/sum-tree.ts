/**
 * Sums in one fixed tree, so that floating-point sums over parts do not depend on who adds them:
 *
 *     T(a_1 .. a_m) = T(a_1 .. a_k) + T(a_k+1 .. a_m),  k = largest power of 2 < m
 */

/** Where the tree over parts [from, to) is split. */
const splitOf = (from: number, to: number) => from + 2 ** Math.floor(Math.log2(to - from - 0.5))

/** T over [from, to): a node that is `known`, or the sum of its halves, in the memory of the left one. */
export function treeSum(
  from: number,
  to: number,
  known: (from: number, to: number) => Float32Array | undefined,
): Float32Array {
  const found = known(from, to)
  if (found) return found
  if (to - from === 1) throw new Error(`part ${from} is missing`)
  const middle = splitOf(from, to)
  const left = treeSum(from, middle, known)
  const right = treeSum(middle, to, known)
  for (let k = 0; k < left.length; k++) left[k]! += right[k]!
  return left
}

/** The largest nodes of the tree over [lo, hi) that lie in [from, to). */
export function largestWithin(lo: number, hi: number, from: number, to: number): [number, number][] {
  if (hi <= from || lo >= to) return []
  if (lo >= from && hi <= to) return [[lo, hi]]
  const middle = splitOf(lo, hi)
  return [...largestWithin(lo, middle, from, to), ...largestWithin(middle, hi, from, to)]
}

/** Who has which of `parts` parts: worker w of `workers` has those from edges[w] to edges[w + 1]. More workers than parts leave some without. */
export function partEdges(workers: number, parts: number): number[] {
  const used = Math.min(workers, parts)
  return Array.from({ length: workers + 1 }, (_, w) => Math.round((Math.min(w, used) * parts) / used))
}
