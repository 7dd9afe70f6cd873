/** What `speak` says of its work: a line that is written anew while it lasts, and a summary. */
import { SAMPLE_RATE } from '../frames.ts'
import type { Chunk } from '../synthesis/index.ts'

/** Shorter texts are over before a line could be read. */
const LONG_TEXT = 400

export interface Standing {
  /** Seconds of audio. */
  readonly audio: number
  /** Seconds since the start. */
  readonly took: number
  /** Part of the text that is spoken, where its length is known. */
  readonly part?: number | undefined
}

/** `42 %, 12.3 s of audio, 8.1x real time, 17 s left` */
export function progressLine({ audio, took, part }: Standing): string {
  const percent = part === undefined ? [] : [`${Math.floor(100 * part)} %`]
  const speed = took > 0 ? [`${(audio / took).toFixed(1)}x real time`] : []
  const left = part !== undefined && part > 0.02 ? [`${Math.ceil((took * (1 - part)) / part)} s left`] : []
  return [...percent, `${audio.toFixed(1)} s of audio`, ...speed, ...left].join(', ')
}

/** Measures a stream: seconds of audio, time to first audio, real-time factor. */
export class Progress {
  readonly #characters: number | undefined
  readonly #started = performance.now()
  #firstAudio: number | undefined
  #samples = 0

  /** `characters` of the text, where they are known. */
  constructor(characters: number | undefined) {
    this.#characters = characters
  }

  async *watch(chunks: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
    const all = this.#characters
    const shown = process.stderr.isTTY && (all === undefined || all > LONG_TEXT)
    for await (const chunk of chunks) {
      if (chunk.samples.length > 0) this.#firstAudio ??= performance.now()
      this.#samples += chunk.samples.length
      if (shown && chunk.sentence) {
        const part = all === undefined ? undefined : chunk.sentence.start / all
        this.#write(progressLine({ audio: this.#audio, took: this.#took, part }))
      }
      yield chunk
    }
  }

  /** `isWhole`: the reader has taken all audio. */
  report(isWhole: boolean): void {
    const [audio, took] = [this.#audio, this.#took]
    const first = (this.#firstAudio ?? performance.now()) - this.#started
    this.#write('')
    process.stderr.write(
      isWhole
        ? `${audio.toFixed(2)} s of audio in ${took.toFixed(2)} s; ` +
            `time to first audio ${first.toFixed(0)} ms, real-time factor ${(took / audio).toFixed(3)}\n`
        : `The reader of the pipe has gone after ${audio.toFixed(1)} s of audio.\n`,
    )
  }

  get #audio(): number {
    return this.#samples / SAMPLE_RATE
  }

  get #took(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** The line in the place of the last one. */
  #write(line: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r${line}\x1b[K`)
  }
}
