/** Piper's HTTP servers: the older one takes the text as the body of POST /, the newer one JSON at POST /synthesize. */
import type { Request } from 'express'
import { z } from 'zod'
import type { ServerDeps } from '../../deps.ts'
import { messageOf, parseJson, parseWith, RequestError } from '../../http-errors.ts'
import { nameSchema, resolveVoice, type VoiceCatalogue } from '../../voices.ts'
import type { HttpDialect, SpeechRoute, SpokenRequest } from '../dialect.ts'
import { withoutNulls } from '../speech-request.ts'

const bodySchema = z.object({
  text: z.string(),
  voice: nameSchema.optional(),
  /** Length of the sounds: 2 is half as fast. */
  length_scale: z.number().min(0.25).max(4).optional(),
})

export const piper: HttpDialect = {
  name: 'Piper',
  errorBody: (error) => ({ error: messageOf(error) }),
  routes: [
    speak('/synthesize', 'Text to WAV'),
    speak('/', 'Text to WAV, from the body as it is'),
    { method: 'get', path: '/voices', summary: "Voices in the form of Piper's server", answer: voices },
  ],
}

function speak(path: string, summary: string): SpeechRoute {
  return {
    method: 'post',
    path,
    summary,
    request: { name: 'PiperSpeech', schema: bodySchema },
    mediaTypes: ['audio/wav'],
    body: 'text',
    read,
  }
}

function read(req: Request, voices: VoiceCatalogue): SpokenRequest {
  const { text, voice, length_scale } = parseWith(withoutNulls(given(req)), bodySchema)
  return {
    text: text.trim(),
    textField: 'text',
    inputType: 'text',
    voice: voiceOf(voice, voices),
    output: { format: 'wav' },
    speed: length_scale === undefined ? undefined : 1 / length_scale,
  }
}

/** JSON, or a body that is the text itself. */
function given({ body, path }: Request): unknown {
  if (typeof body !== 'string') return body ?? {}
  return path === '/synthesize' || /^\s*\{/.test(body) ? parseJson(body) : { text: body }
}

/** As in Piper's server, an unknown name means the default voice. */
function voiceOf(name: string | undefined, voices: VoiceCatalogue): string {
  try {
    return resolveVoice(name, voices)
  } catch (error) {
    if (error instanceof RequestError) return voices.defaultVoice
    throw error
  }
}

function voices(_req: Request, { catalogue }: ServerDeps): object {
  return Object.fromEntries(
    catalogue.voices.map(({ name, language }) => [
      name,
      {
        audio: { sample_rate: 24000, quality: 'medium' },
        language: { code: language.replace('-', '_') },
        num_speakers: 1,
        dataset: name,
      },
    ]),
  )
}
