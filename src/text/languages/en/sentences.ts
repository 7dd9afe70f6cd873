/**
 * Text to sentences. Sentences keep the order and the characters of the text: each is text.slice(start, end), without
 * white space at its ends, and what lies between two is white space only.
 */
import type { SentenceSpan } from '../../language.ts'
import { BEFORE_NUMBER, MAYBE_FINAL, NEVER_FINAL } from './tables.ts'

export type { SentenceSpan } from '../../language.ts'

/** Longer sentences are cut, so that the first sound of a long one comes soon. */
export const MAX_SENTENCE = 250

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })

/** The sentences of a text; paragraphs and long sentences are cut as well. Time is linear in the length. */
export function splitSentences(text: string): SentenceSpan[] {
  const out: SentenceSpan[] = []
  for (const line of lines(text)) {
    let start = line.start
    for (const end of sentenceEnds(text, line.start, line.end)) {
      const next = text.slice(end, end + 40)
      const from = Math.max(start, end - 60)
      const isLineStart = start === line.start && from === start
      if (end < line.end && !isBoundary(text.slice(from, end), next, isLineStart)) continue
      pushParts(text, start, end, out)
      start = end
    }
  }
  return out
}

/** Intl.Segmenter takes quadratic time on long strings with many sentences, so it is given windows of this many characters. */
const WINDOW = 1000

/** Where Intl.Segmenter ends sentences in [start, end) of the text, `end` included. */
function* sentenceEnds(text: string, start: number, end: number): Generator<number> {
  for (let from = start; from < end; ) {
    const to = Math.min(end, from + WINDOW)
    let last = from
    for (const { index } of segmenter.segment(text.slice(from, to))) {
      last = from + index
      if (index > 0) yield last
    }
    // What the last segment's end is, only the next window tells.
    if (to === end) break
    from = last > from ? last : to
  }
  yield end
}

/** What begins a line of its own: bullets, numbers, headings, quotes, rows of tables, times of an agenda. */
const LINE_START =
  /^(?:[-*+•‣◦▪–—]\s|\(?\d{1,3}[.)]\s|\(?[a-zA-Z][.)]\s|\(?[ivx]{1,5}[.)]\s|#{1,6}\s|>|\||```|~~~|\d{1,2}:\d\d|\d{1,2}\s?[ap]\.?m\b)/i

/** A line that may be an item of a list without bullets: a few words without a mark. */
const ITEM = /^[\p{L}\p{N}][\p{L}\p{N}'’&/-]*(?: [\p{L}\p{N}'’&/%-]+){0,3}$/u
const LONGEST_ITEM = 40
/** No item begins or ends with one of these; prose that was cut into lines does. */
const INSIDE =
  /^(?:and|or|but|of|in|on|at|to|for|by|with|from|as|than|that|which|who|is|are|was|were|be|has|have|had|not|if|it|he|she|they|we|you|i)\b|\b(?:the|a|an|and|or|but|of|in|on|at|to|for|by|with|from|as|than|that|which|who|is|are|was|were|be|has|have|had|not|if|my|your|his|her|its|our|their|this|these|those|very|will|can|would|should|could|may|might|must|do|does|did)$/i

const isItem = (line: string): boolean => line.length <= LONGEST_ITEM && ITEM.test(line) && !INSIDE.test(line)

/** Stretches between line breaks. A single break inside running prose parts nothing; items of a list are parted. */
function lines(text: string): { start: number; end: number }[] {
  const out: { start: number; end: number }[] = []
  let start = 0
  /** Where the line before the break begins, whether or not it goes on the one before it. */
  let lineStart = 0
  for (const match of text.matchAll(/(?:\r\n?|\n|\u2028|\u2029)\s*/g)) {
    const blank = (match[0].match(/\r\n?|\n|\u2028|\u2029/g) ?? []).length > 1
    const next = match.index + match[0].length
    // Blanks before the break belong to it. The pattern does not look for them: that took quadratic time.
    let lineEnd = match.index
    while (lineEnd > start && /[^\S\r\n]/.test(text[lineEnd - 1]!)) lineEnd--
    if (!blank && continues(text, lineStart, lineEnd, next)) {
      lineStart = next
      continue
    }
    out.push({ start, end: lineEnd })
    start = lineStart = next
  }
  out.push({ start, end: text.length })
  return out
}

/** Whether the line [start, end) goes on in the one that begins at `next`. */
function continues(text: string, start: number, end: number, next: number): boolean {
  const before = text[end - 1] ?? ''
  const after = text.slice(next, next + LONGEST_ITEM + 1)
  if (!/^[\p{Ll}\d,;(]/u.test(after) || !/[\p{L}\d,;:)"'”’–—-]/u.test(before)) return false
  if (LINE_START.test(after)) return false
  const line = end - start > LONGEST_ITEM ? '' : text.slice(start, end)
  const following = /^[^\r\n\u2028\u2029]*/.exec(after)![0].trimEnd()
  if (before === ':' && isItem(following)) return false
  return !(isItem(line) && isItem(following))
}

/** The number or letter of an item, which belongs to what follows it. */
const ITEM_NUMBER = /^\s*(?:(?:[-*+•>]|#{1,6})\s*)?\(?(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})[.)]$/

/** Nouns before a letter that is a name: vitamin C, plan B. */
const LETTER_NOUNS =
  /\b(?:vitamin|plan|type|class|grade|group|team|option|part|appendix|exhibit|hepatitis|influenza|section|level|vertex|point|line|block|terminal|gate|letter|drug|column|row|zone|series|generation|side|step|route|protein|factor|patient|candidate|answer)\.? [A-Z]\.$/i

/** Whether a sentence ends between the two, which Intl.Segmenter believes. `isLineStart`: `before` begins a line. */
function isBoundary(before: string, after: string, isLineStart: boolean): boolean {
  if (isLineStart && ITEM_NUMBER.test(before.trimEnd()) && /\S/.test(after)) return false
  const trimmed = before.trimEnd().replace(/["'”’)\]]+$/, '')
  if (/^\s*$/.test(after)) return true
  // Inside a run of characters only marks that need no space end a sentence.
  if (
    /\S$/.test(before) &&
    /^\S/.test(after) &&
    !/[。！？\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(before.slice(-2))
  )
    return false
  // A line break inside prose, which `lines` let pass.
  if (/[\p{L}\d,–—-]$/u.test(trimmed)) return false
  if (!trimmed.endsWith('.'))
    return /[.!?…。！？:;]$/.test(trimmed) ? !/^["'”’)\]]*\s*[a-z]/.test(after) || /[。！？]$/.test(trimmed) : true
  if (trimmed.endsWith('..')) return !/^\s*[a-z]/.test(after)
  if (/^\s*[a-z,;]/.test(after)) return false
  const word = /(?:^|[\s(["'“‘-])((?:[A-Za-z]+\.)*[A-Za-z]+)\.$/.exec(trimmed)?.[1]
  if (word === undefined) return true
  const key = word.toLowerCase()
  // Public law 94-142.
  if (/\bPub$/.test(word) && /^\s*L\./.test(after)) return false
  if (/\bPub\. L\.$/.test(trimmed)) return false
  // Smith v. Jones, Nadal def. Federer.
  if (word === 'v' || (word === 'def' && /^\s*[A-Z]/.test(after))) return false
  if (BEFORE_NUMBER.has(key)) return !/^\s*(?:#?\d|[IVXLC]+\b|[A-Z]\b)/.test(after) && startsSentence(after)
  if (NEVER_FINAL.has(key))
    return key === 'no' || key === 'nos'
      ? !/^\s*\d/.test(after)
      : key === 'gen' || key === 'mt' || key === 'col' || key === 'fig'
        ? word === key
        : false
  // An initial, as in "J. K. Rowling"; "I" ends sentences.
  if (/^[A-Z]$/.test(word)) {
    if (word === 'I') return !/^\s*[A-Z]\./.test(after)
    return LETTER_NOUNS.test(trimmed) || (/\b[a-z]{2,} [A-Z]\.$/.test(trimmed) && startsSentence(after))
  }
  if (/^[ap]\.m$/i.test(word)) return /^\s*["'“‘(]*[A-Z]/.test(after) && !AFTER_HALF_DAY.test(after)
  if (/^(?:[A-Za-z]\.)+[A-Za-z]$/.test(word) || MAYBE_FINAL.has(key)) return startsSentence(after)
  return true
}

/** After an abbreviation that may end a sentence: words that open sentences rather than continue names. */
const OPENERS = new Set(
  'the a an this that these those it he she they we you i there here but and or so if when while in on at for as what who how why where then however his her their our my its not no yes after before since do does did is are was were can could will would please let now meanwhile next first second third finally also however still well maybe perhaps today yesterday tomorrow our some many most all both each every no nobody everyone everything there'.split(
    ' ',
  ),
)
/** What goes on after the half of the day: a time zone, a day, a month. */
const AFTER_HALF_DAY =
  /^\s*(?:[A-Z]{2,4}\b|Eastern|Central|Pacific|Mountain|Greenwich|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December)/

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

/** Words that begin a phrase: a long sentence without marks is cut before one of them. */
const PHRASE_START =
  /\s(?=(?:and|but|or|nor|so|yet|because|although|though|while|whereas|when|where|which|who|whose|that|if|unless|until|since|after|before|then)\s)/g
const PREPOSITION =
  /\s(?=(?:in|on|at|by|for|from|with|without|into|under|over|between|among|during|through|about|to|of|as)\s)/g

/** Where to cut the first MAX_SENTENCE characters: after the last clause mark, else before a phrase, else at the last space, else anywhere. */
function cutPoint(text: string, from: number): number {
  const reach = text.slice(from, from + MAX_SENTENCE)
  const least = MAX_SENTENCE / 4
  for (const pattern of [
    /[;:—–]["'”’)]*\s|\s[-–—]+\s|[.!?]["'”’)]*\s/g,
    /[,)]["'”’]*\s/g,
    PHRASE_START,
    PREPOSITION,
    /\s/g,
  ]) {
    let last = -1
    for (const match of reach.matchAll(pattern)) last = match.index + match[0].length
    if (last >= least) return from + last
  }
  // Never between the halves of a surrogate pair.
  return from + MAX_SENTENCE - (/[\ud800-\udbff]$/.test(reach) ? 1 : 0)
}
