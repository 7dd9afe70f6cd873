/**
 * Cuts one long recording into sentences by its text. A window of the recording is searched for the next sentences; sentences that are
 * not spoken are passed over, and so is speech that the text lacks.
 */
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import type { Language } from 'sparsewave/internal/text/index'
import { ALIGN_HOP, MEL_BANDS, melPower, normalizeMel } from './features.ts'
import { ANYTHING, GraphBuilder, gapSlots, type Slot, sentenceSlots } from './graph.ts'
import { type AlignerNet, CLASSES } from './net.ts'
import { bestPath, SCORES, scoresOf } from './viterbi.ts'

export interface Piece {
  readonly text: string
  /** Samples of the recording, with some silence around the speech. */
  readonly start: number
  readonly end: number
}

export interface Cut {
  readonly pieces: readonly Piece[]
  /** Sentences that were not found. */
  readonly missing: readonly string[]
}

const FRAMES_A_SECOND = SAMPLE_RATE / ALIGN_HOP
/** Seconds of text, as it is guessed, that one search takes; and how much longer speech may be than the guess. */
const WINDOW = 25
const SLACK = 1.8
const SPARE = 12
/** Seconds that a symbol is guessed to take. */
const SYMBOL = 0.065
/** What beginning a stretch that is not in the text costs. */
const STRAY = 10
/** Pieces are at least so long where sentences follow one another closely, and at most so long. */
const SHORTEST = 3
const LONGEST = 15
const CLOSE = 1.2
/** Silence that a piece keeps around its speech, seconds. */
const BEFORE = 0.4
const AFTER = 0.6

interface Spoken {
  readonly text: string
  /** Frames of the speech. */
  readonly start: number
  readonly end: number
}

/** Cuts 24 kHz samples by the sentences of `text`. `progress` gets the share that is done. */
export function cutRecording(
  net: AlignerNet,
  samples: Float32Array,
  text: string,
  language: Language,
  progress: (share: number) => void = () => {},
): Cut {
  const mel = normalizeMel(melPower(samples))
  const scores = new Float32Array((mel.length / MEL_BANDS) * SCORES)
  hearLong(net, mel, scores, (share) => progress(0.7 * share))
  return cutScores(scores, samples.length, text, language, (share) => progress(0.7 + 0.3 * share))
}

/** `cutRecording` of what was heard: scores [frames, SCORES] of so many samples. */
export function cutScores(
  scores: Float32Array,
  samples: number,
  text: string,
  language: Language,
  progress: (share: number) => void = () => {},
): Cut {
  const frames = scores.length / SCORES
  const sentences = language
    .splitSentences(text)
    .map((s) => ({ text: s.text, slots: sentenceSlots(s.text, language) }))
    .filter((s) => s.slots.length > 0)
  const guesses = sentences.map((s) => SYMBOL * symbolsOf(s.slots))
  const spoken: (Spoken | undefined)[] = new Array(sentences.length)
  let [next, from] = [0, 0]
  while (next < sentences.length && from < frames - FRAMES_A_SECOND / 5) {
    progress(from / frames)
    let [last, guess] = [next, 0]
    while (last < sentences.length && (last === next || guess + guesses[last]! < WINDOW)) guess += guesses[last++]!
    const to = Math.min(frames, from + Math.ceil((guess * SLACK + SPARE) * FRAMES_A_SECOND))
    const found = search(scores.subarray(from * SCORES, to * SCORES), sentences.slice(next, last))
    // The last one that was heard may be there only because the window ends.
    const isEnd = last === sentences.length || to === frames
    const heard = found.flatMap((s, i) => (s ? [i] : []))
    const sure = isEnd || heard.length < 2 ? heard : heard.slice(0, -1)
    if (sure.length === 0) {
      if (to === frames) break
      from += Math.floor((to - from) / 2)
      continue
    }
    for (const i of sure) {
      const { start, end } = found[i]!
      spoken[next + i] = { text: sentences[next + i]!.text, start: start + from, end: end + from }
    }
    from = spoken[next + sure.at(-1)!]!.end
    next += sure.at(-1)! + 1
  }
  progress(1)
  const parts = spoken.flatMap((s, i) => (s ? [{ ...s, index: i, slots: sentences[i]!.slots }] : []))
  const whole = parts.flatMap((part) => split(part, scores))
  return {
    pieces: group(whole, samples),
    missing: sentences.flatMap((s, i) => (spoken[i] ? [] : [s.text])),
  }
}

const symbolsOf = (slots: readonly Slot[]): number => slots.reduce((sum, s) => sum + s.readings[0]!.symbols.length, 0)

/** Frames that the net is given at once, and what it needs of the neighbours on each side. */
const CHUNK = 3000
const CONTEXT = 64

function hearLong(net: AlignerNet, mel: Float32Array, out: Float32Array, progress: (share: number) => void): void {
  const frames = mel.length / MEL_BANDS
  for (let at = 0; at < frames; at += CHUNK) {
    progress(at / frames)
    const from = Math.max(0, at - CONTEXT)
    const to = Math.min(frames, at + CHUNK + CONTEXT)
    const logp = net.logProbabilities(mel.slice(from * MEL_BANDS, to * MEL_BANDS))
    const end = Math.min(frames, at + CHUNK)
    const scores = scoresOf(logp.subarray((at - from) * CLASSES, (end - from) * CLASSES))
    out.set(scores, at * SCORES)
  }
}

/** Where each of the sentences is spoken in a window, undefined for those that are not. */
function search(
  scores: Float32Array,
  sentences: readonly { readonly slots: readonly Slot[] }[],
): (Omit<Spoken, 'text'> | undefined)[] {
  const builder = new GraphBuilder()
  const sentenceOf: number[] = []
  const isWord: boolean[] = []
  let ends = [0]
  let stray = builder.add(ANYTHING, ends, STRAY)
  const exits: number[] = []
  sentences.forEach(({ slots }, i) => {
    const all = i === 0 ? slots : [...gapSlots(' '), ...slots]
    const first = sentenceOf.length
    for (const slot of all) {
      sentenceOf.push(i)
      isWord.push(slot.word !== undefined)
    }
    ends = builder.addSlots(all, [...ends, stray], first)
    exits.push(...ends)
    // From here on stray speech, and past a sentence that is not spoken.
    stray = builder.add(ANYTHING, [...ends, stray], STRAY)
  })
  const graph = builder.end([...exits, stray])
  const { nodes, starts } = bestPath(graph, scores)
  const found: ({ start: number; end: number } | undefined)[] = new Array(sentences.length).fill(undefined)
  nodes.forEach((node, i) => {
    const slot = graph.slots[node]!
    if (slot < 0 || !isWord[slot]) return
    const old = found[sentenceOf[slot]!]
    found[sentenceOf[slot]!] = { start: old?.start ?? starts[i]!, end: starts[i + 1]! }
  })
  return found
}

/** A sentence that is too long, in parts between its longest pauses. */
function split(part: Spoken & { readonly slots: readonly Slot[] }, scores: Float32Array): Spoken[] {
  if ((part.end - part.start) / FRAMES_A_SECOND <= LONGEST) return [part]
  const builder = new GraphBuilder()
  const graph = builder.end(builder.addSlots(part.slots, [0]))
  const from = Math.max(0, part.start - 5)
  const { nodes, starts } = bestPath(graph, scores.subarray(from * SCORES, (part.end + 5) * SCORES))
  const times = part.slots.map(() => ({ start: -1, end: -1 }))
  nodes.forEach((node, i) => {
    const slot = times[graph.slots[node]!]
    if (!slot) return
    if (slot.start < 0) slot.start = starts[i]! + from
    slot.end = starts[i + 1]! + from
  })
  const words = part.slots.flatMap((s, i) => (s.word === undefined ? [] : [{ at: s.at!, ...times[i]! }]))
  const divide = (a: number, b: number): Spoken[] => {
    const whole: Spoken = {
      text: part.text.slice(words[a]!.at, words[b]?.at).trim(),
      start: words[a]!.start,
      end: words[b - 1]!.end,
    }
    if ((whole.end - whole.start) / FRAMES_A_SECOND <= LONGEST || b - a < 8) return [whole]
    // The longest pause, less so near the ends.
    let [best, most] = [-1, 0]
    for (let w = a + 3; w < b - 3; w++) {
      const pause = words[w]!.start - words[w - 1]!.end
      const even = Math.min(words[w]!.start - whole.start, whole.end - words[w]!.start)
      if (pause * even > most) [best, most] = [w, pause * even]
    }
    return best < 0 ? [whole] : [...divide(a, best), ...divide(best, b)]
  }
  return divide(0, words.length)
}

/** Pieces of one or, where they are short and close, more sentences. */
function group(parts: readonly Spoken[], samples: number): Piece[] {
  const groups: Spoken[][] = []
  for (const part of parts) {
    const last = groups.at(-1)
    const gap = last ? (part.start - last.at(-1)!.end) / FRAMES_A_SECOND : 0
    const seconds = last ? (last.at(-1)!.end - last[0]!.start) / FRAMES_A_SECOND : 0
    const together = last ? (part.end - last[0]!.start) / FRAMES_A_SECOND : 0
    if (last && seconds < SHORTEST && gap < CLOSE && together < LONGEST) last.push(part)
    else groups.push([part])
  }
  return groups.map((members, i) => {
    const [start, end] = [members[0]!.start, members.at(-1)!.end]
    const before = groups[i - 1]?.at(-1)?.end ?? 0
    const after = groups[i + 1]?.[0]?.start ?? Math.ceil(samples / ALIGN_HOP)
    const from = Math.max(start - BEFORE * FRAMES_A_SECOND, (before + start) / 2)
    const to = Math.min(end + AFTER * FRAMES_A_SECOND, (end + after) / 2)
    return {
      text: members.map((m) => m.text).join(' '),
      start: Math.max(0, Math.round(from) * ALIGN_HOP),
      end: Math.min(samples, Math.round(to) * ALIGN_HOP),
    }
  })
}
