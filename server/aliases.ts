/** The operator's names for voices, from SPARSEWAVE_ALIASES: `onyx=george,nova=bella`, or the path of a file of them. */
import { readFileSync } from 'node:fs'
import { SparsewaveError } from '../src/errors.ts'

/** Letters, digits and what names of voices elsewhere have. */
const NAME = /^[\w.+()-]{1,64}$/

/** Names and the voices they mean. Throws USAGE for a file that cannot be read or a line that is no alias. */
export function parseAliases(setting: string): Readonly<Record<string, string>> {
  if (setting.trim() === '') return {}
  const isInline = setting.includes('=')
  const text = isInline ? setting : readAliasFile(setting)
  const source = isInline ? 'SPARSEWAVE_ALIASES' : setting
  if (/^\s*\{/.test(text)) return fromJson(text, source)
  const aliases: Record<string, string> = {}
  for (const line of text.split(/[\n,]/)) {
    const content = line.replace(/#.*/, '').trim()
    if (content === '') continue
    const [name, voice, ...more] = content.split('=').map((part) => part.trim())
    if (more.length > 0 || !NAME.test(name ?? '') || !NAME.test(voice ?? '')) throw noAlias(source, content)
    aliases[name!] = voice!
  }
  return aliases
}

function fromJson(text: string, source: string): Record<string, string> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new SparsewaveError('USAGE', `${source} is not valid JSON.`, { cause, remedy: REMEDY })
  }
  const entries = Object.entries(value as object)
  for (const [name, voice] of entries)
    if (!NAME.test(name) || typeof voice !== 'string' || !NAME.test(voice)) throw noAlias(source, name)
  return Object.fromEntries(entries)
}

function readAliasFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SparsewaveError('USAGE', `The file of aliases ${file} cannot be read.`, { cause, remedy: REMEDY })
  }
}

const REMEDY = 'Set SPARSEWAVE_ALIASES to NAME=VOICE,NAME=VOICE or to a file with a NAME=VOICE on each line.'

const noAlias = (source: string, what: string): SparsewaveError =>
  new SparsewaveError('USAGE', `${source} has "${what.slice(0, 80)}", which is not NAME=VOICE.`, { remedy: REMEDY })
