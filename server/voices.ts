/** The voices a server offers and the names requests may use for them. */
import { z } from 'zod'
import { nearest } from '../src/errors.ts'
import type { VoiceChanges } from '../src/voices/catalogue.ts'
import { parseMixture } from '../src/voices/mixture.ts'
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

/** What is offered, at any moment. */
export interface VoiceCatalogue {
  readonly voices: readonly VoiceInfo[]
  readonly defaultVoice: string
  /** Tells what comes, goes and is replaced, until the function that it returns is called. Absent where voices are fixed. */
  watch?(listener: (changes: VoiceChanges) => void): () => void
}

/** A name as requests may give one. It is compared and echoed only when it is short. */
export const nameSchema = z.string().max(64)

/** The voice or mixture of voices that a request means; `requested` undefined = the default. Throws VOICE_UNKNOWN. */
export function resolveVoice(requested: string | undefined, catalogue: VoiceCatalogue): string {
  const mixture = requested === undefined ? undefined : parseMixture(requested)
  if (!mixture) return resolveName(requested, catalogue)
  return Object.entries(mixture)
    .map(([name, share]) => `${resolveName(name, catalogue)}:${share}`)
    .join(',')
}

function resolveName(requested: string | undefined, { voices, defaultVoice }: VoiceCatalogue): string {
  if (requested === undefined || (VOICE_ALIASES as readonly string[]).includes(requested)) return defaultVoice
  const found =
    voices.find((voice) => voice.name === requested) ?? voices.find((voice) => voice.aliases?.includes(requested))
  if (found) return found.name
  const near = nearest(requested, [...voices.map((voice) => voice.name), ...VOICE_ALIASES])
  const hint = near ? ` Did you mean "${near}"?` : ''
  throw new RequestError('VOICE_UNKNOWN', `There is no voice "${requested}".${hint}`, 'voice')
}
