/**
 * Lines to a file descriptor, never waited for. A reader that stalls, or a full disk, costs lines and nothing else: what
 * does not fit the buffer is dropped and counted, and the log says so once it can.
 */
import { write } from 'node:fs'

/** Bytes of lines that may wait. */
const BUFFER = 1 << 20
/** Bytes of one write. */
const PIECE = 1 << 16
/** After a write that failed, ms. */
const PAUSE = 1000

export type WriteFile = (
  fd: number,
  bytes: Buffer,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void

export class LogStream {
  readonly #fd: number
  readonly #write: WriteFile
  readonly #said: (dropped: number) => string
  #lines: string[] = []
  #buffered = 0
  #isWriting = false
  #dropped = 0
  /** Lines dropped that the log does not mention yet. */
  #unmentioned = 0
  #whenEmpty: (() => void) | undefined

  /** `said`: the line that tells how many were dropped. */
  constructor(fd: number, said: (dropped: number) => string = () => '', writeFile: WriteFile = write) {
    this.#fd = fd
    this.#said = said
    this.#write = writeFile
  }

  /** Lines dropped so far. */
  get dropped(): number {
    return this.#dropped
  }

  /** `line` ends with a line break. */
  write(line: string): void {
    if (this.#buffered + line.length > BUFFER) {
      this.#drop(1)
      return
    }
    this.#lines.push(line)
    this.#buffered += line.length
    if (!this.#isWriting) this.#next()
  }

  /** Resolves when everything is written, or after `ms`. */
  async end(ms: number): Promise<void> {
    if (!this.#isWriting && this.#lines.length === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #drop(lines: number): void {
    this.#dropped += lines
    this.#unmentioned += lines
  }

  #next(): void {
    if (this.#lines.length === 0) {
      this.#isWriting = false
      this.#whenEmpty?.()
      return
    }
    this.#isWriting = true
    let size = 0
    let count = 0
    while (count < this.#lines.length && size < PIECE) size += this.#lines[count++]!.length
    const lines = this.#lines.splice(0, count)
    this.#buffered -= size
    if (this.#unmentioned > 0) lines.push(this.#said(this.#unmentioned))
    const mentioned = this.#unmentioned
    this.#unmentioned = 0
    this.#put(Buffer.from(lines.join('')), lines.length, mentioned)
  }

  #put(bytes: Buffer, lines: number, mentioned: number): void {
    this.#write(this.#fd, bytes, (error, written) => {
      const retry = error?.code === 'EAGAIN' || error?.code === 'EINTR'
      if (!error && written < bytes.length) this.#put(bytes.subarray(written), lines, mentioned)
      else if (!error) this.#next()
      else if (retry) setTimeout(() => this.#put(bytes, lines, mentioned), 50).unref()
      else {
        // The disk is full or the reader is gone: these lines are lost, later ones may not be.
        this.#drop(lines)
        this.#unmentioned += mentioned
        setTimeout(() => this.#next(), PAUSE).unref()
      }
    })
  }
}
