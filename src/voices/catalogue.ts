/** The voices that are installed, and which of them speaks when none is named. */
import { SparsewaveError } from '../errors.ts'
import { listVoices, modelsFolder, readVoice, type Voice, type VoiceOptions } from './index.ts'

/** The voice of the project's own tests. It speaks only when there is no other or when it is named. */
const TEST_VOICE = 'tiny'

/** Name of the voice used when none is named: `preferred`, SPARSEWAVE_VOICE, or the first there is. Throws VOICE_UNKNOWN. */
export function defaultVoice(
  preferred: string | undefined = process.env.SPARSEWAVE_VOICE,
  { modelsDir = modelsFolder() }: VoiceOptions = {},
): string {
  if (preferred) return readVoice(preferred, { modelsDir }).manifest.name
  const names = listVoices({ modelsDir })
  const first = names.find((name) => name !== TEST_VOICE) ?? names[0]
  if (first === undefined) throw new SparsewaveError('VOICE_UNKNOWN', `There are no voices in ${modelsDir}.`)
  return first
}

/** The voices whose manifest can be read. `warn` gets a sentence about each of the others. */
export function readableVoices({ modelsDir }: VoiceOptions = {}, warn: (line: string) => void = () => {}): Voice[] {
  return listVoices({ modelsDir }).flatMap((name) => {
    try {
      return [readVoice(name, { modelsDir })]
    } catch (error) {
      if (!(error instanceof SparsewaveError)) throw error
      warn(`The voice ${name} is left out: ${error.message}`)
      return []
    }
  })
}

/**
 * What a server offers. A voice that cannot be read is left out with a warning, unless it is the default. So is the voice
 * of the tests.
 */
export function catalogue(preferred: string | undefined, warn: (line: string) => void) {
  const speaksFirst = defaultVoice(preferred)
  const voices = readableVoices({}, warn)
    .filter(({ manifest: { name } }) => name !== TEST_VOICE || name === speaksFirst)
    .map(({ manifest }) => {
      const { name, language, description, aliases } = manifest
      return { name, language, description, aliases }
    })
  return { voices, defaultVoice: speaksFirst }
}
