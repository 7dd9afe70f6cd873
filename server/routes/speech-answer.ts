/**
 * How audio goes out in an HTTP answer: as it is (`audio`), as server-sent events with base64 (`sse`), OpenAI's
 * stream_format, or as JSON lines with the times of words and phonemes (`timestamps`). Each writes its head with the
 * first bytes, so that an error before them is a plain error answer.
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

interface Head {
  readonly mediaType: string
  readonly seed: number
  /** Characters of the text. */
  readonly characters: number
  /** Whether the audio is sent with the times. */
  readonly audio: boolean
}

export const ANSWER_WRITERS: Record<StreamFormat | 'timestamps', (res: Response, head: Head) => AnswerWriter> = {
  audio: (res, head) => ({
    audio(bytes, sent) {
      begin(res, head.mediaType, head.seed)
      res.write(bytes, (error) => {
        if (!error) sent()
      })
    },
    end() {
      begin(res, head.mediaType, head.seed)
      res.end()
    },
    fail: (error) => sendError(res, error),
  }),

  sse(res, head) {
    const event = (data: object, sent: () => void = () => {}): void => {
      begin(res, 'text/event-stream; charset=utf-8', head.seed)
      res.write(`data: ${JSON.stringify(data)}\n\n`, (error) => {
        if (!error) sent()
      })
    }
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

  timestamps(res, head) {
    /** A warning goes out with the first line, so that an error before it is a plain answer. */
    let warning: object | undefined
    const line = (data: object, sent: () => void = () => {}): void => {
      begin(res, 'application/x-ndjson', head.seed)
      if (warning) res.write(`${JSON.stringify(warning)}\n`)
      warning = undefined
      res.write(`${JSON.stringify(data)}\n`, (error) => {
        if (!error) sent()
      })
    }
    return {
      warning(code, message) {
        warning = { type: 'warning', code, message }
      },
      sentence: (times) => line({ type: 'sentence', ...times }),
      audio(bytes, sent) {
        if (head.audio) line({ type: 'audio', audio: Buffer.from(bytes).toString('base64') }, sent)
        else sent()
      },
      end(seconds) {
        line({ type: 'done', seconds, seed: head.seed })
        res.end()
      },
      fail(error) {
        if (!res.headersSent) return sendError(res, error)
        line({ type: 'error', ...errorBodyOf(error) })
        res.end()
        return error.status
      },
    }
  },
}

/** What `usage` counts as one token of audio. */
const SECONDS_A_TOKEN = 0.02

function begin(res: Response, mediaType: string, seed: number): void {
  if (res.headersSent) return
  res.status(200).set({ 'Content-Type': mediaType, 'Cache-Control': 'no-store', 'X-Seed': String(seed) })
}
