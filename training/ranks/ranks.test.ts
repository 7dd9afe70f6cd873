/** Ranks over a link in memory: sums do not depend on their number or hosts, and engines give the bits of worker processes. */

import { existsSync } from 'node:fs'
import { addonFile } from 'sparsewave/internal/native-addon'
import { Random } from 'sparsewave/internal/random'
import { netConfigSchema } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { afterAll, describe, expect, test } from 'vitest'
import { createParallelEngine } from '../engines/parallel.ts'
import { largestWithin, partEdges, treeSum } from '../engines/sum-tree.ts'
import { syntheticBatch, syntheticMasks, syntheticParameters } from '../engines/synthetic.ts'
import { type Batch, LANES, memberGroups, partsOf, type StepOptions } from '../net/engine.ts'
import type { MaskSet } from '../net/mask.ts'
import type { Ranks } from '../net/ranks.ts'
import { maskedSegments, parameterLayout } from '../net/vocoder-layout.ts'
import { TRAINING_ROOT } from '../root.ts'
import { memoryLinks } from '../testing/memory-link.ts'
import { createRanksEngine } from './engine.ts'
import { createPackings } from './pack.ts'
import { connectRanks, ranksPerHost } from './ranks.ts'

/** `a2 b2`: two ranks on host a, then two on host b. */
const hostsOf = (text: string) =>
  text.split(' ').flatMap((word) => Array<string>(Number(word.slice(1))).fill(word.slice(0, 1)))

const everywhere = <T>(ranks: readonly Ranks[], work: (ranks: Ranks) => Promise<T>) => Promise.all(ranks.map(work))

test.each([
  ['a4', 4],
  ['a2 b2 c2', 2],
  ['a1 b1 c1', 1],
  ['a2 b1', 1],
  ['a1 b1 a1 b1', 1],
])('on %s a host holds %i ranks', (hosts, each) => {
  expect(ranksPerHost(hostsOf(hosts))).toBe(each)
})

describe('ranks', () => {
  test.each(['a1', 'a2', 'a3', 'a8', 'a2 b2', 'a3 b3', 'a1 b1 c1 d1 e1', 'a4 b4 c4', 'a3 b1'])(
    '%s come to the sum of the one tree, whatever the parts',
    async (text) => {
      const ranks = memoryLinks(hostsOf(text)).map(connectRanks)
      for (const parts of [1, 2, 5, 8, 13, 16]) {
        const random = new Random(7, parts)
        const leaves = Array.from({ length: parts }, () => new Float32Array(37).map(() => random.normal()))
        const known = (copies: readonly Float32Array[]) => (a: number, b: number) =>
          b - a === 1 ? copies[a] : undefined
        const expected = treeSum(0, parts, known(leaves.map((leaf) => leaf.slice())))
        const edges = partEdges(ranks.length, parts)
        const sums = await everywhere(ranks, ({ rank, sum }) => {
          const own = leaves.map((leaf) => leaf.slice())
          const nodes = largestWithin(0, parts, edges[rank]!, edges[rank + 1]!)
          return sum(
            nodes.map(([from, to]) => treeSum(from, to, known(own))),
            37,
            edges,
            parts,
          )
        })
        for (const sum of sums) expect(sum).toEqual(expected)
      }
    },
  )

  test('send as little as can be: a slice to each rank, and over the network each slice once', async () => {
    const across = new Map<string, number>()
    const links = memoryLinks(hostsOf('a4 b4'), (from, to, bytes) => {
      const key = Math.floor(from / 4) === Math.floor(to / 4) ? 'within' : 'across'
      across.set(key, (across.get(key) ?? 0) + bytes)
    })
    const ranks = links.map(connectRanks)
    const edges = partEdges(8, 8)
    await everywhere(ranks, ({ sum }) => sum([new Float32Array(800)], 800, edges, 8))
    // Both ways each host sends half of the vector, once; within a host every rank sends three quarters of it, twice.
    expect(across.get('across')).toBe(2 * 2 * 400 * 4)
    expect(across.get('within')).toBe(8 * 2 * 600 * 4)
    expect(ranks.reduce((sum, r) => sum + r.sent, 0)).toBe(across.get('across')! + across.get('within')!)
  })

  test('gather what each gives, in order', async () => {
    const ranks = memoryLinks(hostsOf('a3 b3')).map(connectRanks)
    const sizes = [3, 0, 1, 5, 2, 0]
    const all = await everywhere(ranks, ({ rank, gather }) => gather(new Uint8Array(sizes[rank]!).fill(rank), sizes))
    for (const got of all) expect([...got]).toEqual([0, 0, 0, 2, 3, 3, 3, 3, 3, 4, 4])
  })

  test('stop when any of them is told to, and save when the first one says so', async () => {
    const ranks = memoryLinks(hostsOf('a2 b2')).map(connectRanks)
    const agreed = (stop: number, save: number) =>
      everywhere(ranks, ({ rank, agree }) => agree({ stop: rank === stop, save: rank === save }))
    expect(await agreed(2, 0)).toEqual(Array(4).fill({ stop: true, save: true }))
    expect(await agreed(-1, 3)).toEqual(Array(4).fill({ stop: false, save: false }))
  })

  test('that differ are named on all of them', async () => {
    const ranks = memoryLinks(hostsOf('a2 b2')).map(connectRanks)
    await everywhere(ranks, ({ same }) => same('job', 'one'))
    const told = await Promise.allSettled(ranks.map(({ rank, same }) => same('job', rank === 2 ? 'other' : 'one')))
    for (const { reason } of told as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'RANKS_DIFFER', message: 'Rank 2 on b has another job than rank 0 on a.' })
  })
})

// Engines -------------------------------------------------------------------------------------------------------------

const built = existsSync(addonFile('train', TRAINING_ROOT))
const layout = parameterLayout(netConfigSchema.parse({ hidden: 32, headHidden: 16, conditioning: 16 }))
const parameters = syntheticParameters(layout, 2)
const masksOf = (members: number) => Array.from({ length: members }, (_, m) => syntheticMasks(layout, m))

const workers = built ? createParallelEngine('native', layout, { workers: 1 }) : undefined
afterAll(async () => (await workers)?.close())

const partOf = (batch: Batch, from: number, to: number): Batch => {
  const cut = (data: Float32Array) => {
    const each = data.length / batch.groups
    return data.slice(from * each, to * each)
  }
  const { steps, examples, frames, weights } = batch
  return { groups: to - from, steps, examples: cut(examples), frames: cut(frames), weights: cut(weights) }
}

/** States of members over groups [from, to); element i of group g of member m is a function of these three. */
function statesOf(members: number, [first, seen]: readonly [number, number], each: number, pairs: boolean) {
  const out = new Float32Array(members * seen * each)
  for (let m = 0; m < members; m++)
    for (let g = 0; g < seen; g++)
      for (let i = 0; i < each; i++) {
        const group = pairs ? first + Math.floor(m / 2) * seen + g : first + g
        out[(m * seen + g) * each + i] = Math.sin(0.7 * i + group + 0.1 * (m % 2)) * 0.8
      }
  return out
}

async function onRanks(hosts: string, members: readonly MaskSet[], batch: Batch, options: StepOptions) {
  let bytes = 0
  const links = memoryLinks(hostsOf(hosts), (_, __, sent) => {
    bytes += sent
  })
  const pairs = options.share === 'pairs'
  const parts = partsOf(members.length, batch.groups, options.share)
  const results = await everywhere(links.map(connectRanks), async (ranks) => {
    const engine = await createRanksEngine('native', layout, batch.groups, ranks, { threads: 1 })
    const [from, to] = engine.groupsOf(parts, ranks.rank)
    const own = pairs
      ? members.slice((from * members.length) / batch.groups, (to * members.length) / batch.groups)
      : members
    const seen = pairs ? (2 * (to - from)) / Math.max(1, own.length) : to - from
    const state = statesOf(own.length, [from, seen], 32 * LANES, pairs)
    const gradient = new Float32Array(layout.size).fill(Number.NaN)
    const part = partOf(batch, from, to)
    const { losses, counts, count } = await engine.run(parameters, members, part, state, gradient, options)
    return { outcome: { losses: [...losses], counts: [...counts], count, gradient }, state }
  })
  return { results, bytes }
}

describe.skipIf(!built)(built ? 'engines of ranks' : 'engines of ranks (skipped: the addon is not built)', () => {
  test.each([
    ['one member over 5 groups', 1, 5, {}],
    ['a population that sees all groups', 4, 3, {}],
    ['mirrored pairs that share the groups', 6, 6, { share: 'pairs' }],
    ['dense gradients', 2, 3, { denseGradient: true }],
  ] as const)('of %s: the bits of worker processes', async (_, count, groups, options) => {
    const members = masksOf(count)
    const batch = syntheticBatch(groups, 30, 3)
    const pairs = 'share' in options
    const [, seen] = memberGroups(0, count, groups, options)
    const state = statesOf(count, [0, seen], 32 * LANES, pairs)
    const gradient = new Float32Array(layout.size)
    const one = await (await workers!).run(parameters, members, batch, state, gradient, options)
    const expected = { losses: [...one.losses], counts: [...one.counts], count: one.count, gradient }
    for (const hosts of ['a1', 'a2', 'a3', 'a2 b2', 'a8']) {
      const { results } = await onRanks(hosts, members, batch, options)
      for (const { outcome } of results) expect(outcome).toEqual(expected)
      const states = results.map((r) => r.state)
      // Ranks of pairs have one piece of the states each, others one of every member.
      const each = states.map((s) => s.length / (pairs ? 1 : count))
      const whole = Array.from({ length: pairs ? 1 : count }, (_, m) =>
        states.flatMap((s, r) => [...s.subarray(m * each[r]!, (m + 1) * each[r]!)]),
      ).flat()
      expect(Float32Array.from(whole)).toEqual(state)
    }
  })

  test('send kept blocks only, but for dense gradients; of members their losses, no weights and no masks', async () => {
    const members = masksOf(4)
    const batch = syntheticBatch(4, 30, 3)
    const dense = layout.segments.reduce((sum, s) => sum + s.size, 0)
    const kept = createPackings(layout)(members, false).length
    expect(kept).toBeLessThan(0.9 * dense)
    // Two ranks exchange half of the vector twice, and of each part its count and four losses a member, in double precision.
    const told = (parts: number, each: number) => parts * (1 + 4 * each) * 8
    const pairs = await onRanks('a2', members, batch, { share: 'pairs' })
    expect(pairs.bytes).toBe(2 * kept * 4 + told(2, 2))
    const all = await onRanks('a2', members, batch, {})
    expect(all.bytes).toBe(2 * kept * 4 + told(4, 4))
    const whole = await onRanks('a2', members, batch, { denseGradient: true })
    expect(whole.bytes).toBe(2 * dense * 4 + told(4, 4))
  })
})

test('a packing holds what any member keeps and what has no mask, each once', () => {
  const members = masksOf(2)
  const flat = new Float32Array(layout.size).map((_, i) => i + 1)
  const packing = createPackings(layout)(members, false)
  const packed = new Float32Array(packing.length)
  packing.pack(flat, 2, packed)
  const back = new Float32Array(layout.size)
  packing.unpack(packed, 0.5, back)
  const masked = maskedSegments(layout)
  const inMask = (i: number) => {
    const m = masked.find((s) => i >= s.offset && i < s.offset + s.size)
    if (!m) return layout.segments.some((s) => i >= s.offset && i < s.offset + s.size)
    const block = Math.floor((i - m.offset) / 16)
    const strip = Math.floor(block / m.columns)
    return members.some((masks) => {
      const mask = masks.get(m.name)!
      const each = mask.length / (m.rows / 16)
      return mask.subarray(strip * each, (strip + 1) * each).includes(block % m.columns)
    })
  }
  for (let i = 0; i < layout.size; i++) if (back[i] !== (inMask(i) ? flat[i] : 0)) throw new Error(`element ${i}`)
  expect(packed.every((v, i) => i === 0 || v > packed[i - 1]!)).toBe(true)
})
