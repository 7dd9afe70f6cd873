/**
 * POST /v1/audio/phonemes: how a text is read, as `sparsewave read --json` prints it. Costs no worker. The thread is left
 * to others after each sentence.
 */
import { setImmediate as others } from 'node:timers/promises'
import type { RequestHandler } from 'express'
import type { z } from 'zod'
import { SparsewaveError } from '../../src/errors.ts'
import {
  LANGUAGE_TAGS,
  type Language,
  languageFor,
  RequestLexicon,
  readSentences,
  type SentenceReading,
} from '../../src/text/index.ts'
import type { ServerDeps } from '../deps.ts'
import { parseWith, RequestError, sendError } from '../http-errors.ts'
import { note } from '../log.ts'
import { languageOf, nameSchema, resolveVoice } from '../voices.ts'
import { speechSchema } from './speech-request.ts'

export const phonemesSchema = speechSchema
  .pick({ input: true, voice: true, lexicon: true })
  .extend({ language: nameSchema.optional() })
type PhonemesBody = z.output<typeof phonemesSchema>

export const phonemesRoute =
  (deps: ServerDeps): RequestHandler =>
  async (req, res) => {
    try {
      const body = parseWith(req.body ?? {}, phonemesSchema)
      const { input, lexicon } = body
      const language = requestedLanguage(body, deps)
      await deps.gate.text(res.locals.caller, input.length)
      const sentences: SentenceReading[] = []
      for (const sentence of readSentences(input, language, new RequestLexicon(lexicon ?? {}))) {
        sentences.push(sentence)
        await others()
      }
      note(res, { characters: input.length, outcome: 'ok' })
      res.json({ language: language.tag, sentences, unreadable: language.unreadable(input) })
    } catch (error) {
      sendError(res, error)
    }
  }

/** The language that is named, else the voice's. Throws RequestError. */
function requestedLanguage({ language, voice }: PhonemesBody, { catalogue }: ServerDeps): Language {
  if (language === undefined) return languageOf(resolveVoice(voice, catalogue), catalogue)
  try {
    return languageFor(language)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    throw new RequestError('REQUEST_INVALID', `Texts in "${language}" cannot be read.`, 'language', {
      remedy: `Send one of ${LANGUAGE_TAGS.join(', ')}, or leave it out.`,
    })
  }
}
