/** The voices a server offers and the names requests may use for them. */
import { z } from 'zod'
import { nearest } from '../src/errors.ts'
import { DEFAULT_LANGUAGE, type Language, languageFor } from '../src/text/index.ts'
import { RequestError } from './http-errors.ts'

/** OpenAI's voice names, which mean the default voice, so that its clients work unchanged. */
export const VOICE_ALIASES = [
  'alloy',
  'ash',
  'ballad',
  'coral',
  'echo',
  'fable',
  'nova',
  'onyx',
  'sage',
  'shimmer',
  'verse',
  'marin',
  'cedar',
] as const

export interface VoiceInfo {
  readonly name: string
  readonly language: string
  readonly description?: string
  /** Other names that mean this voice. */
  readonly aliases?: readonly string[]
}

export interface VoiceCatalogue {
  readonly voices: readonly VoiceInfo[]
  readonly defaultVoice: string
}

/** The language of a voice that the catalogue has. Throws VOICE_MISMATCH when its texts cannot be read. */
export const languageOf = (name: string, { voices }: VoiceCatalogue): Language =>
  languageFor(voices.find((voice) => voice.name === name)?.language ?? DEFAULT_LANGUAGE.tag)

/** A name as requests may give one. It is compared and echoed only when it is short. */
export const nameSchema = z.string().max(64)

/** The voice a request means; `requested` undefined = the default. Throws VOICE_UNKNOWN. */
export function resolveVoice(requested: string | undefined, { voices, defaultVoice }: VoiceCatalogue): string {
  if (requested === undefined || (VOICE_ALIASES as readonly string[]).includes(requested)) return defaultVoice
  const found =
    voices.find((voice) => voice.name === requested) ?? voices.find((voice) => voice.aliases?.includes(requested))
  if (found) return found.name
  const near = nearest(requested, [...voices.map((voice) => voice.name), ...VOICE_ALIASES])
  const hint = near ? ` Did you mean "${near}"?` : ''
  throw new RequestError('VOICE_UNKNOWN', `There is no voice "${requested}".${hint}`, 'voice')
}
