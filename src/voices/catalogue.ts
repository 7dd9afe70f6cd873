/** The voices that are installed, and which of them speaks when none is named. */
import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SparsewaveError } from '../errors.ts'
import { allVoices, listVoices, modelsFolder, packagesIn, readVoice, type Voice, type VoiceOptions } from './index.ts'
import { MANIFEST_FILE } from './manifest.ts'

/** The voice of the project's own tests. It speaks only when there is no other or when it is named. */
const TEST_VOICE = 'tiny'

/** The voice that ships as the default, whatever else is installed. */
const SHIPPED = 'heart'

/** Name of the voice used when none is named: `preferred`, SPARSEWAVE_VOICE, the shipped one or the first there is. Throws VOICE_UNKNOWN. */
export function defaultVoice(
  preferred: string | undefined = process.env.SPARSEWAVE_VOICE,
  { modelsDir = modelsFolder() }: VoiceOptions = {},
): string {
  if (preferred) return readVoice(preferred, { modelsDir }).manifest.name
  const names = listVoices({ modelsDir })
  if (names.includes(SHIPPED)) return SHIPPED
  const first = names.find((name) => name !== TEST_VOICE) ?? names[0]
  if (first === undefined) throw new SparsewaveError('VOICE_UNKNOWN', `There are no voices in ${modelsDir}.`)
  return first
}

/** The voices whose manifest can be read. `warn` gets a sentence about each of the others. */
export function readableVoices(
  { modelsDir = modelsFolder() }: VoiceOptions = {},
  warn: (line: string) => void = () => {},
): Voice[] {
  return allVoices(modelsDir, (name, error) => warn(`The voice ${name} is left out: ${error.message}`))
}

const offered = ({ manifest, dir }: Voice) => {
  const { name, language, description, aliases, sex, licence, synthetic } = manifest
  return { name, package: basename(dir), language, description, aliases, sex, licence, synthetic }
}
export type OfferedVoice = ReturnType<typeof offered>

/** Voices that came, went or are another package than before. */
export interface VoiceChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

/** How often the models folder is looked at, ms. Looking is a few calls of stat, and works on every file system. */
const LOOK_EVERY = 2000

/**
 * What a server offers. A voice that cannot be read is left out with a warning, unless it is the default. So is the voice of the tests.
 */
export class Catalogue {
  readonly #preferred: string | undefined
  readonly #warn: (line: string) => void
  #voices: readonly OfferedVoice[]
  #defaultVoice: string
  /** Of each package's folder: what tells its voice.json from another one. */
  #seen: ReadonlyMap<string, string>

  /** Throws VOICE_UNKNOWN when there is no default voice. */
  constructor(preferred: string | undefined, warn: (line: string) => void) {
    this.#preferred = preferred
    this.#warn = warn
    this.#seen = packageStamps()
    this.#defaultVoice = defaultVoice(preferred)
    this.#voices = this.#read()
  }

  #read(): OfferedVoice[] {
    return readableVoices({}, this.#warn)
      .filter(({ manifest: { name } }) => name !== TEST_VOICE || name === this.#defaultVoice)
      .map(offered)
  }

  get voices(): readonly OfferedVoice[] {
    return this.#voices
  }

  get defaultVoice(): string {
    return this.#defaultVoice
  }

  /** Reads the folder again if it has changed. While no voice is left, the old ones stay listed. */
  refresh(): VoiceChanges | undefined {
    const seen = packageStamps()
    const before = this.#seen
    const folders = [...new Set([...seen.keys(), ...before.keys()])].filter((f) => seen.get(f) !== before.get(f))
    if (folders.length === 0) return undefined
    this.#seen = seen
    const old = new Set(this.#voices.map(({ name }) => name))
    try {
      this.#defaultVoice = defaultVoice(this.#preferred)
    } catch (error) {
      if (!(error instanceof SparsewaveError)) throw error
      this.#warn(`No voice can speak for those who name none: ${error.message}`)
      return undefined
    }
    const voices = this.#read()
    this.#voices = voices
    const names = new Set(voices.map(({ name }) => name))
    return {
      added: [...names].filter((name) => !old.has(name)),
      removed: [...old].filter((name) => !names.has(name)),
      changed: voices.filter((v) => old.has(v.name) && folders.includes(v.package)).map(({ name }) => name),
    }
  }

  /** Calls `listener` with what has changed, until the function that it returns is called. */
  watch(listener: (changes: VoiceChanges) => void, every = LOOK_EVERY): () => void {
    const timer = setInterval(() => {
      const changes = this.refresh()
      if (changes && Object.values(changes).some((names) => names.length > 0)) listener(changes)
    }, every)
    timer.unref()
    return () => clearInterval(timer)
  }
}

/** Folders of packages, and the time, size and number of each one's manifest. */
function packageStamps(): Map<string, string> {
  const modelsDir = modelsFolder()
  return new Map(
    packagesIn(modelsDir).flatMap((folder) => {
      const stat = statSync(join(modelsDir, folder, MANIFEST_FILE), { throwIfNoEntry: false })
      return stat ? [[folder, `${stat.mtimeMs} ${stat.size} ${stat.ino}`] as const] : []
    }),
  )
}

/** What a server offers, as it is now. Throws VOICE_UNKNOWN when there is no default voice. */
export const catalogue = (preferred: string | undefined, warn: (line: string) => void): Catalogue =>
  new Catalogue(preferred, warn)
