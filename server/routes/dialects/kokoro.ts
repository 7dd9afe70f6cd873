/** What Kokoro-FastAPI adds to OpenAI's API: speech with the times of its words, and phonemes. */
import type { Request } from 'express'
import { z } from 'zod'
import type { SentenceTime } from '../../../src/synthesis/index.ts'
import { DEFAULT_LANGUAGE } from '../../../src/text/index.ts'
import { errorBodyOf, parseWith, RequestError, sendError } from '../../http-errors.ts'
import { resolveVoice } from '../../voices.ts'
import type { HttpDialect } from '../dialect.ts'
import { audioInJson, pieces, type WriterFactory } from '../speech-answer.ts'
import { MAX_INPUT, speechSchema, withoutNulls } from '../speech-request.ts'

const captionedSchema = speechSchema
  .pick({ input: true, voice: true, response_format: true, speed: true })
  .extend({ stream: z.boolean().default(true), return_timestamps: z.boolean().default(true) })

const phonemizeSchema = z.object({ text: z.string().min(1).max(MAX_INPUT), language: z.string().max(16).default('a') })

export const kokoro: HttpDialect = {
  name: 'Kokoro-FastAPI',
  errorBody(error) {
    const { message, type, code } = errorBodyOf(error).error
    return { detail: { error: code, message, type } }
  },
  routes: [
    {
      method: 'post',
      path: '/dev/captioned_speech',
      summary: 'Text to audio with the times of its words',
      request: { name: 'CaptionedSpeech', schema: captionedSchema },
      mediaTypes: ['application/json'],
      read(req, voices) {
        const body = parseWith(withoutNulls(req.body ?? {}), captionedSchema)
        return {
          text: body.input,
          textField: 'input',
          voice: resolveVoice(body.voice, voices),
          output: { format: body.response_format },
          speed: body.speed,
          writer: body.stream ? captionedLines(body.return_timestamps) : captionedWhole(body.return_timestamps),
        }
      },
    },
    {
      method: 'post',
      path: '/dev/phonemize',
      summary: 'Text to phonemes',
      request: { name: 'Phonemize', schema: phonemizeSchema },
      answer: phonemize,
    },
  ],
}

function phonemize(req: Request): object {
  const { text, language } = parseWith(req.body ?? {}, phonemizeSchema)
  // Their letters for American and British English.
  if (!['a', 'b'].includes(language) && !language.toLowerCase().startsWith('en'))
    throw new RequestError('REQUEST_INVALID', `Texts in the language "${language}" cannot be read.`, 'language', {
      remedy: 'Ask for `a`, English.',
    })
  const sentences = DEFAULT_LANGUAGE.splitSentences(text)
  return {
    phonemes: sentences.map((sentence) => DEFAULT_LANGUAGE.phonemize(sentence.text).phonemes).join(' '),
    tokens: [],
  }
}

const wordsOf = ({ words }: SentenceTime) =>
  words.map(({ text, from, to }) => ({ word: text, start_time: from, end_time: to }))

/** JSON lines, each with a piece of audio and the words that begin with it. */
const captionedLines =
  (withTimes: boolean): WriterFactory =>
  (res, head) => {
    const { write, end } = pieces(res, head, 'application/json')
    let words: object[] = []
    return {
      sentence(sentence) {
        if (withTimes) words.push(...wordsOf(sentence))
      },
      audio(bytes, sent) {
        const audio = Buffer.from(bytes).toString('base64')
        write(`${JSON.stringify({ audio, audio_format: head.mediaType, timestamps: words })}\n`, sent)
        words = []
      },
      end: () => end(),
      fail: (error) => sendError(res, error),
    }
  }

/** One JSON object: its audio first, then the words. */
const captionedWhole =
  (withTimes: boolean): WriterFactory =>
  (res, head) => {
    const words: object[] = []
    const hear = (sentence: SentenceTime) => void words.push(...wordsOf(sentence))
    return audioInJson(res, head, 'audio', hear, () => ({
      audio_format: head.mediaType,
      timestamps: withTimes ? words : null,
    }))
  }
