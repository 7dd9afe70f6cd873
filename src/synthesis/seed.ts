/**
 * Seeds. A sentence's seed depends on the request's seed and the sentence's index alone, so the same request gives
 * the same samples whatever else runs and however the audio is cut into chunks.
 */

/** Largest seed a request may name (seeds are unsigned 32-bit). */
export const MAX_SEED = 0xffffffff

/** MurmurHash3's finaliser: a bijection of the unsigned 32-bit integers. */
const fmix32 = (value: number): number => {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Seed of sentence `index` (from 0) of a request. */
export const sentenceSeed = (seed: number, index: number): number => fmix32(fmix32(seed + 0x9e3779b9) ^ index)

/** A seed for a request that names none. */
export const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0]!
