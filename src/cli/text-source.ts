/** The text that a command is to speak: words of the command line, a file, or a pipe that is still being written. */
import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { looksLikeSsml } from '../synthesis/index.ts'

/** Characters that may wait before the pipe is left unread. */
const READ_AHEAD = 1 << 16

/** Text of a stream, read from the moment this is made. */
export class IncomingText {
  readonly #stream: Readable
  #waiting = ''
  #ended = false
  #all = false
  #failure: unknown
  #wake = (): void => {}

  constructor(stream: Readable) {
    this.#stream = stream
    stream.setEncoding('utf8')
    stream.on('data', (piece: string) => {
      this.#waiting += piece
      if (!this.#all && this.#waiting.length > READ_AHEAD) stream.pause()
      this.#wake()
    })
    const end = (failure?: unknown): void => {
      this.#failure = failure
      this.#ended = true
      this.#wake()
    }
    stream.on('end', () => end())
    stream.on('error', end)
  }

  /** Whether the writer has closed its end, or the text must be known as a whole: SSML. */
  async isWhole(ssml: boolean): Promise<boolean> {
    while (!this.#ended && this.#waiting.trim() === '') await this.#more()
    return this.#ended || ssml || looksLikeSsml(this.#waiting)
  }

  async whole(): Promise<string> {
    this.#all = true
    this.#stream.resume()
    while (!this.#ended) await this.#more()
    if (this.#failure) throw this.#failure
    return this.#waiting
  }

  /** What has come, and then what comes. */
  async *pieces(): AsyncGenerator<string> {
    for (;;) {
      const piece = this.#waiting
      this.#waiting = ''
      this.#stream.resume()
      if (piece !== '') yield piece
      else if (this.#failure) throw this.#failure
      else if (this.#ended) return
      else await this.#more()
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** Text that is there already, or that may still be written. */
export type TextSource = { readonly text: string } | { readonly incoming: IncomingText }

/** The words of the command line, else stdin. A file given as stdin is whole. */
export function textSource(words: readonly string[]): TextSource {
  if (words.length > 0) return { text: words.join(' ') }
  if (process.stdin.isTTY) process.stderr.write('Type the text, then Ctrl-D.\n')
  return { incoming: new IncomingText(process.stdin) }
}

/** Whether stdin is a file, whose end is not waited for. */
export const stdinIsFile = (): boolean => {
  try {
    return fstatSync(0).isFile()
  } catch {
    return false
  }
}
