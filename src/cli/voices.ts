/** `sparsewave voices`: the installed voices, and the check of their files for `sparsewave doctor`. */
import { Command } from 'commander'
import { SparsewaveError } from '../errors.ts'
import { defaultVoice } from '../voices/catalogue.ts'
import { listVoices, loadVoice, modelsFolder, readVoice, type Voice } from '../voices/index.ts'
import type { ReportLine } from './training.ts'

/** A line for each voice: its files are whole, or what is wrong with them. */
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
  return new Command('voices')
    .description('list the installed voices')
    .option('--names', 'print the names alone, one a line')
    .action(list)
}

function list({ names }: { names?: true }): void {
  if (names) {
    for (const name of listVoices()) process.stdout.write(`${name}\n`)
    return
  }
  const preferred = defaultVoice()
  for (const name of listVoices()) {
    const voice = readVoice(name)
    process.stdout.write(`${name === preferred ? '*' : ' '} ${name.padEnd(16)} ${describe(voice)}\n`)
    if (voice.manifest.description) process.stdout.write(`  ${' '.repeat(16)} ${voice.manifest.description}\n`)
  }
  process.stdout.write('* is used when no voice is named\n')
}

function describe({ manifest }: Voice): string {
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
  return `${manifest.language}, ${manifest.vocoder}, ${manifest.licence}, ${(bytes / 1e6).toFixed(1)} MB`
}
