/** `sparsewave voices`: the voices there are; and which one speaks when none is named. */
import { Command } from 'commander'
import { SparsewaveError } from '../errors.ts'
import { listVoices, loadVoice, modelsFolder, readVoice, type Voice } from '../voices/index.ts'
import type { ReportLine } from './training.ts'

/** The voice of the project's own tests, which speaks only when there is no other or when it is named. */
const TEST_VOICE = 'tiny'

/** The voice used when none is named: `preferred`, SPARSEWAVE_VOICE, or the first there is. Throws VOICE_UNKNOWN. */
export function defaultVoice(preferred: string | undefined = process.env.SPARSEWAVE_VOICE): string {
  if (preferred) return readVoice(preferred).manifest.name
  const names = listVoices()
  const first = names.find((name) => name !== TEST_VOICE) ?? names[0]
  if (first === undefined) throw new SparsewaveError('VOICE_UNKNOWN', `There are no voices in ${modelsFolder()}.`)
  return first
}

/** The voices a server offers. One that cannot be read is left out with a warning, unless it is the default. */
export function catalogue(preferred: string | undefined, warn: (line: string) => void) {
  const voices = listVoices().flatMap((name) => {
    try {
      const { language, description, aliases } = readVoice(name).manifest
      return [{ name, language, description, aliases }]
    } catch (error) {
      if (!(error instanceof SparsewaveError)) throw error
      warn(`The voice ${name} is left out: ${error.message}`)
      return []
    }
  })
  return { voices, defaultVoice: defaultVoice(preferred) }
}

/** Every voice with what its check found. */
export async function checkVoices(): Promise<ReportLine[]> {
  const lines = await Promise.all(
    listVoices().map(async (name) => {
      try {
        return { name, ok: true, detail: `${describe(await loadVoice(name))}, files whole` }
      } catch (error) {
        if (!(error instanceof SparsewaveError)) throw error
        return { name, ok: false, detail: `${error.message} ${error.remedy}` }
      }
    }),
  )
  return lines.length > 0 ? lines : [{ name: 'none', ok: false, detail: `There are no voices in ${modelsFolder()}.` }]
}

export function voicesCommand(): Command {
  return new Command('voices').description('list the voices that can speak').action(() => {
    const preferred = defaultVoice()
    for (const name of listVoices()) {
      const voice = readVoice(name)
      process.stdout.write(`${name === preferred ? '*' : ' '} ${name.padEnd(16)} ${describe(voice)}\n`)
      if (voice.manifest.description) process.stdout.write(`  ${' '.repeat(16)} ${voice.manifest.description}\n`)
    }
    process.stdout.write('* speaks when no voice is named\n')
  })
}

function describe({ manifest }: Voice): string {
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
  return `${manifest.language}, ${manifest.vocoder}, ${manifest.licence}, ${(bytes / 1e6).toFixed(1)} MB`
}
