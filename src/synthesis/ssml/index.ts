/** SSML, a subset of the W3C's 1.1 (docs/reference/ssml.md), to sentences. */
import { DEFAULT_LANGUAGE, type Language } from '../../text/index.ts'
import { pauseBetween, type Sentence } from '../sentences.ts'
import { parseSsml } from './parse.ts'

export { SsmlError } from './parse.ts'

/** Whether a text is SSML though nobody says so. */
export const looksLikeSsml = (text: string): boolean => /^\s*(?:<\?xml[^>]*\?>\s*)?<speak[\s/>]/.test(text)

/** The sentences of an SSML document; their characters are those of the document. Throws SsmlError. */
export function ssmlSentences(document: string, language: Language = DEFAULT_LANGUAGE): Sentence[] {
  const out: Sentence[] = []
  let previous: { text: string; gap: string } | undefined
  for (const { text, from, to, given, prosody, pause: asked } of parseSsml(document, language)) {
    let end = 0
    let isFirst = true
    for (const { text: spoken, start, end: stop } of language.splitSentences(text)) {
      const gap = (isFirst ? (previous?.gap ?? '') : '') + text.slice(end, start)
      const natural = previous ? pauseBetween(previous.text, gap) : 'none'
      const inside = given.filter((g) => g.start < stop && g.end > start)
      out.push({
        text: spoken,
        start: from[start]!,
        end: to[stop - 1]!,
        pause: isFirst && asked !== undefined ? asked : natural,
        prosody,
        ...(inside.length > 0 && {
          given: inside.map((g) => ({
            ...g,
            start: Math.max(0, g.start - start),
            end: Math.min(spoken.length, g.end - start),
          })),
        }),
        places: { from: from.slice(start, stop), to: to.slice(start, stop) },
      })
      previous = { text: spoken, gap: '' }
      end = stop
      isFirst = false
    }
    if (previous) previous.gap += text.slice(end)
  }
  return out
}
