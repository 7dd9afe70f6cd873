/**
 * Which recordings a voice is trained on, and why the others are not. A fault leaves a recording out, a remark only shows in the report.
 * Every limit stands here.
 */
import type { Signal } from './signal.ts'
import type { TextFacts } from './text.ts'

export interface Finding {
  /** Left out because of it. */
  readonly fault: boolean
  readonly kind: FindingKind
  /** A sentence for people. */
  readonly text: string
}

export type FindingKind =
  | 'level'
  | 'noise'
  | 'clipping'
  | 'bandwidth'
  | 'length'
  | 'text'
  | 'language'
  | 'doubled'
  | 'mismatch'

export const LIMITS = {
  /** dB of speech over noise: below the first it is left out, below the second there is a remark. */
  snr: [15, 25],
  /** Share of the speech on flat tops. */
  clipped: [0.005, 0.0002],
  /** Hz. */
  bandwidth: [3200, 7000],
  /** dBFS of the speech. */
  level: [-55, -40],
  /** Seconds of speech. */
  speech: 0.3,
  /** Symbols a second of speech, with so many seconds or symbols to spare: slower says more than the text, faster says less. */
  rate: [4, 30],
  spareSeconds: 1,
  spareSymbols: 6,
  /** Seconds of speech from which on a missing band says something: not every word has sounds up there. */
  bandSpeech: 3,
  /** Shares of words in no dictionary, and of the most common words, that make another language likely, from so many words on. */
  unknown: [0.2, 0.13],
  common: 0.13,
  languageWords: 6,
  /** dB that a recording's level may differ from the others' median. */
  levelSpread: 12,
} as const

const hz = (v: number) => `${(v / 1000).toFixed(1)} kHz`

/** What signal and text say. `doubledBy`: an earlier recording with the same samples. */
export function findingsOf(
  signal: Signal,
  text: TextFacts,
  others: { readonly level: number; readonly doubledBy?: string | undefined; readonly sameText?: string | undefined },
): Finding[] {
  const found: Finding[] = []
  const add = (fault: boolean, kind: FindingKind, sentence: string) => found.push({ fault, kind, text: sentence })
  const below = (value: number, [bad, poor]: readonly [number, number], kind: FindingKind, sentence: string) => {
    if (value < poor) add(value < bad, kind, sentence)
  }
  if (others.doubledBy !== undefined) add(true, 'doubled', `It is the same recording as ${others.doubledBy}.`)
  if (text.scripts.length > 0) add(true, 'language', `Its text has parts in ${text.scripts.join(', ')} script.`)
  else if (text.words === 0) add(true, 'text', 'Its text has nothing to say.')
  else if (text.words >= LIMITS.languageWords && text.unknown > LIMITS.unknown[1] && text.common < LIMITS.common)
    add(
      text.unknown > LIMITS.unknown[0],
      'language',
      `${Math.round(100 * text.unknown)} % of its words are in no dictionary: is it another language?`,
    )
  if (signal.speech < LIMITS.speech) {
    add(true, 'length', 'Nobody speaks in it.')
    return found
  }
  below(signal.level, LIMITS.level, 'level', `The speech is quiet: ${signal.level.toFixed(0)} dBFS.`)
  if (Math.abs(signal.level - others.level) > LIMITS.levelSpread)
    add(false, 'level', `Its level is ${(signal.level - others.level).toFixed(0)} dB from the others'.`)
  below(signal.snr, LIMITS.snr, 'noise', `The noise is only ${signal.snr.toFixed(0)} dB below the speech.`)
  if (signal.clipped > LIMITS.clipped[1])
    add(
      signal.clipped > LIMITS.clipped[0],
      'clipping',
      `${(100 * signal.clipped).toFixed(2)} % of the speech is clipped.`,
    )
  if (signal.speech >= LIMITS.bandSpeech)
    below(signal.bandwidth, LIMITS.bandwidth, 'bandwidth', `It has nothing above ${hz(signal.bandwidth)}.`)
  const rate = text.symbols / signal.speech
  if (text.words > 0 && signal.speech > text.symbols / LIMITS.rate[0] + LIMITS.spareSeconds)
    add(
      true,
      'mismatch',
      `It lasts longer than its text: ${rate.toFixed(1)} symbols a second. Is something missing in the text?`,
    )
  if (text.symbols > LIMITS.rate[1] * signal.speech + LIMITS.spareSymbols)
    add(
      true,
      'mismatch',
      `Its text is longer than what is spoken: ${rate.toFixed(1)} symbols a second. Is the recording cut off?`,
    )
  if (others.sameText !== undefined) add(false, 'doubled', `${others.sameText} has the same text.`)
  return found
}

export const isLeftOut = (findings: readonly Finding[]): boolean => findings.some((f) => f.fault)
