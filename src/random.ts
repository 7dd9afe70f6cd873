/**
 * Seeded random numbers (xoshiro128**, Blackman & Vigna 2018). The state can be saved, so that training resumes exactly.
 */

/** MurmurHash3's 32-bit finaliser. */
export function fmix32(value: number): number {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

export class Random {
  readonly state: Uint32Array

  /** Streams of one seed are independent of one another. */
  constructor(seed: number, stream = 0) {
    this.state = Uint32Array.from([1, 2, 3, 4], (i) => fmix32(fmix32(seed + i * 0x9e3779b9) + stream * 0x85ebca6b + i))
    if (this.state.every((v) => v === 0)) this.state[0] = 1
  }

  /** 32 uniform bits. */
  bits(): number {
    const s = this.state
    const x = Math.imul(s[1]!, 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0
    const t = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= t
    s[3] = (s[3]! << 11) | (s[3]! >>> 21)
    return result
  }

  /** Uniform in (0, 1). */
  uniform(): number {
    return (this.bits() + 0.5) / 4294967296
  }

  /** Integer in 0 .. n - 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n)
  }

  /** The integers 0 .. n - 1 in random order (Fisher-Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const moved = order[i]!
      order[i] = order[j]!
      order[j] = moved
    }
    return order
  }

  /** Standard normal (Box-Muller, one of the pair). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }
}
