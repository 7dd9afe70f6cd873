/** The voices a server offers and the names requests may use for them. */
import { z } from 'zod'
import { nearest, SparsewaveError } from '../src/errors.ts'
import { DEFAULT_LANGUAGE, type Language, languageFor } from '../src/text/index.ts'
import type { VoiceChanges } from '../src/voices/catalogue.ts'
import { parseMixture } from '../src/voices/mixture.ts'
import { RequestError } from './http-errors.ts'
import { foreignVoice, OPENAI_VOICES } from './voice-names.ts'

/** OpenAI's voice names, so that its clients work unchanged. */
export const VOICE_ALIASES = OPENAI_VOICES

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
  /** The operator's own names for voices. They go before all others. */
  readonly aliases?: Readonly<Record<string, string>>
  /** Tells what comes, goes and is replaced, until the function that it returns is called. Absent where voices are fixed. */
  watch?(listener: (changes: VoiceChanges) => void): () => void
}

/** The language of a voice or mixture of the catalogue. Throws VOICE_MISMATCH when its texts cannot be read. */
export const languageOf = (name: string, { voices }: VoiceCatalogue): Language =>
  languageFor(voices.find((voice) => voice.name === name.split(/[:,]/)[0])?.language ?? DEFAULT_LANGUAGE.tag)

/** A name as requests may give one. It is compared and echoed only when it is short. */
export const nameSchema = z.string().max(64)

/** The voice or mixture of voices that a request means; `requested` undefined = the default. Throws VOICE_UNKNOWN. */
export function resolveVoice(requested: string | undefined, catalogue: VoiceCatalogue): string {
  const own = requested !== undefined && Object.hasOwn(catalogue.aliases ?? {}, requested)
  const mixture = requested === undefined || own ? undefined : parseMixture(requested)
  if (!mixture) return resolveName(requested, catalogue)
  return Object.entries(mixture)
    .map(([name, share]) => `${resolveName(name, catalogue)}:${share}`)
    .join(',')
}

function resolveName(requested: string | undefined, { voices, defaultVoice, aliases = {} }: VoiceCatalogue): string {
  if (requested === undefined) return defaultVoice
  if (Object.hasOwn(aliases, requested)) return aliases[requested]!
  const found =
    voices.find((voice) => voice.name === requested) ?? voices.find((voice) => voice.aliases?.includes(requested))
  if (found) return found.name
  const meant = foreignVoice(requested)
  if (meant) return meant.find((name) => voices.some((voice) => voice.name === name)) ?? defaultVoice
  const known = [...Object.keys(aliases), ...voices.map((voice) => voice.name), ...VOICE_ALIASES]
  const near = nearest(requested, known)
  const hint = near ? ` Did you mean "${near}"?` : ''
  throw new RequestError('VOICE_UNKNOWN', `There is no voice "${requested}".${hint}`, 'voice')
}

/** A voice as the list of voices has it, with all names that mean it. */
export function describeVoice(voice: VoiceInfo, catalogue: VoiceCatalogue) {
  const own = Object.entries(catalogue.aliases ?? {}).flatMap(([name, target]) => (target === voice.name ? [name] : []))
  const openai = VOICE_ALIASES.filter((name) => name !== voice.name && resolveVoice(name, catalogue) === voice.name)
  const aliases = [...new Set([...(voice.aliases ?? []), ...own, ...openai])]
  return { id: voice.name, ...voice, aliases }
}

/** The catalogue with the operator's aliases. Throws USAGE when one means a voice that is not there. */
export function withAliases(catalogue: VoiceCatalogue, aliases: Readonly<Record<string, string>>): VoiceCatalogue {
  for (const [name, target] of Object.entries(aliases)) {
    if (catalogue.voices.some((voice) => voice.name === target)) continue
    const near = nearest(
      target,
      catalogue.voices.map((voice) => voice.name),
    )
    throw new SparsewaveError(
      'USAGE',
      `The alias ${name} means the voice ${target}, which this server does not have.`,
      {
        remedy: near ? `Did you mean ${near}?` : 'Correct SPARSEWAVE_ALIASES.',
      },
    )
  }
  return {
    aliases,
    // Voices come and go.
    get voices() {
      return catalogue.voices
    },
    get defaultVoice() {
      return catalogue.defaultVoice
    },
    ...(catalogue.watch && { watch: catalogue.watch.bind(catalogue) }),
  }
}
