/** The installed voices, as callers see them. */
import { SparsewaveError } from '../errors.ts'
import { defaultVoice, readableVoices } from '../voices/catalogue.ts'

/** What is known of a voice without opening it. */
export interface VoiceInfo {
  readonly name: string
  /** BCP 47 tag, such as `en-US`. */
  readonly language: string
  readonly description: string
  /** Absent when the package does not say it. */
  readonly sex?: 'female' | 'male' | undefined
  /** Whether its recordings were synthetic speech; absent when the package does not say it. */
  readonly synthetic?: boolean | undefined
  /** Other names that open the same voice. */
  readonly aliases: readonly string[]
  /** SPDX expression of the voice's licence. */
  readonly licence: string
  /** Size of its files in bytes. */
  readonly bytes: number
  /** Whether `openVoice()` without a name opens it. */
  readonly isDefault: boolean
}

/** Where voices are looked for. */
export interface VoicesOptions {
  /** Folder of voice folders. Default: SPARSEWAVE_MODELS, else the voices that ship with the package. */
  readonly modelsDir?: string | undefined
}

/**
 * The voices that are installed, by name. A damaged voice is left out; `openVoice` says what is wrong with it.
 *
 * @example
 * ```ts
 * import { listVoices } from 'sparsewave'
 *
 * for (const { name, language } of await listVoices()) console.log(name, language)
 * ```
 */
export async function listVoices(options: VoicesOptions = {}): Promise<VoiceInfo[]> {
  const voices = readableVoices(options)
  const preferred = defaultName(options)
  return voices.map(({ manifest }) => ({
    name: manifest.name,
    language: manifest.language,
    description: manifest.description,
    aliases: manifest.aliases,
    ...(manifest.sex && { sex: manifest.sex }),
    ...(manifest.synthetic !== undefined && { synthetic: manifest.synthetic }),
    licence: manifest.licence,
    bytes: Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0),
    isDefault: manifest.name === preferred,
  }))
}

/** Undefined where there are no voices, or where SPARSEWAVE_VOICE names none of them. */
function defaultName(options: VoicesOptions): string | undefined {
  try {
    return defaultVoice(undefined, options)
  } catch (error) {
    if (!(error instanceof SparsewaveError)) throw error
    return undefined
  }
}
