/**
 * Where sentences come from: a whole text, or text that is still being written. Both give the same sentences for the
 * same characters, each with the kind of pause that goes before it.
 */
import { DEFAULT_LANGUAGE, type GivenSound, type Language, MAX_SENTENCE, type SentenceSpan } from '../text/index.ts'

export type PauseKind = 'none' | 'sentence' | 'paragraph'

/** How a sentence is spoken, as factors on the voice's own. */
export interface Prosody {
  readonly rate: number
  readonly pitch: number
  /** Of the amplitude. */
  readonly volume: number
}

export interface Sentence {
  readonly text: string
  /** Characters [start, end) of the text it came from. */
  readonly start: number
  readonly end: number
  /** What goes before it; a number is seconds. */
  readonly pause: PauseKind | number
  readonly prosody?: Prosody
  /** Sounds of stretches of `text`. */
  readonly given?: readonly GivenSound[]
  /** For each character of `text`, the characters [from, to) of the input it stands for, where they are not its own. */
  readonly places?: { readonly from: readonly number[]; readonly to: readonly number[] }
}

/** A place in a stream of sentences. It comes out when everything before it has been spoken. */
export interface Mark {
  readonly mark: string | number
}

/** The sentences of a whole text. */
export function* sentencesOf(text: string, language: Language = DEFAULT_LANGUAGE): Generator<Sentence> {
  let previous: { text: string; end: number } | undefined
  for (const sentence of language.splitSentences(text)) {
    const { start, end } = sentence
    const pause = previous ? pauseBetween(previous.text, text.slice(previous.end, start)) : 'none'
    yield { text: sentence.text, start, end, pause }
    previous = sentence
  }
}

/** The pause after sentence `previous`, with the white space `gap` after it. One cut for its length simply goes on. */
export function pauseBetween(previous: string, gap: string): PauseKind {
  if (/\n[^\S\n]*\n/.test(gap)) return 'paragraph'
  return gap.includes('\n') || /[.!?…:;。！？]["'”’)\]]*$/.test(previous) ? 'sentence' : 'none'
}

/** Put after the buffer to see whether what is there would end before a new sentence (an abbreviation would not). */
const PROBE = 'Then it goes on.'

/** Without one of these signs no sentence of the buffer, or no first clause, is complete. */
const MAY_COMPLETE = { early: /[^\p{L}\p{N}\s'-]/u, late: /[^\p{L}\p{N}\s,'-]/u }

/** What a mark counts as among the characters that wait. */
const MARK_WEIGHT = 64

/** Longest run of white space inside a sentence of live text; after more than that a new one begins. */
const MAX_GAP = 256

/** Three words and 16 characters at least, up to a mark that a pause follows. White space tells the mark from 1,000 or 10:30. */
const FIRST_CLAUSE = /^\s*(?=[^,;:—]{16})(?:\S+\s+){2,}?[^\s]*[,;:—]\s+/u

/**
 * Text that arrives in pieces. A sentence is given out as soon as it is taken to be complete: another one begins
 * after it, or white space follows its full stop. `flush` gives out the rest.
 */
export class LiveText implements AsyncIterable<Sentence | Mark> {
  readonly #early: boolean
  readonly #language: Language
  readonly #ready: (Sentence | Mark)[] = []
  #buffer = ''
  /** Position of the buffer's first character in everything pushed. */
  #offset = 0
  /** The last sentence given out and the white space that followed it; undefined = what comes needs no pause. */
  #previous: { text: string; gap: string } | undefined
  #ended = false
  #wake: (() => void) | undefined
  #waiting = 0

  /** `early`: a turn's first clause is given out on its own, before its sentence is complete. */
  constructor({ early = false, language = DEFAULT_LANGUAGE }: { early?: boolean; language?: Language } = {}) {
    this.#early = early
    this.#language = language
  }

  push(piece: string): void {
    const before = this.#buffer.slice(-1)
    this.#buffer += piece
    if (this.#buffer.length <= MAX_SENTENCE) {
      // Most pieces are words in the middle of a sentence, which complete nothing.
      if (/[\p{L}\p{N}]/u.test(before) && /^[\p{L}\p{N}]*$/u.test(piece)) return
      if (!MAY_COMPLETE[this.#early ? 'early' : 'late'].test(this.#buffer)) return
    }
    this.#takeComplete()
  }

  /** Gives out what is buffered, complete or not, and then `mark`. What follows starts without a pause. */
  flush(mark: string | number): void {
    this.#takeRest()
    this.#previous = undefined
    this.#waiting += MARK_WEIGHT
    this.#give({ mark })
  }

  /** Gives out what is buffered and ends the iteration after it. */
  end(): void {
    this.#takeRest()
    this.#ended = true
    this.#wake?.()
  }

  /** Characters that are not spoken yet: of sentences given out and of what waits for its end. A mark counts as MARK_WEIGHT. */
  get waiting(): number {
    return this.#waiting + this.#buffer.length
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Sentence | Mark> {
    for (;;) {
      const next = this.#ready.shift()
      if (next !== undefined) {
        this.#waiting -= 'text' in next ? next.text.length : MARK_WEIGHT
        yield next
      } else if (this.#ended) return
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
    const found = this.#language.splitSentences(buffer)
    const last = found[found.length - 1]
    if (last === undefined) {
      this.#dropBlanks(buffer.length)
      return
    }
    // White space without end would be read again with every piece.
    if (buffer.length - last.end > MAX_GAP) {
      this.#take(found, last.end)
      this.#dropBlanks(this.#buffer.length)
      return
    }
    // After a closing quote the sentence may well go on: "Why?" she asked.
    const mayEnd = /[^"'”’)\]\s]\s+$/.test(buffer)
    if (mayEnd && this.#language.splitSentences(buffer + PROBE).some((s) => s.start === buffer.length))
      this.#take(found, last.end)
    else this.#take(found.slice(0, -1), last.start)
    if (this.#early && this.#previous === undefined) this.#takeClause()
  }

  /** Lets go of the buffer's first characters, which are blank. Of a long gap only what tells its pause is kept. */
  #dropBlanks(count: number): void {
    const blanks = this.#buffer.slice(0, count)
    if (this.#previous) {
      const gap = this.#previous.gap + blanks
      this.#previous.gap = gap.length <= MAX_GAP ? gap : '\n'.repeat(Math.min(2, gap.split('\n').length - 1))
    }
    this.#buffer = this.#buffer.slice(count)
    this.#offset += count
  }

  /** Gives out the first clause of what is buffered, if it is long enough to be spoken on its own. */
  #takeClause(): void {
    const clause = FIRST_CLAUSE.exec(this.#buffer)
    if (!clause) return
    const start = this.#buffer.length - this.#buffer.trimStart().length
    const end = clause[0].trimEnd().length
    this.#take([{ text: this.#buffer.slice(start, end), start, end }], clause[0].length)
  }

  #takeRest(): void {
    this.#take(this.#language.splitSentences(this.#buffer), this.#buffer.length)
  }

  /** Gives out `found` and keeps what of the buffer begins at `keepFrom`. */
  #take(found: readonly SentenceSpan[], keepFrom: number): void {
    let end = 0
    for (const span of found) {
      const gap = this.#buffer.slice(end, span.start)
      const pause = this.#previous ? pauseBetween(this.#previous.text, this.#previous.gap + gap) : 'none'
      this.#waiting += span.text.length
      this.#give({ text: span.text, start: this.#offset + span.start, end: this.#offset + span.end, pause })
      this.#previous = { text: span.text, gap: '' }
      end = span.end
    }
    if (this.#previous) this.#previous.gap += this.#buffer.slice(end, keepFrom)
    this.#buffer = this.#buffer.slice(keepFrom)
    this.#offset += keepFrom
  }

  #give(item: Sentence | Mark): void {
    this.#ready.push(item)
    this.#wake?.()
  }
}
