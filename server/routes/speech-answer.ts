/**
 * How audio goes out in an HTTP answer: as it is, as OpenAI's server-sent events with base64, or as JSON lines with the
 * times of words and phonemes. A dialect may bring a writer of its own. Each writes its head with the first bytes, so
 * that an error before them is a plain error answer.
 */
import type { Response } from 'express'
import type { SparsewaveError } from '../../src/errors.ts'
import type { SentenceTime } from '../../src/synthesis/index.ts'
import { errorBodyOf, sendError } from '../http-errors.ts'

/** Names the scripts in the text that are not read. */
export const UNREAD_HEADER = 'X-Unread-Scripts'

export interface AnswerWriter {
  /** Something to tell the client before the first audio, where the answer has a place for it. */
  warning?(code: string, message: string): void
  /** The sentence that begins with the next bytes. */
  sentence?(times: SentenceTime): void
  /** Sends bytes; `sent` when the socket has taken them. */
  audio(bytes: Uint8Array, sent: () => void): void
  /** `seconds` of audio were sent. */
  end(seconds: number): void
  /** Returns the status that was or would have been sent. */
  fail(error: SparsewaveError): number
}

export const STREAM_FORMATS = ['audio', 'sse'] as const
export type StreamFormat = (typeof STREAM_FORMATS)[number]

export interface Head {
  readonly mediaType: string
  readonly seed: number
  /** Characters of the text. */
  readonly characters: number
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Opens the writer of one answer. */
export type WriterFactory = (res: Response, head: Head) => AnswerWriter

/** Writes pieces of an answer under a head that goes out with the first of them. */
export function pieces(res: Response, head: Head, mediaType: string = head.mediaType) {
  const begin = (): void => {
    if (res.headersSent) return
    res
      .status(200)
      .set({ 'Cache-Control': 'no-store', 'X-Seed': String(head.seed), ...head.headers, 'Content-Type': mediaType })
  }
  return {
    /** `sent` is called when the socket has taken the piece. */
    write(piece: string | Uint8Array, sent: () => void = () => {}): void {
      begin()
      res.write(piece, (error) => {
        if (!error) sent()
      })
    },
    end(piece?: string): void {
      begin()
      res.end(piece)
    },
  }
}

/**
 * One JSON object, sent while it is synthesized: first the audio under `name`, in base64, then the fields that `rest` gives once all
 * sentences have been heard of.
 */
export function audioInJson(
  res: Response,
  head: Head,
  name: string,
  sentence: (times: SentenceTime) => void,
  rest: () => object,
): AnswerWriter {
  const { write, end } = pieces(res, head, 'application/json')
  let begun = false
  /** Bytes that do not fill a group of base64. */
  let left = Buffer.alloc(0)
  const open = (): string => {
    if (begun) return ''
    begun = true
    return `{"${name}":"`
  }
  return {
    sentence,
    audio(bytes, sent) {
      const all = Buffer.concat([left, bytes])
      const whole = all.length - (all.length % 3)
      left = all.subarray(whole)
      write(open() + all.toString('base64', 0, whole), sent)
    },
    end: () => end(`${open()}${left.toString('base64')}",${JSON.stringify(rest()).slice(1)}`),
    fail: (error) => sendError(res, error),
  }
}

/** The audio as it is. */
export const audioWriter: WriterFactory = (res, head) => {
  const { write, end } = pieces(res, head)
  return { audio: write, end: () => end(), fail: (error) => sendError(res, error) }
}

/** OpenAI's stream_format. */
export const STREAM_WRITERS: Record<StreamFormat, WriterFactory> = {
  audio: audioWriter,

  sse(res, head) {
    const { write } = pieces(res, head, 'text/event-stream; charset=utf-8')
    const event = (data: object, sent?: () => void): void => write(`data: ${JSON.stringify(data)}\n\n`, sent)
    return {
      audio(bytes, sent) {
        event({ type: 'speech.audio.delta', audio: Buffer.from(bytes).toString('base64') }, sent)
      },
      end(seconds) {
        const input = head.characters
        const output = Math.ceil(seconds / SECONDS_A_TOKEN)
        const usage = { input_tokens: input, output_tokens: output, total_tokens: input + output }
        event({ type: 'speech.audio.done', usage })
        res.end()
      },
      fail(error) {
        if (!res.headersSent) return sendError(res, error)
        event({ type: 'error', ...errorBodyOf(error) })
        res.end()
        return error.status
      },
    }
  },
}

/** JSON lines with the times of words and phonemes, and the audio unless `withAudio` is false. */
export const timestampsWriter =
  (withAudio: boolean): WriterFactory =>
  (res, head) => {
    const { write, end } = pieces(res, head, 'application/x-ndjson')
    /** A warning goes out with the first line, so that an error before it is a plain answer. */
    let warning = ''
    const line = (data: object): string => {
      const text = `${warning}${JSON.stringify(data)}\n`
      warning = ''
      return text
    }
    return {
      warning(code, message) {
        warning = line({ type: 'warning', code, message })
      },
      sentence: (times) => write(line({ type: 'sentence', ...times })),
      audio(bytes, sent) {
        if (withAudio) write(line({ type: 'audio', audio: Buffer.from(bytes).toString('base64') }), sent)
        else sent()
      },
      end: (seconds) => end(line({ type: 'done', seconds, seed: head.seed })),
      fail(error) {
        if (!res.headersSent) return sendError(res, error)
        end(line({ type: 'error', ...errorBodyOf(error) }))
        return error.status
      },
    }
  }

/** What `usage` counts as one token of audio. */
const SECONDS_A_TOKEN = 0.02
