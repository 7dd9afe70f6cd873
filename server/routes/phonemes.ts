/**
 * POST /v1/audio/phonemes: how a text is read, as `sparsewave read --json` prints it. Costs no worker. The thread is left
 * to others after each sentence.
 */
import { setImmediate as others } from 'node:timers/promises'
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
import { parseWith, RequestError } from '../http-errors.ts'
import { note } from '../log.ts'
import { languageOf, nameSchema, resolveVoice } from '../voices.ts'
import type { InfoRoute } from './dialect.ts'
import { speechSchema, withoutNulls } from './speech-request.ts'

const phonemesSchema = speechSchema
  .pick({ input: true, voice: true, lexicon: true })
  .extend({ language: nameSchema.optional() })

export const phonemesRoute: InfoRoute = {
  method: 'post',
  path: '/v1/audio/phonemes',
  summary: 'How a text is read: sentences, words and phonemes, without audio',
  request: { name: 'PhonemesRequest', schema: phonemesSchema },
  async answer(req, deps) {
    const body = parseWith(withoutNulls(req.body ?? {}), phonemesSchema)
    const { input, lexicon } = body
    const language = requestedLanguage(body, deps)
    await deps.gate.text(req.res!.locals.caller, input.length)
    const sentences: SentenceReading[] = []
    for (const sentence of readSentences(input, language, new RequestLexicon(lexicon ?? {}))) {
      sentences.push(sentence)
      await others()
    }
    note(req.res!, { characters: input.length })
    return { language: language.tag, sentences, unreadable: language.unreadable(input) }
  },
}

/** The language that is named, else the voice's. Throws RequestError. */
function requestedLanguage({ language, voice }: z.output<typeof phonemesSchema>, { catalogue }: ServerDeps): Language {
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
