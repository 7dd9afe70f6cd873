/**
 * The best path of a recording through a graph of symbols: every frame belongs to one node, nodes follow one another, each passed node
 * gets a frame at least. And the path's boundaries in the units of the acoustic model.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { type DurationTable, durationScores, isPauseMark } from './durations.ts'
import { ANYTHING, type Graph } from './graph.ts'
import { ALIGNER_SYMBOLS, CLASSES } from './net.ts'

/** Silence and the marks that stand for pauses: what the net calls a pause may be any of them. */
const PAUSES: readonly number[] = [
  0,
  ...[...ALIGNER_SYMBOLS].flatMap((c, i) => (',.;:!?—()“”'.includes(c) ? [i + 1] : [])),
]
/** Share of a pause's score that comes from its own mark; the rest from all pauses together. */
const OWN_SHARE = 0.5
/** No frame counts against a node for more than this. */
const FLOOR = -12

/** A frame of what is not in the text costs so much, which is more than a frame of the right symbol does on average. */
const ANYTHING_COST = 2
/** Columns of the scores that a path is searched in: the net's classes, and ANYTHING. */
export const SCORES = CLASSES + 1

/** Scores [frames, SCORES] of log probabilities [frames, CLASSES]: those of the pauses shared among them, none below the floor. */
export function scoresOf(logp: Float32Array): Float32Array {
  const frames = logp.length / CLASSES
  const out = new Float32Array(frames * SCORES)
  for (let f = 0; f < frames; f++) {
    const row = logp.subarray(f * CLASSES, (f + 1) * CLASSES)
    const to = f * SCORES
    let [most, pause] = [Number.NEGATIVE_INFINITY, 0]
    for (let c = 0; c < CLASSES; c++) {
      out[to + c] = Math.max(row[c]!, FLOOR)
      if (row[c]! > most) most = row[c]!
    }
    for (const c of PAUSES) pause += Math.exp(row[c]!)
    for (const c of PAUSES)
      out[to + c] = Math.max(FLOOR, Math.log(OWN_SHARE * Math.exp(row[c]!) + (1 - OWN_SHARE) * pause + 1e-9))
    out[to + ANYTHING] = most - ANYTHING_COST
  }
  return out
}

export interface Path {
  /** Nodes that were passed, in order. */
  readonly nodes: Int32Array
  /** [nodes + 1] frame at which each begins, and the end. */
  readonly starts: Int32Array
  /** Log probability of the path less the readings' costs. */
  readonly score: number
}

/** A symbol lasts a unit of 25 ms at least in the corpora: what is shorter is not searched for. */
const SHORTEST = 2
/** Frames up to which a symbol's duration has a likelihood of its own; each further frame costs the same. */
const LONGEST = 60
const FURTHER = 0.1
/** Weight of durations against what is heard. */
const DURATION_WEIGHT = 1

/**
 * The best path: it begins in the first node and ends in the last. Silence before and ANYTHING last as long as they do, other nodes have the
 * durations of `table` where one is given. Throws RECORDING_UNFIT when there are too few frames.
 */
export function bestPath(graph: Graph, scores: Float32Array, table?: DurationTable): Path {
  const frames = scores.length / SCORES
  const { classes, before, costs } = graph
  const count = classes.length
  const width = frames + 1
  // Of node n and t frames: the best score of paths whose first t frames end in n, and how long n lasts in it.
  const best = new Float64Array(count * width).fill(Number.NEGATIVE_INFINITY)
  const lasts = new Int32Array(count * width)
  const entry = new Float64Array(width)
  const sums = new Float64Array(width)
  const isMark = nodesBeforeMarks(graph)
  const known = new Map<number, Float64Array>()
  for (let n = 0; n < count; n++) {
    const of = classes[n]!
    enter(n, entry)
    for (let t = 0; t < frames; t++) sums[t + 1] = sums[t]! + scores[t * SCORES + of]!
    const row = n * width
    const isEnd = n === count - 1
    const isFree = table === undefined || (of === 0 && !isEnd) || of === ANYTHING
    let likely: Float64Array | undefined
    if (!isFree) {
      const beforePause = isEnd || isMark[n]!
      const key = 2 * of + (beforePause ? 1 : 0)
      likely = known.get(key) ?? durationScores(table, of, beforePause, LONGEST, DURATION_WEIGHT)
      known.set(key, likely)
    }
    for (let t = 1; t <= frames; t++) {
      const here = scores[(t - 1) * SCORES + of]!
      // One frame more than the best of one frame less.
      let value = best[row + t - 1]! + here - (likely ? FURTHER : 0)
      let length = lasts[row + t - 1]! + 1
      if (!likely) {
        if (entry[t - 1]! + here > value) {
          value = entry[t - 1]! + here
          length = 1
        }
      } else {
        const most = Math.min(LONGEST, t)
        for (let d = SHORTEST; d <= most; d++) {
          const other = entry[t - d]! + sums[t]! - sums[t - d]! + likely[d - 1]!
          if (other > value) {
            value = other
            length = d
          }
        }
      }
      best[row + t] = value
      lasts[row + t] = length
    }
  }
  let node = count - 1
  let t = frames
  const total = best[node * width + t]!
  if (total === Number.NEGATIVE_INFINITY)
    throw new SparsewaveError('RECORDING_UNFIT', 'The recording is too short for its text.')
  const nodes: number[] = []
  const starts = [frames]
  for (;;) {
    nodes.push(node)
    t -= lasts[node * width + t]!
    starts.push(t)
    if (t === 0) break
    let from = -1
    for (const p of before[node]!) if (from < 0 || best[p * width + t]! > best[from * width + t]!) from = p
    node = from
  }
  return { nodes: Int32Array.from(nodes.reverse()), starts: Int32Array.from(starts.reverse()), score: total }

  /** The best score with which node `n` is entered after t frames. */
  function enter(n: number, out: Float64Array): void {
    out.fill(Number.NEGATIVE_INFINITY)
    if (n === 0) out[0] = 0
    for (const p of before[n]!) {
      const from = p * width
      for (let i = 1; i < width; i++) if (best[from + i]! - costs[n]! > out[i]!) out[i] = best[from + i]! - costs[n]!
    }
  }
}

/** Whether all that may follow a node are marks of a pause, or the silence at the end. */
function nodesBeforeMarks({ classes, before, symbols }: Graph): boolean[] {
  const isMark: (boolean | undefined)[] = new Array(classes.length)
  before.forEach((sources, n) => {
    const mark = symbols[n] === '' || isPauseMark(symbols[n]!)
    for (const p of sources) isMark[p] = (isMark[p] ?? true) && mark
  })
  return isMark.map((m) => m ?? false)
}

/**
 * Durations in whole units that come closest to the given inner boundaries (in units, ascending), each at least 1, of sum `units`. Least
 * squares (pool adjacent violators), then rounded. Throws RECORDING_UNFIT when there are fewer units than pieces.
 */
export function roundDurations(boundaries: readonly number[], units: number): number[] {
  const pieces = boundaries.length + 1
  if (pieces > units)
    throw new SparsewaveError(
      'RECORDING_UNFIT',
      `The text has ${pieces} symbols where the recording has ${units} units.`,
    )
  // Boundary i less i may not fall: then durations are at least 1.
  const blocks: { sum: number; count: number }[] = []
  boundaries.forEach((b, i) => {
    let block = { sum: b - i, count: 1 }
    while (blocks.length > 0 && blocks.at(-1)!.sum / blocks.at(-1)!.count > block.sum / block.count) {
      const { sum, count } = blocks.pop()!
      block = { sum: sum + block.sum, count: count + block.count }
    }
    blocks.push(block)
  })
  const ends: number[] = []
  for (const { sum, count } of blocks) {
    // Of the boundaries the first is at least 1, the last leaves a unit for the rest.
    const value = Math.min(Math.max(Math.round(sum / count), 1), units - pieces + 1)
    for (let i = 0; i < count; i++) ends.push(value + ends.length)
  }
  ends.push(units)
  return ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1]!))
}
