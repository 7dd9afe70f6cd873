/** When each word is spoken, as a file: JSON with phonemes, or subtitles (SRT, WebVTT). */
import { extname } from 'node:path'
import { SparsewaveError } from '../errors.ts'
import type { SentenceTime } from '../synthesis/index.ts'

/** Two lines of 42 characters, as subtitles have them. */
const MAX_CUE = 84

interface Cue {
  readonly text: string
  /** Seconds. */
  readonly from: number
  readonly to: number
}

/** Cues of one or more words each, in order. No cue holds words of two sentences. */
export function cuesOf(sentences: readonly SentenceTime[]): Cue[] {
  return sentences.flatMap(({ text, start, end, words }) => {
    const cues: Cue[] = []
    // Of SSML and the like the sentence is not a stretch of the input.
    const isPart = text.length === end - start
    let first = 0
    for (let i = 0; i < words.length; i++) {
      const last = i === words.length - 1
      const next = words[i + 1]
      const reach = (to: number): string =>
        isPart
          ? text.slice(
              first === 0 ? 0 : words[first]!.start - start,
              to === words.length ? undefined : words[to]!.start - start,
            )
          : words
              .slice(first, to)
              .map((word) => word.text)
              .join(' ')
      if (!last && reach(i + 2).trim().length <= MAX_CUE && next) continue
      cues.push({
        text: reach(i + 1)
          .replace(/\s+/g, ' ')
          .trim(),
        from: words[first]!.from,
        to: words[i]!.to,
      })
      first = i + 1
    }
    return cues
  })
}

/** 00:01:02,345 */
function clock(seconds: number, mark: string): string {
  const ms = Math.round(1000 * seconds)
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}${mark}${String(ms % 1000).padStart(3, '0')}`
}

const WRITERS: Readonly<Record<string, (sentences: readonly SentenceTime[]) => string>> = {
  '.json': (sentences) => `${JSON.stringify(sentences, undefined, 2)}\n`,
  '.srt': (sentences) =>
    cuesOf(sentences)
      .map(({ text, from, to }, i) => `${i + 1}\n${clock(from, ',')} --> ${clock(to, ',')}\n${text}\n`)
      .join('\n'),
  '.vtt': (sentences) =>
    `WEBVTT\n\n${cuesOf(sentences)
      .map(({ text, from, to }) => `${clock(from, '.')} --> ${clock(to, '.')}\n${escapeCue(text)}\n`)
      .join('\n')}`,
}

const escapeCue = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

/** What writes a file's contents, by the file's name. Throws USAGE for another kind of file. */
export function timestampsWriter(file: string): (sentences: readonly SentenceTime[]) => string {
  const writer = WRITERS[extname(file).toLowerCase()]
  if (writer) return writer
  throw new SparsewaveError('USAGE', `Timestamps can be written as .json, .srt or .vtt, which ${file} is not.`, {
    remedy: 'Give --timestamps a name that ends with one of them.',
  })
}
