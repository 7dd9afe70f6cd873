/**
 * Voice packages: find, check, read and write them. A voice that was loaded is whole: its manifest is valid and every file
 * has the size and checksum that the manifest names.
 */
import { createHash } from 'node:crypto'
import { type Dirent, existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { nearest, SparsewaveError } from '../errors.ts'
import { SAMPLE_RATE } from '../frames.ts'
import { PACKAGE_ROOT } from '../root.ts'
import {
  MANIFEST_FILE,
  VOICE_FILES,
  VOICE_FORMAT,
  type VoiceDescription,
  type VoiceFiles,
  type VoiceManifest,
  viewsOf,
  voiceManifestSchema,
} from './manifest.ts'
import { type Mixture, parseMixture } from './mixture.ts'

export {
  VOICE_FILES,
  VOICE_FORMAT,
  type VoiceDescription,
  type VoiceFiles,
  type VoiceManifest,
  voiceManifestSchema,
} from './manifest.ts'
export { type Mixture, parseMixture } from './mixture.ts'

export interface VoiceOptions {
  /** Folder of the voice packages. Default: SPARSEWAVE_MODELS, else models/ of the package. */
  readonly modelsDir?: string | undefined
}

export interface Voice extends VoiceFiles {
  /** Folder of the package. */
  readonly dir: string
  /** Path of one of its files. */
  path(file: string): string
}

/** The folder in which voices are looked for. */
export const modelsFolder = (): string => process.env.SPARSEWAVE_MODELS || join(PACKAGE_ROOT, 'models')

/** Names of the voices in the models folder, in alphabetical order. A package that cannot be read counts as a voice of its folder's name. */
export function listVoices({ modelsDir = modelsFolder() }: VoiceOptions = {}): string[] {
  const names = packagesIn(modelsDir).flatMap((folder) => {
    const voice = readableVoice(join(modelsDir, folder))
    return voice ? viewsOf(voice.manifest).map(({ name }) => name) : [folder]
  })
  return [...new Set(names)].sort()
}

/**
 * All voices in the models folder, in alphabetical order, each package read once. Of two with one name the one in a folder of that name
 * counts, else the first. `fault` is told of packages that cannot be read.
 */
export function allVoices(modelsDir: string, fault: (name: string, error: SparsewaveError) => void): Voice[] {
  const found = new Map<string, Voice>()
  const folders = packagesIn(modelsDir)
  for (const folder of folders) {
    try {
      for (const voice of viewsIn(voiceIn(join(modelsDir, folder)))) {
        const { name } = voice.manifest
        if (name === folder || !(found.has(name) || folders.includes(name))) found.set(name, voice)
      }
    } catch (error) {
      if (!(error instanceof SparsewaveError)) throw error
      fault(folder, error)
    }
  }
  return [...found.values()].sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1))
}

/** Folders with a voice.json, in alphabetical order. */
export function packagesIn(modelsDir: string): string[] {
  if (!existsSync(modelsDir)) return []
  return foldersIn(modelsDir)
    .filter((entry) => !entry.name.startsWith('.') && existsSync(join(modelsDir, entry.name, MANIFEST_FILE)))
    .map((entry) => entry.name)
    .sort()
}

function foldersIn(modelsDir: string): Dirent[] {
  try {
    return readdirSync(modelsDir, { withFileTypes: true })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOTDIR' ? 'is not a folder' : `cannot be read: ${message}`
    throw new SparsewaveError('VOICE_UNKNOWN', `The models folder ${modelsDir} ${why}.`, {
      remedy: 'Set SPARSEWAVE_MODELS to a folder of voice packages, or unset it.',
      cause,
    })
  }
}

/**
 * The manifest of a voice, by name, alias or mixture of names, without checking its files. Throws VOICE_UNKNOWN with the nearest name
 * and for a mixture across packages, VOICE_MISMATCH for another format, VOICE_DAMAGED when voice.json is not valid.
 */
export function readVoice(name: string, options: VoiceOptions = {}): Voice {
  const modelsDir = options.modelsDir ?? modelsFolder()
  const mixture = parseMixture(name)
  return mixture ? mixedVoice(mixture, modelsDir) : singleVoice(name, modelsDir)
}

function singleVoice(name: string, modelsDir: string): Voice {
  const folders = packagesIn(modelsDir)
  if (folders.includes(name)) return viewsIn(voiceIn(join(modelsDir, name)))[0]!
  const all = folders.flatMap((folder) => {
    const voice = readableVoice(join(modelsDir, folder))
    return voice ? viewsIn(voice) : []
  })
  const found =
    all.find(({ manifest }) => manifest.name === name) ?? all.find(({ manifest }) => manifest.aliases.includes(name))
  if (found) return found
  const near = nearest(name, [...folders, ...all.flatMap(({ manifest }) => [manifest.name, ...manifest.aliases])])
  const hint = near ? ` Did you mean '${near}'?` : folders.length === 0 ? ` There are no voices in ${modelsDir}.` : ''
  throw new SparsewaveError('VOICE_UNKNOWN', `There is no voice '${name}'.${hint}`)
}

/** A package as each of its voices. */
const viewsIn = (voice: Voice): Voice[] => viewsOf(voice.manifest).map((manifest) => ({ ...voice, manifest }))

/** The first voice, with the others of its package beside it. */
function mixedVoice(mixture: Mixture, modelsDir: string): Voice {
  const voices = Object.keys(mixture).map((name) => singleVoice(name, modelsDir))
  const [first] = voices
  if (voices.some(({ dir, manifest }) => dir !== first!.dir || manifest.voices.length === 0))
    throw new SparsewaveError(
      'VOICE_UNKNOWN',
      `Only voices of one package can be mixed: ${Object.keys(mixture).join(', ')}.`,
      {
        remedy: 'Mix voices that `sparsewave voices` lists under the same package.',
      },
    )
  const shares = Object.values(mixture)
  return { ...first!, mixture: Object.fromEntries(voices.map(({ manifest }, i) => [manifest.name, shares[i]!])) }
}

/** `readVoice`, and every file's size and SHA-256 checked. Throws VOICE_DAMAGED naming the file and the check that failed. */
export async function loadVoice(name: string, options: VoiceOptions = {}): Promise<Voice> {
  const voice = readVoice(name, options)
  await checkVoice(voice)
  return voice
}

/** Checks all files of a voice against its manifest. Throws VOICE_DAMAGED. */
export async function checkVoice({ manifest, path }: Voice): Promise<void> {
  await Promise.all(
    Object.entries(manifest.files).map(async ([file, { sha256, bytes }]) => {
      const fail = (why: string, cause?: unknown): never => {
        throw new SparsewaveError('VOICE_DAMAGED', `${path(file)} ${why}.`, { cause })
      }
      const data = await readFile(path(file)).catch((cause) =>
        fail((cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing' : 'cannot be read', cause),
      )
      if (data.length !== bytes) fail(`has ${data.length} bytes where voice.json says ${bytes}`)
      if (digest(data) !== sha256) fail('does not match its checksum (SHA-256) in voice.json')
    }),
  )
}

/**
 * The package in a folder, which may be a copy under another name. For exporters, which write it anew. Throws VOICE_DAMAGED,
 * VOICE_MISMATCH.
 */
export const readPackage = (dir: string): Voice => voiceIn(dir, true)

/** The package in a folder. `anyName`: the folder need not have the voice's name. Throws VOICE_DAMAGED, VOICE_MISMATCH. */
function voiceIn(dir: string, anyName = false): Voice {
  const file = join(dir, MANIFEST_FILE)
  let text: string
  let value: unknown
  try {
    text = readFileSync(file, 'utf8')
    value = JSON.parse(text)
  } catch (cause) {
    throw new SparsewaveError('VOICE_DAMAGED', `${file} is not readable as JSON.`, {
      remedy: 'Correct its JSON, or install the voice package again.',
      cause,
    })
  }
  const format = (value as { format?: unknown } | null)?.format
  if (format !== VOICE_FORMAT) {
    throw new SparsewaveError(
      'VOICE_MISMATCH',
      `${file} has the format '${format ?? 'none'}'; this version reads '${VOICE_FORMAT}'.`,
    )
  }
  const parsed = voiceManifestSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new SparsewaveError('VOICE_DAMAGED', `${file} is not valid at '${issue.path.join('.')}': ${issue.message}.`)
  }
  const manifest = parsed.data
  if (!anyName && manifest.name !== basename(dir)) {
    throw new SparsewaveError(
      'VOICE_DAMAGED',
      `${file} is of the voice '${manifest.name}', not of its folder's name.`,
      {
        remedy: `Rename the folder to '${manifest.name}', or write the package under its new name with \`sparsewave compact\`.`,
      },
    )
  }
  for (const needed of VOICE_FILES) {
    if (!Object.hasOwn(manifest.files, needed)) {
      throw new SparsewaveError('VOICE_DAMAGED', `${file} does not list ${needed}.`)
    }
  }
  if (manifest.checksum !== undefined && manifest.checksum !== checksumOf(text)) {
    throw new SparsewaveError('VOICE_DAMAGED', `${file} does not match its own checksum.`, {
      remedy: 'Install the voice package again. If you changed the file on purpose, remove its line `checksum`.',
    })
  }
  const path = (name: string): string => join(dir, name)
  return { manifest, dir, path, nameOf: path, read: (name) => readFile(path(name)), model: async (name) => path(name) }
}

/** A damaged voice must not keep others from being found by their aliases. */
function readableVoice(dir: string): Voice | undefined {
  try {
    return voiceIn(dir)
  } catch {
    return undefined
  }
}

/**
 * Writes a package: `files` and voice.json with their checksums. The folder appears by rename when all is on disk, in the
 * place of an older one. Throws VOICE_MISMATCH when the description is not valid.
 */
export async function writeVoice(
  dir: string,
  description: VoiceDescription,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<VoiceManifest> {
  const contents = Object.entries(files).map(([name, data]) => [name, Buffer.from(data as Uint8Array)] as const)
  const parsed = voiceManifestSchema.safeParse({
    ...description,
    format: VOICE_FORMAT,
    sampleRate: SAMPLE_RATE,
    files: Object.fromEntries(
      contents.map(([name, data]) => [name, { sha256: digest(data), bytes: data.length }] as const),
    ),
  })
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new SparsewaveError(
      'VOICE_MISMATCH',
      `The voice cannot be written: '${issue.path.join('.')}': ${issue.message}.`,
      { remedy: 'Correct what the exporter gives.' },
    )
  }
  const missing = VOICE_FILES.filter((name) => !Object.hasOwn(files, name))
  if (missing.length > 0 || parsed.data.name !== basename(dir)) {
    const why = missing.length > 0 ? `${missing.join(', ')} missing` : `its folder must be named '${parsed.data.name}'`
    throw new SparsewaveError('VOICE_MISMATCH', `The voice cannot be written: ${why}.`, {
      remedy: 'Correct what the exporter gives.',
    })
  }
  const partial = join(dirname(dir), `.${basename(dir)}.${process.pid}.partial`)
  const old = join(dirname(dir), `.${basename(dir)}.${process.pid}.old`)
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  try {
    for (const [name, data] of contents) await writeDurably(join(partial, name), data)
    await writeDurably(join(partial, MANIFEST_FILE), manifestText(parsed.data))
    const replaces = existsSync(dir)
    if (replaces) await rename(dir, old)
    try {
      await rename(partial, dir)
    } catch (cause) {
      if (replaces) await rename(old, dir)
      throw cause
    }
    await rm(old, { recursive: true, force: true })
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return parsed.data
}

async function writeDurably(path: string, data: Buffer | string): Promise<void> {
  const file = await open(path, 'w')
  try {
    await file.writeFile(data)
    await file.sync()
  } finally {
    await file.close()
  }
}

const digest = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

const CHECKSUM = /("checksum": ")[0-9a-f]{64}(")/

/** SHA-256 of voice.json's text with zeros for its checksum. */
const checksumOf = (text: string): string => digest(Buffer.from(text.replace(CHECKSUM, `$1${'0'.repeat(64)}$2`)))

/** voice.json of a manifest, with the checksum of its text. */
export function manifestText(manifest: VoiceManifest): string {
  const { checksum: _, ...rest } = manifest
  // First, so that its line can be removed by hand and what is left is JSON.
  const text = `${JSON.stringify({ checksum: '0'.repeat(64), ...rest }, null, 2)}\n`
  return text.replace(CHECKSUM, `$1${digest(Buffer.from(text))}$2`)
}
