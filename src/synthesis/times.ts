/** When the words and phonemes of a sentence are spoken, from the frames the acoustic model gave each symbol. */
import { HOP, SAMPLE_RATE } from '../frames.ts'
import type { Phonemized, PhonemizedWord } from '../text/index.ts'
import { PRIMARY, PUNCTUATION, SECONDARY } from '../text/phonemes.ts'
import type { Sentence } from './sentences.ts'

export interface PhonemeTime {
  /** A symbol of PHONEMES. */
  readonly phoneme: string
  /** Seconds from the start of the audio. */
  readonly from: number
  readonly to: number
}

export interface WordTime {
  readonly text: string
  /** Characters [start, end) of the input. */
  readonly start: number
  readonly end: number
  /** Seconds from the start of the audio. */
  readonly from: number
  readonly to: number
  /** Its sounds, in order. Pauses inside it (a number is many words) are in none of them. */
  readonly phonemes: readonly PhonemeTime[]
}

export interface SentenceTime {
  readonly index: number
  readonly text: string
  readonly start: number
  readonly end: number
  readonly from: number
  readonly to: number
  readonly words: readonly WordTime[]
}

/** A sentence's symbols and their frames. */
export interface Spoken extends Phonemized {
  /** Frame, from the first kept one, at which each symbol of `phonemes` starts, and where the last one ends. */
  readonly starts: Int32Array
}

/**
 * Frame at which each symbol of `phonemes` starts, and where the last one ends: [symbols + 1]. `used` are the symbols
 * that `durations` are of, between the silence before and after; the others take no time.
 */
export function symbolStarts(phonemes: string, used: string, durations: Int32Array): Int32Array {
  const starts = new Int32Array(phonemes.length + 1)
  let frame = durations[0]!
  let j = 0
  for (let i = 0; i < phonemes.length; i++) {
    starts[i] = frame
    if (phonemes[i] === used[j]) frame += durations[++j]!
  }
  starts[phonemes.length] = frame
  return starts
}

/** Characters of the input that [start, end) of a sentence stand for. */
function placed({ start: at, places }: Sentence, start: number, end: number): { start: number; end: number } {
  return places ? { start: places.from[start]!, end: places.to[end - 1]! } : { start: at + start, end: at + end }
}

/** Times of a sentence of `frameCount` frames that begins at `startSample` of the audio. */
export function sentenceTimes(
  sentence: Sentence,
  { phonemes, words, starts }: Spoken,
  index: number,
  startSample: number,
  frameCount: number,
): SentenceTime {
  const seconds = (frame: number): number => (startSample + frame * HOP) / SAMPLE_RATE
  const startOf = (symbol: number): number => seconds(starts[symbol]!)
  return {
    index,
    text: sentence.text,
    start: sentence.start,
    end: sentence.end,
    from: seconds(0),
    to: seconds(frameCount),
    words: words.map((word) => ({
      text: word.text,
      ...placed(sentence, word.start, word.end),
      from: startOf(word.phonemeStart),
      to: startOf(word.phonemeEnd),
      phonemes: phonemesOf(word),
    })),
  }

  function phonemesOf({ phonemeStart, phonemeEnd }: PhonemizedWord): PhonemeTime[] {
    const times: PhonemeTime[] = []
    let from = phonemeStart
    for (let i = phonemeStart; i < phonemeEnd; i++) {
      const phoneme = phonemes[i]!
      // A stress mark's frames are its vowel's.
      if (phoneme === PRIMARY || phoneme === SECONDARY) continue
      const isPause = phoneme === ' ' || PUNCTUATION.has(phoneme)
      if (!isPause && starts[i + 1]! > starts[from]!) times.push({ phoneme, from: startOf(from), to: startOf(i + 1) })
      from = i + 1
    }
    return times
  }
}
