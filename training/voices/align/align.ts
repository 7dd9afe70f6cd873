/**
 * Forced alignment of one recording with its text: which reading was spoken, when each symbol begins, and how well each word fits.
 */
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { DURATION_UNIT } from '../../data/corpus.ts'
import { type DurationTable, isPauseMark, unusual } from './durations.ts'
import { ALIGN_HOP, melPower, normalizeMel } from './features.ts'
import { graphOf, type Slot } from './graph.ts'
import { type AlignerNet, CLASSES } from './net.ts'
import { bestPath, roundDurations, scoresOf } from './viterbi.ts'

export interface AlignedWord {
  readonly text: string
  readonly phonemes: string
  /** Seconds. */
  readonly start: number
  readonly end: number
  /** How well it fits, alone, with a neighbour and with both: 0 (all is what the net hears, and lasts as long as usual) and below. */
  readonly score: number
  /** Of the word alone. */
  readonly own: number
}

export interface Alignment {
  /** The readings that were chosen, in the corpus's symbols. */
  readonly phonemes: string
  /** Units of 25 ms: the silence before, one a symbol, the silence after. Their sum covers the recording. */
  readonly durations: readonly number[]
  /** Seconds at which each of these begins, before rounding, and the end. */
  readonly starts: readonly number[]
  readonly words: readonly AlignedWord[]
  /** Mean of the words' scores. */
  readonly score: number
  /** The worst word's. */
  readonly worst: number
}

/** Frames of a mismatch count for no more than this. */
const WORST_FRAME = -10
/** Frames of a symbol that weighs 1, and those beyond which more weigh no more. */
const USUAL_FRAMES = 4
const MOST_FRAMES = 16

/** Log probabilities of the net for 24 kHz samples. */
export const hear = (net: AlignerNet, samples: Float32Array): Float32Array =>
  net.logProbabilities(normalizeMel(melPower(samples)))

/** Aligns 24 kHz samples with the slots of a text. Throws RECORDING_UNFIT when the recording is too short for it. */
export function align(net: AlignerNet, samples: Float32Array, slots: readonly Slot[]): Alignment {
  return alignHeard(hear(net, samples), samples.length, slots, net.durations)
}

/** `align` of what was heard already. */
export function alignHeard(
  logp: Float32Array,
  samples: number,
  slots: readonly Slot[],
  table?: DurationTable,
): Alignment {
  const graph = graphOf(slots)
  const { nodes, starts } = bestPath(graph, scoresOf(logp), table)
  const seconds = (frame: number) => (frame * ALIGN_HOP) / SAMPLE_RATE
  const units = Math.ceil(samples / DURATION_UNIT)
  const inner = Array.from(starts.subarray(1, -1), (f) => (f * ALIGN_HOP) / DURATION_UNIT)
  const durations = roundDurations(inner, units)

  const spoken: { slot: number; symbols: string; fits: number[]; start: number; end: number }[] = []
  for (let i = 1; i < nodes.length - 1; i++) {
    const node = nodes[i]!
    const slot = graph.slots[node]!
    const symbol = graph.symbols[node]!
    const next = graph.symbols[nodes[i + 1]!]!
    let value = fit(logp, graph.classes[node]!, starts[i]!, starts[i + 1]!)
    if (table) {
      const beforePause = next === '' || isPauseMark(next)
      value -= unusual(table, graph.classes[node]!, beforePause, starts[i + 1]! - starts[i]!)
    }
    // What parts words says nothing of them.
    const fits = isPauseMark(symbol) || slots[slot]!.word === undefined ? [] : [value]
    const last = spoken.at(-1)
    if (last?.slot === slot) {
      last.symbols += symbol
      last.fits.push(...fits)
      last.end = starts[i + 1]!
    } else spoken.push({ slot, symbols: symbol, fits, start: starts[i]!, end: starts[i + 1]! })
  }
  const said = spoken.filter(({ slot }) => slots[slot]!.word !== undefined)
  const words = said.map(({ slot, symbols, fits, start, end }, w): AlignedWord => {
    const [left, right] = [said[w - 1]?.fits ?? [], said[w + 1]?.fits ?? []]
    const own = together(fits)
    // A wrong word takes from its neighbours' time, on one side or both.
    const pair = Math.min(together([...left, ...fits]), together([...fits, ...right]))
    const score = own + pair + together([...left, ...fits, ...right])
    return { text: slots[slot]!.word!, phonemes: symbols, start: seconds(start), end: seconds(end), score, own }
  })
  const scores = words.map((w) => w.score)
  return {
    phonemes: spoken.map((s) => s.symbols).join(''),
    durations,
    starts: Array.from(starts, seconds),
    words,
    score: scores.reduce((a, s) => a + s, 0) / Math.max(1, scores.length),
    worst: Math.min(0, ...scores),
  }
}

/** Misfits add up; so do chances for them. */
const together = (fits: readonly number[]): number =>
  fits.reduce((a, v) => a + v, 0) / Math.sqrt(Math.max(1, fits.length))

/** Mean over frames of the class's log probability less that of the likeliest. Many frames weigh more, as the root of their number. */
function fit(logp: Float32Array, of: number, from: number, to: number): number {
  let sum = 0
  for (let f = from; f < to; f++) {
    let most = Number.NEGATIVE_INFINITY
    for (let c = 0; c < CLASSES; c++) most = Math.max(most, logp[f * CLASSES + c]!)
    sum += Math.max(WORST_FRAME, logp[f * CLASSES + of]! - most)
  }
  const frames = to - from
  return (sum / frames) * Math.sqrt(Math.min(MOST_FRAMES, frames) / USUAL_FRAMES)
}
