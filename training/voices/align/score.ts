/** When an alignment says that the text is not what is spoken. */
import { median } from '../../evaluate/measures.ts'
import type { Finding } from '../check/verdict.ts'
import type { AlignedWord } from './align.ts'

/** A word that fits worse than this, together with its neighbours, is taken for another: 2 % of right texts on a voice that the aligner never heard (measure.ts). */
export const WORST_WORD = -21
/** However a voice fits as a whole, no limit is lower. */
const LOWEST = -34
/** Spreads of the better half, below the median, that a right text keeps within. */
const SPREADS = 3
/** Fewer utterances say nothing of how a voice fits. */
const FEWEST = 20

/**
 * The limit for a voice, from each utterance's worst word: real recordings fit less well than the speech that the aligner learned from.
 * Wrong texts are few and at the lower end, so the median and the half above it are taken.
 */
export function limitOf(worst: readonly number[]): number {
  if (worst.length < FEWEST) return WORST_WORD
  const sorted = [...worst].sort((a, b) => a - b)
  const middle = median(worst)
  // The upper quartile of a normal distribution is .67 spreads above the median.
  const spread = (sorted[Math.floor(0.75 * sorted.length)]! - middle) / 0.67
  return Math.max(LOWEST, Math.min(WORST_WORD, middle - SPREADS * spread))
}

/** The words that do not fit, as a fault. */
export function mismatch(words: readonly AlignedWord[], limit: number = WORST_WORD): Finding[] {
  const wrong = words.filter((w) => w.score < limit)
  if (wrong.length === 0) return []
  // The neighbours of a wrong word share its score, but not its own misfit.
  const worst = wrong.reduce((a, w) => (w.own < a.own ? w : a))
  return [
    {
      fault: true,
      kind: 'mismatch',
      text: `Something else than "${worst.text}" is spoken at or near ${worst.start.toFixed(1)} s.`,
    },
  ]
}
