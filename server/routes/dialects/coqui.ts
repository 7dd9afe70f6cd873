/** The API of Coqui TTS's server: the text in the query, a form or a header, a WAV back. */
import type { Request } from 'express'
import { z } from 'zod'
import { messageOf, parseWith, RequestError } from '../../http-errors.ts'
import { nameSchema, resolveVoice, type VoiceCatalogue } from '../../voices.ts'
import type { HttpDialect, SpokenRequest } from '../dialect.ts'

const querySchema = z.object({
  text: z.string().optional(),
  speaker_id: nameSchema.optional(),
  language_id: z.string().max(64).optional(),
})

export const coqui: HttpDialect = {
  name: 'Coqui TTS',
  errorBody: (error) => ({ error: messageOf(error) }),
  routes: [
    {
      method: 'get',
      path: '/api/tts',
      summary: 'Text to WAV',
      query: querySchema,
      examples: { text: 'Hello there.' },
      mediaTypes: ['audio/wav'],
      read,
    },
    {
      method: 'post',
      path: '/api/tts',
      summary: 'Text to WAV, from a form',
      query: querySchema,
      mediaTypes: ['audio/wav'],
      body: 'text',
      read,
    },
  ],
}

function read(req: Request, voices: VoiceCatalogue): SpokenRequest {
  const form = typeof req.body === 'string' ? Object.fromEntries(new URLSearchParams(req.body)) : (req.body ?? {})
  const { text = '', speaker_id } = parseWith({ ...req.query, ...form, ...inHeaders(req) }, querySchema)
  return { text, textField: 'text', inputType: 'text', voice: voiceOf(speaker_id, voices), output: { format: 'wav' } }
}

/** What stands in headers goes before the rest. Texts in them come percent-encoded or in Latin-1. */
function inHeaders(req: Request): Record<string, string> {
  const text = req.get('text')
  const speaker = req.get('speaker-id')
  return { ...(text && { text }), ...(speaker && { speaker_id: speaker }) }
}

/** Speakers of its models, such as p225, mean the default voice. */
function voiceOf(speaker: string | undefined, voices: VoiceCatalogue): string {
  if (!speaker) return voices.defaultVoice
  try {
    return resolveVoice(speaker, voices)
  } catch (error) {
    if (error instanceof RequestError) return voices.defaultVoice
    throw error
  }
}
