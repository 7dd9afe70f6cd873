/**
 * How long symbols last: mean and spread of the logarithm of their frames, before a pause and elsewhere. The corpora give the last sound
 * before a pause a part of the pause, so the two differ much.
 */
import { FRAMES_A_UNIT } from './features.ts'
import { ALIGNER_SYMBOLS, CLASSES } from './net.ts'

/** [CLASSES, 2, 2]: class, whether a pause follows, mean and spread. Of silence the second is that at the end. */
export type DurationTable = Float32Array

const PAUSE_MARKS = new Set(',.;:!?—()“”')
export const isPauseMark = (symbol: string): boolean => PAUSE_MARKS.has(symbol)

/** Spreads are at least so large: people differ more than the corpora's voices do. */
const LEAST_SPREAD = 0.4
/** Of a class that was hardly ever seen. */
const DEFAULT = { mean: Math.log(6), spread: 0.7 }

/** The table of utterances with exact durations. */
export function measureDurations(
  utterances: Iterable<{ readonly phonemes: string; readonly durations: readonly number[] }>,
): DurationTable {
  const classOf = new Map([...ALIGNER_SYMBOLS].map((symbol, i) => [symbol, i + 1]))
  const sums = new Float64Array(CLASSES * 2 * 3)
  for (const { phonemes, durations } of utterances) {
    const symbols = [...phonemes]
    const add = (of: number, beforePause: boolean, units: number) => {
      const at = placeOf(of, beforePause) * 3
      const value = Math.log(units * FRAMES_A_UNIT)
      sums[at]! += 1
      sums[at + 1]! += value
      sums[at + 2]! += value * value
    }
    symbols.forEach((symbol, i) => {
      const next = symbols[i + 1]
      add(classOf.get(symbol) ?? 0, next === undefined || isPauseMark(next), durations[i + 1]!)
    })
    add(0, true, durations.at(-1)!)
  }
  const out = new Float32Array(CLASSES * 2 * 2)
  for (let place = 0; place < CLASSES * 2; place++) {
    const [count, sum, square] = sums.subarray(place * 3, place * 3 + 3) as unknown as [number, number, number]
    const mean = count > 10 ? sum / count : DEFAULT.mean
    const spread = count > 10 ? Math.sqrt(Math.max(0, square / count - mean * mean)) : DEFAULT.spread
    out[2 * place] = mean
    out[2 * place + 1] = Math.max(LEAST_SPREAD, spread)
  }
  return out
}

const placeOf = (of: number, beforePause: boolean): number => 2 * of + (beforePause ? 1 : 0)

/** Log likelihood of 1 .. `most` frames, up to a constant, times `weight`. */
export function durationScores(
  table: DurationTable,
  of: number,
  beforePause: boolean,
  most: number,
  weight: number,
): Float64Array {
  const at = 2 * placeOf(of, beforePause)
  const [mean, spread] = [table[at]!, table[at + 1]!]
  return Float64Array.from({ length: most }, (_, i) => -weight * 0.5 * ((Math.log(i + 1) - mean) / spread) ** 2)
}

/** How far so many frames are from what is usual, 0 and up to MOST_UNUSUAL / 2. */
export function unusual(table: DurationTable, of: number, beforePause: boolean, frames: number): number {
  const at = 2 * placeOf(of, beforePause)
  const distance = Math.abs((Math.log(frames) - table[at]!) / table[at + 1]!)
  return 0.5 * Math.min(MOST_UNUSUAL, Math.max(0, distance - USUAL) ** 2)
}

/** Within so many spreads of the mean a duration is usual; beyond, its square counts up to a limit. */
const USUAL = 0.5
const MOST_UNUSUAL = 6
