/** Which scripts are read: Latin, and Greek and Cyrillic letter by letter; the others are named to the caller. */
import type { Unreadable } from '../../language.ts'

/** By their commonest first. Letters of other scripts are called Other. */
const SCRIPTS =
  'Han Hiragana Katakana Hangul Arabic Hebrew Devanagari Thai Bengali Tamil Telugu Gujarati Gurmukhi Kannada Malayalam Sinhala Georgian Armenian Ethiopic Khmer Lao Myanmar Tibetan Mongolian'.split(
    ' ',
  )
const PATTERNS = SCRIPTS.map((name) => [name, new RegExp(`^\\p{Script=${name}}`, 'u')] as const)
const READ = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]/u
/** A stretch of letters of scripts that are not read, with their marks and what stands between such letters. */
const STRETCH =
  /[^\P{L}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}][\p{M}\u200c\u200d]*(?:[\s\u3000-\u303f\uff00-\uff0f،؟,.!?-]{0,3}[^\P{L}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}][\p{M}\u200c\u200d]*)*/gu

/** Stretches of a text in scripts that English does not read. Time is linear in the length. */
export function unreadable(text: string): Unreadable[] {
  const out: Unreadable[] = []
  for (const match of text.matchAll(STRETCH)) {
    // Letters that stand for a Latin one, as full-width forms and mathematical letters do, are read.
    if (READ.test(match[0].normalize('NFKD'))) continue
    const script = PATTERNS.find(([, pattern]) => pattern.test(match[0]))?.[0] ?? 'Other'
    out.push({ start: match.index, end: match.index + match[0].length, script })
  }
  return out
}
