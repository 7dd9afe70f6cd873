/** The step *import*: a folder's recordings at 24 kHz mono in the voice's folder, each with its text or the reason why it is left out. */
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { encodeWav, readWav } from 'sparsewave/internal/audio/wav'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { makeFolder, replaceFile } from '../../net/checkpoint-files.ts'
import { breathe, type StepContext, type VoiceProject } from '../project.ts'
import { decodeRecording } from './decode.ts'
import { findRecordings } from './transcripts.ts'

export interface ImportedRecording {
  /** r0001, r0002, ... in the order of the files' names. */
  readonly id: string
  /** Path in the folder of recordings. */
  readonly name: string
  readonly text: string
  /** Hz of the file. */
  readonly sampleRate: number
  readonly seconds: number
  /** SHA-256 of the samples: two files may be the same recording. */
  readonly sha256: string
}

export interface LeftOut {
  readonly name: string
  readonly why: string
}

interface Line extends Partial<ImportedRecording> {
  readonly name: string
  readonly text: string
  /** Size and time of the file, by which a later call knows that it has not changed. */
  readonly stamp: string
  readonly error?: string
}

const LIST = path.join('import', 'recordings.jsonl')

export interface Imported {
  readonly recordings: readonly ImportedRecording[]
  readonly leftOut: readonly LeftOut[]
}

/** Imports what is new or has changed. Throws CORPUS_MISSING when the folder has no recordings, Interrupted. */
export async function importRecordings(project: VoiceProject, context: StepContext): Promise<Imported> {
  const folder = project.settings.recordings
  const { sources, unpaired } = findRecordings(folder)
  const known = new Map(project.readLines<Line>(LIST).map((line) => [line.name, line]))
  makeFolder(project.path('import', 'audio'))
  const lines: Line[] = []
  for (const [i, source] of sources.entries()) {
    await breathe(context)
    context.progress(i, sources.length)
    const id = `r${String(i + 1).padStart(4, '0')}`
    const { size, mtimeMs } = statSync(source.file)
    const stamp = `${size}-${Math.round(mtimeMs)}`
    const old = known.get(source.name)
    if (old?.stamp === stamp && old.id === id && existsSync(audioOf(project, id))) {
      lines.push({ ...old, text: source.text })
      continue
    }
    // A file that could not be read is tried again: ffmpeg may be there by now.
    const line = await importOne(project, id, source.name, source.file, source.text, stamp)
    lines.push(line)
    appendFileSync(project.path(LIST), `${JSON.stringify(line)}\n`)
  }
  context.progress(sources.length, sources.length)
  project.writeLines(LIST, lines)
  project.writeLines(path.join('import', 'unpaired.jsonl'), unpaired)
  return readImported(project)
}

async function importOne(
  project: VoiceProject,
  id: string,
  name: string,
  file: string,
  text: string,
  stamp: string,
): Promise<Line> {
  try {
    const { samples, sampleRate } = await decodeRecording(file)
    const bytes = encodeWav(samples)
    replaceFile(audioOf(project, id), bytes)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { id, name, text, sampleRate, seconds: samples.length / SAMPLE_RATE, sha256, stamp }
  } catch (error) {
    if (!(error instanceof SparsewaveError) || error.code !== 'AUDIO_INVALID') throw error
    return { name, text, stamp, error: `${error.message} ${error.remedy}` }
  }
}

const audioOf = (project: VoiceProject, id: string): string => project.path('import', 'audio', `${id}.wav`)

/** What the step left. Throws CORPUS_MISSING when it was not done. */
export function readImported(project: VoiceProject): Imported {
  if (!existsSync(project.path(LIST)))
    throw new SparsewaveError('CORPUS_MISSING', `The recordings of '${project.name}' were not imported.`, {
      remedy: `Run \`sparsewave voice check --name ${project.name}\` first.`,
    })
  const lines = project.readLines<Line>(LIST)
  const unpaired = project.readLines<LeftOut>(path.join('import', 'unpaired.jsonl'))
  const recordings = lines.flatMap((line) => (line.error === undefined ? [line as ImportedRecording] : []))
  const failed = lines.flatMap(({ name, error }) => (error === undefined ? [] : [{ name, why: error }]))
  return { recordings, leftOut: [...failed, ...unpaired] }
}

/** Samples of an imported recording, 24 kHz. */
export const readImportedAudio = (project: VoiceProject, id: string): Float32Array =>
  readWav(audioOf(project, id)).samples
