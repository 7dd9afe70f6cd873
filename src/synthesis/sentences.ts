/**
 * Where sentences come from: a whole text, or text that is still being written. Both give the same sentences for the
 * same characters, each with the kind of pause that goes before it.
 */
import { splitSentences } from '../text/index.ts'

export type PauseKind = 'none' | 'sentence' | 'paragraph'

export interface Sentence {
  readonly text: string
  /** Characters [start, end) of the text it came from. */
  readonly start: number
  readonly end: number
  readonly pause: PauseKind
}

/** A place in a stream of sentences that its reader is told of when everything before it has been spoken. */
export interface Mark {
  readonly mark: string | number
}

const PARAGRAPH = /\n[^\S\n]*\n/

/** The sentences of a whole text. */
export function* sentencesOf(text: string): Generator<Sentence> {
  let previousEnd = -1
  for (const { text: sentence, start, end } of splitSentences(text)) {
    yield { text: sentence, start, end, pause: pauseBetween(text, previousEnd, start) }
    previousEnd = end
  }
}

const pauseBetween = (text: string, previousEnd: number, start: number): PauseKind =>
  previousEnd < 0 ? 'none' : PARAGRAPH.test(text.slice(previousEnd, start)) ? 'paragraph' : 'sentence'

/** Put after the buffer to see whether what is there would end before a new sentence (an abbreviation would not). */
const PROBE = 'Then it goes on.'

/**
 * Text that arrives in pieces. A sentence is given out as soon as it is certain to be complete: another one begins
 * after it, or it is followed by white space and would end whatever came next. `flush` gives out the rest.
 */
export class LiveText implements AsyncIterable<Sentence | Mark> {
  readonly #ready: (Sentence | Mark)[] = []
  #buffer = ''
  /** Position of the buffer's first character in everything pushed. */
  #offset = 0
  /** Text between the last sentence given out and the buffer decides on the pause; undefined = nothing was said. */
  #gap: string | undefined
  #ended = false
  #wake: (() => void) | undefined

  push(piece: string): void {
    this.#buffer += piece
    this.#takeComplete()
  }

  /** Gives out what is buffered, complete or not, and then `mark`. What follows starts without a pause. */
  flush(mark: string | number): void {
    this.#takeRest()
    this.#gap = undefined
    this.#give({ mark })
  }

  /** Gives out what is buffered and ends the iteration after it. */
  end(): void {
    this.#takeRest()
    this.#ended = true
    this.#wake?.()
  }

  /** Characters that wait for the rest of their sentence. */
  get pending(): number {
    return this.#buffer.length
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Sentence | Mark> {
    for (;;) {
      const next = this.#ready.shift()
      if (next !== undefined) yield next
      else if (this.#ended) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }

  #takeComplete(): void {
    const buffer = this.#buffer
    const found = splitSentences(buffer)
    if (found.length === 0) return
    const last = found[found.length - 1]!
    // After a closing quote the sentence may well go on: "Why?" she asked.
    const mayEnd = /[^"'”’)\]\s]\s+$/.test(buffer)
    const lastIsComplete = mayEnd && splitSentences(buffer + PROBE).some((s) => s.start === buffer.length)
    this.#take(found.slice(0, lastIsComplete ? found.length : -1), lastIsComplete ? last.end : last.start)
  }

  #takeRest(): void {
    this.#take(splitSentences(this.#buffer), this.#buffer.length)
  }

  #take(found: { text: string; start: number; end: number }[], keepFrom: number): void {
    let previousEnd = 0
    for (const { text, start, end } of found) {
      const gap = this.#gap === undefined ? undefined : this.#gap + this.#buffer.slice(previousEnd, start)
      const pause = gap === undefined ? 'none' : PARAGRAPH.test(gap) ? 'paragraph' : 'sentence'
      this.#give({ text, start: this.#offset + start, end: this.#offset + end, pause })
      this.#gap = ''
      previousEnd = end
    }
    if (this.#gap !== undefined) this.#gap += this.#buffer.slice(previousEnd, keepFrom)
    this.#buffer = this.#buffer.slice(keepFrom)
    this.#offset += keepFrom
  }

  #give(item: Sentence | Mark): void {
    this.#ready.push(item)
    this.#wake?.()
  }
}
