/**
 * Guided ES (Maheswaranathan et al. 2019, eq. 4): directions drawn with variance
 *
 *     (1 - share) I + share (dimension / k) U U'
 *
 * where the columns of U span k surrogate gradients that are cheap and biased. The trace, and so the mean length, is that of a
 * standard normal vector; `share` 0 is plain ES, 1 searches the subspace only.
 */
import type { Random } from 'sparsewave/internal/random'
import { fillNormal, orthogonalize } from './sampling.ts'

/** @param surrogates vectors [dimension] that need be neither orthogonal nor normal; those of length 0 are left out */
export function drawGuidedDirections(
  pairs: number,
  dimension: number,
  random: Random,
  surrogates: readonly Float32Array[],
  share: number,
): Float32Array[] {
  const basis = surrogates.filter((v) => v.some((x) => x !== 0)).map((v) => v.slice())
  orthogonalize(basis)
  const scales = basis.map((v) => 1 / Math.sqrt(v.reduce((sum, x) => sum + x * x, 0)))
  const inside = basis.length > 0 ? Math.sqrt((share * dimension) / basis.length) : 0
  const outside = basis.length > 0 ? Math.sqrt(1 - share) : 1
  return Array.from({ length: pairs }, () => {
    const e = new Float32Array(dimension)
    fillNormal(e, random)
    for (let k = 0; k < dimension; k++) e[k]! *= outside
    const along = new Float32Array(basis.length)
    fillNormal(along, random)
    for (const [j, v] of basis.entries()) {
      const weight = inside * along[j]! * scales[j]!
      for (let k = 0; k < dimension; k++) e[k]! += weight * v[k]!
    }
    return e
  })
}
