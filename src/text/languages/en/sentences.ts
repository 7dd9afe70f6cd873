/**
 * Text to sentences. Sentences keep the order and the characters of the text: each is text.slice(start, end), without
 * white space at its ends, and what lies between two is white space only.
 */
import type { SentenceSpan } from '../../language.ts'
import { MAYBE_FINAL, NEVER_FINAL } from './tables.ts'

export type { SentenceSpan } from '../../language.ts'

/** Longer sentences are cut, so that the first sound of a long one comes soon. */
export const MAX_SENTENCE = 250

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })

/** The sentences of a text; paragraphs and long sentences are cut as well. Time is linear in the length. */
export function splitSentences(text: string): SentenceSpan[] {
  const out: SentenceSpan[] = []
  for (const line of lines(text)) {
    let start = line.start
    const pieces = [...segmenter.segment(text.slice(line.start, line.end))]
    pieces.forEach(({ index, segment }, i) => {
      const end = line.start + index + segment.length
      const next = text.slice(end, end + 40)
      if (i + 1 < pieces.length && !isBoundary(text.slice(Math.max(start, end - 60), end), next)) return
      pushParts(text, start, end, out)
      start = end
    })
  }
  return out
}

/** Stretches between line breaks; a single break inside running prose does not part anything. */
function lines(text: string): { start: number; end: number }[] {
  const out: { start: number; end: number }[] = []
  let start = 0
  for (const match of text.matchAll(/(?:\r\n?|\n|\u2028|\u2029)\s*/g)) {
    const blank = (match[0].match(/\r\n?|\n|\u2028|\u2029/g) ?? []).length > 1
    const after = text.slice(match.index + match[0].length, match.index + match[0].length + 1)
    // Blanks before the break belong to it. The pattern does not look for them: that took quadratic time.
    let lineEnd = match.index
    while (lineEnd > start && /[^\S\r\n]/.test(text[lineEnd - 1]!)) lineEnd--
    const before = text[lineEnd - 1] ?? ''
    if (!blank && /[\p{Ll}\d,;(]/u.test(after) && /[\p{L}\d,;:)"'”’–—-]/u.test(before)) continue
    out.push({ start, end: lineEnd })
    start = match.index + match[0].length
  }
  out.push({ start, end: text.length })
  return out
}

/** Whether a sentence ends between the two, which Intl.Segmenter believes. */
function isBoundary(before: string, after: string): boolean {
  const trimmed = before.trimEnd().replace(/["'”’)\]]+$/, '')
  if (/^\s*$/.test(after)) return true
  // A line break inside prose, which `lines` let pass.
  if (/[\p{L}\d,–—-]$/u.test(trimmed)) return false
  if (!trimmed.endsWith('.'))
    return /[.!?…。！？:;]$/.test(trimmed) ? !/^["'”’)\]]*\s*[a-z]/.test(after) || /[。！？]$/.test(trimmed) : true
  if (trimmed.endsWith('..')) return !/^\s*[a-z]/.test(after)
  if (/^\s*[a-z,;]/.test(after)) return false
  const word = /(?:^|[\s(["'“‘-])((?:[A-Za-z]+\.)*[A-Za-z]+)\.$/.exec(trimmed)?.[1]
  if (word === undefined) return true
  const key = word.toLowerCase()
  if (NEVER_FINAL.has(key))
    return key === 'no' || key === 'nos'
      ? !/^\s*\d/.test(after)
      : key === 'gen' || key === 'mt' || key === 'col' || key === 'fig'
        ? word === key
        : false
  // An initial, as in "J. K. Rowling"; "I" ends sentences.
  if (/^[A-Z]$/.test(word)) return word === 'I' && !/^\s*[A-Z]\./.test(after)
  if (/^(?:[A-Za-z]\.)+[A-Za-z]$/.test(word) || MAYBE_FINAL.has(key)) return startsSentence(after)
  return true
}

/** After an abbreviation that may end a sentence: words that open sentences rather than continue names. */
const OPENERS = new Set(
  'the a an this that these those it he she they we you i there here but and or so if when while in on at for as what who how why where then however his her their our my its not no yes after before since do does did is are was were can could will would please let now meanwhile'.split(
    ' ',
  ),
)
const startsSentence = (after: string): boolean =>
  OPENERS.has(/^\s*["'“‘(]*([A-Za-z]+)/.exec(after)?.[1]?.toLowerCase() ?? '')

function pushParts(text: string, start: number, end: number, out: SentenceSpan[]): void {
  let from = start
  while (from < end && /\s/.test(text[from]!)) from++
  let to = end
  while (to > from && /\s/.test(text[to - 1]!)) to--
  while (to - from > MAX_SENTENCE) {
    const cut = cutPoint(text, from)
    push(text, from, cut, out)
    from = cut
    while (from < to && /\s/.test(text[from]!)) from++
  }
  if (to > from) push(text, from, to, out)
}

function push(text: string, start: number, end: number, out: SentenceSpan[]): void {
  let to = end
  while (to > start && /\s/.test(text[to - 1]!)) to--
  out.push({ text: text.slice(start, to), start, end: to })
}

/** Where to cut the first MAX_SENTENCE characters: after the last clause mark, else at the last space, else anywhere. */
function cutPoint(text: string, from: number): number {
  const reach = text.slice(from, from + MAX_SENTENCE)
  const least = MAX_SENTENCE / 4
  for (const pattern of [/[;:—–]["'”’)]*\s|\s[-–—]+\s|[.!?]["'”’)]*\s/g, /[,)]["'”’]*\s/g, /\s/g]) {
    let last = -1
    for (const match of reach.matchAll(pattern)) last = match.index + match[0].length
    if (last >= least) return from + last
  }
  // Never between the halves of a surrogate pair.
  return from + MAX_SENTENCE - (/[\ud800-\udbff]$/.test(reach) ? 1 : 0)
}
