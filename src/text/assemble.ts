/** What all languages do with the sounds of a sentence's words: put them in place of the characters, and join them to one string. */
import type { GivenSound } from './given.ts'
import type { Phonemized, WordSource } from './language.ts'

interface Span {
  readonly start: number
  readonly end: number
}

/** The tokens with those of each given stretch replaced by what `make` makes of it. Of two that overlap the first counts. */
export function withGiven<T extends Span>(
  tokens: readonly T[],
  given: readonly GivenSound[],
  make: (given: Span & { readonly phonemes: string }, replaced: readonly T[]) => T,
): readonly T[] {
  const sounds = given.flatMap(({ start, end, phonemes }) => (phonemes === undefined ? [] : [{ start, end, phonemes }]))
  if (sounds.length === 0) return tokens
  const out: T[] = []
  let i = 0
  let covered = 0
  for (const sound of sounds.sort((a, b) => a.start - b.start)) {
    if (sound.start < covered) continue
    while (i < tokens.length && tokens[i]!.end <= sound.start) out.push(tokens[i++]!)
    const from = i
    while (i < tokens.length && tokens[i]!.start < sound.end) i++
    out.push(make(sound, tokens.slice(from, i)))
    covered = sound.end
  }
  return [...out, ...tokens.slice(i)]
}

/** A word or a mark, and its symbols. */
export interface Piece extends Span {
  readonly isWord: boolean
  /** White space precedes it. */
  readonly spaceBefore: boolean
  readonly sound: string
  /** Of a word. */
  readonly source?: WordSource | undefined
  /** The word is one with the piece before it. */
  readonly isJoined?: boolean
}

/** Quotation marks and brackets of a language. */
export interface Marks {
  /** The mark after which a word stands without a space, unless there was one. */
  readonly glued: string
  /** Marks that never have a space before them. */
  readonly closing: string
}

/** Strength of a pause: of several marks in a row the strongest is kept. */
const STRENGTH = ',:;—.!?'

/** The pieces of `sentence` in one string, words parted by single spaces, and where each word is. A word without sound is left out. */
export function assemble(sentence: string, all: readonly Piece[], { glued, closing }: Marks): Phonemized {
  const words: (Phonemized['words'][number] & { phonemeEnd: number })[] = []
  const pieces: string[] = []
  let length = 0
  let last = ''
  const add = (piece: string): void => {
    pieces.push(piece)
    length += piece.length
    last = piece[piece.length - 1]!
  }
  for (const { isWord, isJoined, start, end, spaceBefore, sound, source } of all) {
    if (sound === '') continue
    if (isWord) {
      if (last !== '' && !isJoined && !'(— '.includes(last) && (last !== glued || spaceBefore)) add(' ')
      const phonemeStart = length
      add(sound)
      const word = words[words.length - 1]
      if (word !== undefined && word.start === start && word.end === end) word.phonemeEnd = length
      else
        words.push({
          text: sentence.slice(start, end),
          start,
          end,
          phonemeStart,
          phonemeEnd: length,
          ...(source && { source }),
        })
      continue
    }
    if (STRENGTH.includes(sound)) {
      if (words.length === 0) continue
      if (STRENGTH.includes(last)) {
        if (STRENGTH.indexOf(sound) > STRENGTH.indexOf(last)) pieces[pieces.length - 1] = last = sound
        continue
      }
    } else if (spaceBefore && last !== '' && !' (—'.includes(last) && !closing.includes(sound)) add(' ')
    add(sound)
  }
  return { phonemes: pieces.join('').trimEnd(), words }
}
