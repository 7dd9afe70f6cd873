/**
 * Perturbations of an evolution strategy. A population of n = 2p members is p directions, each tried with both signs (mirrored,
 * antithetic: Brockhoff et al. 2010; Salimans et al. 2017): member 2i is mean + sigma e_i, member 2i + 1 is mean - sigma e_i.
 */
import type { Random } from 'sparsewave/internal/random'

export const SAMPLERS = ['gaussian', 'orthogonal'] as const
export type Sampler = (typeof SAMPLERS)[number]

/** Fills `out` with independent standard normal values (Box-Muller, both of a pair used). */
export function fillNormal(out: Float32Array, random: Random): void {
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(random.uniform()))
    const angle = 2 * Math.PI * random.uniform()
    out[i] = radius * Math.cos(angle)
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle)
  }
}

/**
 * Directions e [pairs][dimension], each with the distribution of a standard normal vector.
 * `orthogonal`: made orthogonal to one another and given back their lengths, in groups of at most `dimension`, which lowers
 * the variance of the estimate (Choromanski et al. 2018, "Structured Evolution with Compact Architectures").
 */
export function drawDirections(
  pairs: number,
  dimension: number,
  random: Random,
  sampler: Sampler = 'gaussian',
): Float32Array[] {
  const directions = Array.from({ length: pairs }, () => {
    const e = new Float32Array(dimension)
    fillNormal(e, random)
    return e
  })
  if (sampler === 'orthogonal') {
    for (let from = 0; from < pairs; from += dimension) orthogonalize(directions.slice(from, from + dimension))
  }
  return directions
}

/** Modified Gram-Schmidt in place; every vector keeps its length. */
export function orthogonalize(vectors: readonly Float32Array[]): void {
  for (const [i, v] of vectors.entries()) {
    const length = Math.sqrt(dot(v, v))
    // Twice: single precision leaves a remainder the first time.
    for (let pass = 0; pass < 2; pass++)
      for (const w of vectors.slice(0, i)) {
        const share = dot(v, w) / dot(w, w)
        for (let k = 0; k < v.length; k++) v[k]! -= share * w[k]!
      }
    const scale = length / Math.sqrt(dot(v, v))
    for (let k = 0; k < v.length; k++) v[k]! *= scale
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!
  return sum
}

/**
 * Adds the strategy's gradient sum_k u_k e_k / (n sigma) to `gradient` [dimension]: with mirrored pairs
 * sum_i (u_2i - u_2i+1) e_i / (2 p sigma). Utilities reward, so the mean moves along +gradient (Salimans et al. 2017, eq. 2).
 */
export function addGradient(
  gradient: Float32Array | Float64Array,
  utilities: ArrayLike<number>,
  directions: readonly Float32Array[],
  sigma: number,
): void {
  for (const [i, e] of directions.entries()) {
    const weight = (utilities[2 * i]! - utilities[2 * i + 1]!) / (2 * directions.length * sigma)
    if (weight === 0) continue
    for (let k = 0; k < e.length; k++) gradient[k]! += weight * e[k]!
  }
}
