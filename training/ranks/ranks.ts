/**
 * What ranks do together, over any link. Messages go in two stages, so that a rank talks with its host's ranks and with one rank of
 * each other host instead of with all: a host's ranks come to one sum of their parts, a slice of it each, before it leaves the host.
 * Both stages add along the tree of training/engines/sum-tree.ts, so that no rank, host or order of arrival changes a bit.
 */
import { bytesOf, joinBytes } from 'sparsewave/internal/arrays'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { largestWithin, treeSum } from '../engines/sum-tree.ts'
import type { Ranks } from '../net/ranks.ts'
import type { Link } from './link.ts'

/** Ranks that exchange with one another in a stage; each stands for the ranks that it has gathered from before. */
interface Stage {
  readonly peers: readonly number[]
  /** Which of the peers this rank is. */
  readonly place: number
  /** First rank of what each peer stands for, and behind them where the last one's ends. */
  readonly bounds: readonly number[]
}

/** Ranks on every host, where all hold equally many and those of a host follow one another; else 1. */
export function ranksPerHost(hosts: readonly string[]): number {
  const first = hosts.findIndex((host) => host !== hosts[0])
  const each = first < 0 ? hosts.length : first
  const regular = hosts.every((host, r) => host === hosts[r - (r % each)])
  const distinct = new Set(hosts).size
  return regular && distinct * each === hosts.length ? each : 1
}

export function stagesOf(rank: number, size: number, perHost: number): Stage[] {
  const hosts = size / perHost
  const host = Math.floor(rank / perHost)
  const count = (n: number) => Array.from({ length: n }, (_, i) => i)
  const within: Stage = {
    peers: count(perHost).map((i) => host * perHost + i),
    place: rank % perHost,
    bounds: count(perHost + 1).map((i) => host * perHost + i),
  }
  const across: Stage = {
    peers: count(hosts).map((h) => h * perHost + (rank % perHost)),
    place: host,
    bounds: count(hosts + 1).map((h) => h * perHost),
  }
  return [within, across].filter((stage) => stage.peers.length > 1)
}

/** Bounds of `count` nearly equal slices of [from, to). */
const slices = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count + 1 }, (_, i) => from + Math.round((i * (to - from)) / count))

export function connectRanks(link: Link): Ranks {
  const { rank, size } = link
  const stages = stagesOf(rank, size, ranksPerHost(link.hosts))
  /** Memory that sums use again; what `sum` gave last is overwritten by the next. */
  const memory = new Map<string, Float32Array>()
  let sent = 0

  function reserve(name: string, length: number): Float32Array {
    const had = memory.get(name)
    if (had?.length === length) return had
    const made = new Float32Array(length)
    memory.set(name, made)
    return made
  }

  /** Exchanges with the stage's other ranks; `of` says what goes to and comes from the one at place `i`. */
  async function exchange(
    { peers, place }: Stage,
    of: (i: number) => { send: ArrayBufferView; receive: ArrayBufferView },
  ): Promise<void> {
    const messages = peers.flatMap((peer, i) => (i === place ? [] : [{ peer, ...of(i) }]))
    for (const { send } of messages) sent += send.byteLength
    await link.exchange(messages)
  }

  async function gather(own: Uint8Array, sizes: readonly number[]): Promise<Uint8Array> {
    const starts = [0]
    for (const bytes of sizes) starts.push(starts.at(-1)! + bytes)
    const all = new Uint8Array(starts.at(-1)!)
    all.set(own, starts[rank]!)
    for (const stage of stages) {
      const part = (i: number) => all.subarray(starts[stage.bounds[i]!]!, starts[stage.bounds[i + 1]!]!)
      await exchange(stage, (i) => ({ send: part(stage.place), receive: part(i) }))
    }
    return all
  }

  async function sum(
    given: readonly Float32Array[],
    length: number,
    edges: readonly number[],
    parts: number,
  ): Promise<Float32Array> {
    /** Largest nodes of the parts that ranks [from, to) hold. */
    const nodesOf = (from: number, to: number) => largestWithin(0, parts, edges[from]!, edges[to]!)
    let nodes = given
    let range: readonly [number, number] = [0, length]
    const cuts: number[][] = []
    for (const [s, stage] of stages.entries()) {
      const { peers, place, bounds } = stage
      const cut = slices(...range, peers.length)
      cuts.push(cut)
      const begin = range[0]
      const [low, high] = [cut[place]!, cut[place + 1]!]
      const theirs = peers.map((_, i) => nodesOf(bounds[i]!, bounds[i + 1]!))
      const received = theirs.map((n, i) => reserve(`${s} ${i}`, i === place ? 0 : n.length * (high - low)))
      await exchange(stage, (i) => ({
        send: joinBytes(nodes.map((node) => bytesOf(node.subarray(cut[i]! - begin, cut[i + 1]! - begin)))),
        receive: received[i]!,
      }))
      const known = new Map<string, Float32Array>()
      for (const [i, found] of theirs.entries())
        for (const [j, [from, to]] of found.entries()) {
          const node =
            i === place
              ? nodes[j]!.subarray(low - begin, high - begin)
              : received[i]!.subarray(j * (high - low), (j + 1) * (high - low))
          known.set(`${from} ${to}`, node)
        }
      nodes = nodesOf(bounds[0]!, bounds.at(-1)!).map(([from, to]) =>
        treeSum(from, to, (a, b) => known.get(`${a} ${b}`)),
      )
      range = [low, high]
    }
    const all = reserve('all', length)
    all.set(nodes[0]!, range[0])
    for (const [s, stage] of [...stages.entries()].reverse()) {
      const part = (i: number) => all.subarray(cuts[s]![i]!, cuts[s]![i + 1]!)
      await exchange(stage, (i) => ({ send: part(stage.place), receive: part(i) }))
    }
    return all
  }

  return {
    rank,
    size,
    leads: rank === 0,
    get sent() {
      return sent
    },
    gather,
    sum,
    async agree({ stop, save }) {
      const wishes = await gather(
        Uint8Array.of((stop ? 1 : 0) | (save ? 2 : 0)),
        link.hosts.map(() => 1),
      )
      // Only the first one keeps the time between checkpoints.
      return { stop: wishes.some((wish) => (wish & 1) !== 0), save: (wishes[0]! & 2) !== 0 }
    },
    async same(what, value) {
      const own = Buffer.from(value)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(own.length)
      const lengths = Buffer.from(
        await gather(
          length,
          link.hosts.map(() => 4),
        ),
      )
      const sizes = link.hosts.map((_, r) => lengths.readUInt32LE(4 * r))
      const all = Buffer.from(await gather(own, sizes))
      let at = 0
      for (const [r, bytes] of sizes.entries()) {
        const other = all.toString('utf8', at, at + bytes)
        at += bytes
        if (r === 0 || other === all.toString('utf8', 0, sizes[0])) continue
        throw new SparsewaveError(
          'RANKS_DIFFER',
          `Rank ${r} on ${link.hosts[r]} has another ${what} than rank 0 on ${link.hosts[0]}.`,
        )
      }
    },
  }
}
