/** Text to sentences, with a language's own abbreviations. What lies between two sentences is white space only. */
import type { SentenceSpan } from '../language.ts'

/** Longer sentences are cut. */
const LONGEST = 250
/** A mark that may end a sentence, with what closes after it. */
const END = /(?:[.!?…]{1,8}["'”’»)\]]{0,4}(?=\s|$))|(?:\r\n?|\n|\u2028|\u2029)/g
const NEXT = /^\s*["'“‘«(¿¡—-]{0,4}\s?[\p{Lu}\d¿¡]/u

/** The word before a full stop at `end`, in small letters without it; at most 20 characters. */
const wordBefore = (text: string, end: number): string =>
  /(?:^|[\s("'“«¿¡])((?:\p{L}{1,12}\.?\s?ª?º?){1,1}|(?:\p{L}\.){1,6}\p{L})$/u
    .exec(text.slice(Math.max(0, end - 20), end))?.[1]
    ?.toLowerCase() ?? ''

/** Splits texts; `neverFinal` are abbreviations after which a sentence goes on. Time is linear in the length. */
export function splitter(neverFinal: ReadonlySet<string>): (text: string) => SentenceSpan[] {
  const ends = (text: string, mark: string, at: number): boolean => {
    const after = text.slice(at + mark.length, at + mark.length + 24)
    if (/^[\r\n\u2028\u2029]/.test(mark)) return isBreak(text, at, after)
    if (after.trim() === '') return true
    if (!NEXT.test(after)) return false
    if (!/^\.["'”’»)\]]*$/.test(mark)) return true
    const word = wordBefore(text, at)
    if (word === '') return true
    return !neverFinal.has(word) && !/^\p{L}$/u.test(word) && !/^(?:\p{L}\.)+\p{L}$/u.test(word)
  }
  return (text) => {
    const out: SentenceSpan[] = []
    let start = 0
    for (const match of text.matchAll(END)) {
      if (!ends(text, match[0], match.index)) continue
      const end = match.index + match[0].length
      push(text, start, end, out)
      start = end
    }
    push(text, start, text.length, out)
    return out
  }
}

/** Whether a line break ends a sentence: not in prose that goes on in small letters. */
function isBreak(text: string, at: number, after: string): boolean {
  if (/^[^\S\r\n]{0,20}[\r\n]/.test(after)) return true
  return !/^\s{0,20}\p{Ll}/u.test(after) || !/[\p{L}\d,;]$/u.test(text.slice(Math.max(0, at - 1), at))
}

function push(text: string, start: number, end: number, out: SentenceSpan[]): void {
  let from = start
  while (from < end && /\s/.test(text[from]!)) from++
  let to = end
  while (to > from && /\s/.test(text[to - 1]!)) to--
  while (to - from > LONGEST) {
    let cut = cutPoint(text, from)
    const next = cut
    while (cut > from && /\s/.test(text[cut - 1]!)) cut--
    out.push({ text: text.slice(from, cut), start: from, end: cut })
    from = next
    while (from < to && /\s/.test(text[from]!)) from++
  }
  if (to > from) out.push({ text: text.slice(from, to), start: from, end: to })
}

/** Where to cut a long sentence: after the last clause mark, else at the last space, else anywhere. */
function cutPoint(text: string, from: number): number {
  const reach = text.slice(from, from + LONGEST)
  for (const pattern of [/[;:—.!?]["'”’»)]?\s/g, /[,)]["'”’»]?\s/g, /\s/g]) {
    let last = -1
    for (const match of reach.matchAll(pattern)) last = match.index + match[0].length
    if (last >= LONGEST / 4) return from + last
  }
  return from + LONGEST - (/[\ud800-\udbff]$/.test(reach) ? 1 : 0)
}
