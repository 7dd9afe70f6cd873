/** Linear models over hashed features: features and labels are 32-bit hashes, their weights lie in one table. */

/** FNV-1a of a string, mixed. */
export function hash(text: string, seed = 2166136261): number {
  let h = seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619)
  h ^= h >>> 15
  return Math.imul(h, 0x2c1b3c6d) >>> 0
}

/** Where the weight of a feature for a label lies in a table of `size` weights, a power of two. */
export function slot(feature: number, label: number, size: number): number {
  let h = Math.imul(feature ^ label, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) & (size - 1)
}
