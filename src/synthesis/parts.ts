/**
 * Sentences cut by what they sound like. A few characters can stand for thousands of phonemes (a lexicon, a number, SSML),
 * and the acoustic model works on a sentence at a time. So each call gets at most MAX_SYMBOLS symbols.
 */
import type { Phonemized } from '../text/index.ts'
import { PRIMARY, SECONDARY } from '../text/phonemes.ts'
import type { Sentence } from './sentences.ts'

/** Symbols of one call of the acoustic model. Prose of MAX_SENTENCE characters stays below it. */
export const MAX_SYMBOLS = 400

export interface SpokenPart {
  readonly sentence: Sentence
  readonly phonemized: Phonemized
}

/** A sentence and its phonemes in parts of at most `most` symbols: cut after a mark, else between words, else anywhere. */
export function cutByPhonemes(sentence: Sentence, phonemized: Phonemized, most = MAX_SYMBOLS): SpokenPart[] {
  const { phonemes, words } = phonemized
  if (phonemes.length <= most) return [{ sentence, phonemized }]
  const parts: SpokenPart[] = []
  let word = 0
  let textStart = 0
  for (let from = 0; from < phonemes.length; ) {
    const to = phonemes.length - from <= most ? phonemes.length : cutPoint(phonemes, from, most)
    const first = word
    while (word < words.length && words[word]!.phonemeStart < to) word++
    const isLast = to === phonemes.length
    const textEnd = isLast
      ? sentence.text.length
      : word > first
        ? (words[word]?.start ?? sentence.text.length)
        : textStart
    // A part inside one long word has no characters of its own.
    const start = textStart
    parts.push({
      sentence: slice(sentence, start, textEnd),
      phonemized: {
        phonemes: phonemes.slice(from, to),
        words: words.slice(first, word).map((w) => ({
          ...w,
          start: w.start - start,
          end: w.end - start,
          phonemeStart: w.phonemeStart - from,
          phonemeEnd: Math.min(w.phonemeEnd, to) - from,
        })),
      },
    })
    textStart = textEnd
    from = to
    while (phonemes[from] === ' ') from++
  }
  return parts
}

function cutPoint(phonemes: string, from: number, most: number): number {
  let space = 0
  for (let at = from + most; at > from + most / 2; at--) {
    if (phonemes[at] !== ' ') continue
    if (',.;:!?—'.includes(phonemes[at - 1]!)) return at
    space ||= at
  }
  if (space > 0) return space
  const at = from + most
  // A stress mark stands directly before its vowel.
  return phonemes[at - 1] === PRIMARY || phonemes[at - 1] === SECONDARY ? at - 1 : at
}

function slice(sentence: Sentence, start: number, end: number): Sentence {
  const { places } = sentence
  const text = sentence.text.slice(start, end).trimEnd()
  const stop = start + text.length
  const placeOf = (at: number): number => places?.from[at] ?? (places ? sentence.end : sentence.start + at)
  return {
    ...sentence,
    text,
    start: placeOf(start),
    end: text === '' ? placeOf(start) : places ? places.to[stop - 1]! : sentence.start + stop,
    ...(start > 0 && { pause: 'none' }),
    ...(places && { places: { from: places.from.slice(start, end), to: places.to.slice(start, end) } }),
  }
}
