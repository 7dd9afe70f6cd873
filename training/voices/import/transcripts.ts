/**
 * Recordings of a folder and what is said in them: metadata.csv in LJSpeech's, Piper's or Coqui's columns, or a .txt beside each file.
 * Every recording is either paired with its text or named with the reason why not.
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { AUDIO_ENDINGS } from './decode.ts'

export interface Source {
  /** Absolute path. */
  readonly file: string
  /** Path in the folder. */
  readonly name: string
  readonly text: string
}

export interface Unpaired {
  readonly name: string
  readonly why: string
}

export interface Found {
  readonly sources: readonly Source[]
  /** Recordings without a text, texts without a recording. */
  readonly unpaired: readonly Unpaired[]
}

const METADATA = ['metadata.csv', 'metadata.txt', 'metadata.psv']
const TEXT_ENDINGS = ['.txt', '.lab']

/** Pairs the recordings of a folder with their texts. Throws CORPUS_MISSING when there are none, CORPUS_INVALID for a table of several speakers. */
export function findRecordings(folder: string): Found {
  const files = list(folder)
  const audio = files.filter((f) => AUDIO_ENDINGS.includes(path.extname(f).toLowerCase()))
  if (audio.length === 0)
    throw new SparsewaveError('CORPUS_MISSING', `There are no recordings in ${folder}.`, {
      remedy: `Name a folder with recordings: ${AUDIO_ENDINGS.slice(0, 6).join(', ')}.`,
    })
  const table = METADATA.find((name) => files.includes(name))
  return table === undefined ? besideEach(folder, files, audio) : fromTable(folder, table, audio)
}

/** Paths of all files below the folder, in alphabetical order. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
      .sort()
  } catch (cause) {
    throw new SparsewaveError('CORPUS_MISSING', `The folder ${folder} cannot be read.`, {
      remedy: 'Name a folder with recordings and their texts.',
      cause,
    })
  }
}

const stem = (name: string): string => name.slice(0, name.length - path.extname(name).length)

/** Text of a file: UTF-8, or Latin-1 where it is not, without a byte order mark. */
function readText(file: string): string {
  const bytes = readFileSync(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('latin1').decode(bytes)
  }
}

function besideEach(folder: string, files: readonly string[], audio: readonly string[]): Found {
  const texts = files.filter((f) => TEXT_ENDINGS.includes(path.extname(f).toLowerCase()))
  const byStem = new Map(texts.map((t) => [stem(t), t]))
  const sources: Source[] = []
  const unpaired: Unpaired[] = []
  const used = new Set<string>()
  for (const name of audio) {
    // One recording and one text belong together whatever they are called.
    const beside = byStem.get(stem(name)) ?? (audio.length === 1 && texts.length === 1 ? texts[0] : undefined)
    const text = beside === undefined ? '' : readText(path.join(folder, beside)).replace(/\s+/g, ' ').trim()
    if (beside !== undefined) used.add(beside)
    if (text !== '') sources.push({ file: path.resolve(folder, name), name, text })
    else
      unpaired.push({
        name,
        why: beside === undefined ? 'no text: neither metadata.csv nor a .txt beside it' : `${beside} is empty`,
      })
  }
  for (const name of texts)
    if (!used.has(name) && byStem.get(stem(name)) === name) unpaired.push({ name, why: 'a text without a recording' })
  return { sources, unpaired }
}

interface Row {
  readonly audio: string
  readonly text: string
  readonly line: number
}

function fromTable(folder: string, table: string, audio: readonly string[]): Found {
  const rows = readTable(path.join(folder, table))
  const byName = new Map<string, string | undefined>()
  for (const name of audio) {
    const posix = name.split(path.sep).join('/')
    for (const key of new Set([posix, stem(posix), path.basename(posix), stem(path.basename(posix))]))
      byName.set(key, byName.has(key) ? undefined : name)
  }
  const sources: Source[] = []
  const unpaired: Unpaired[] = []
  const used = new Set<string>()
  for (const row of rows) {
    const key = row.audio.replace(/^\.\//, '')
    // Tables made elsewhere name folders that are not here.
    const name = byName.get(key) ?? byName.get(path.posix.basename(key)) ?? byName.get(stem(path.posix.basename(key)))
    if (name === undefined)
      unpaired.push({ name: row.audio, why: `line ${row.line} of ${table} names a recording that is not there` })
    else if (used.has(name)) unpaired.push({ name, why: `line ${row.line} of ${table} names it a second time` })
    else {
      used.add(name)
      if (row.text === '') unpaired.push({ name, why: `line ${row.line} of ${table} has no text` })
      else sources.push({ file: path.resolve(folder, name), name, text: row.text })
    }
  }
  for (const name of audio) if (!used.has(name)) unpaired.push({ name, why: `no line of ${table} names it` })
  return { sources, unpaired }
}

const AUDIO_HEADINGS = ['audio_file', 'audio', 'file', 'file_name', 'filename', 'path', 'wav', 'id']
const TEXT_HEADINGS = ['normalized_text', 'normalized_transcription', 'text', 'transcription', 'transcript', 'sentence']
const SPEAKER_HEADINGS = ['speaker_name', 'speaker', 'speaker_id', 'client_id']

/**
 * Rows of a table parted by |, tab or comma: with a heading (Coqui), or id|text (Piper), id|speaker|text (Piper of several speakers),
 * id|text|normalised (LJSpeech).
 */
function readTable(file: string): Row[] {
  const lines = readText(file)
    .split(/\r?\n/)
    .map((text, i) => ({ text, line: i + 1 }))
    .filter(({ text }) => text.trim() !== '')
  const [head] = lines
  if (!head) throw new SparsewaveError('CORPUS_INVALID', `${file} is empty.`)
  const separator = ['|', '\t', ','].find((c) => head.text.includes(c))
  if (separator === undefined)
    throw new SparsewaveError('CORPUS_INVALID', `${file}, line 1: it has one column.`, {
      remedy: 'Write a line `name|what is said` for each recording.',
    })
  const cells = (text: string): string[] =>
    (separator === ',' ? commaCells(text) : text.split(separator)).map((c) => c.trim())
  const heading = cells(head.text).map((c) => c.toLowerCase())
  const column = (names: readonly string[]) => names.map((n) => heading.indexOf(n)).find((i) => i >= 0)
  const [audioColumn, textColumn] = [column(AUDIO_HEADINGS), column(TEXT_HEADINGS)]
  if (audioColumn !== undefined && textColumn !== undefined) {
    const body = lines.slice(1).map(({ text, line }) => ({ cells: cells(text), line }))
    requireOneSpeaker(
      file,
      body.map((r) => r.cells),
      column(SPEAKER_HEADINGS),
    )
    return body.map(({ cells: c, line }) => ({ audio: c[audioColumn] ?? '', text: c[textColumn] ?? '', line }))
  }
  const body = lines.map(({ text, line }) => ({ cells: cells(text), line }))
  const short = body.find((r) => r.cells.length < 2)
  if (short) throw new SparsewaveError('CORPUS_INVALID', `${file}, line ${short.line}: it is not id|text.`)
  // A second column of few short names is the speaker's.
  const three = body.filter((r) => r.cells.length >= 3)
  const seconds = new Set(three.map((r) => r.cells[1]!))
  const hasSpeaker =
    three.length === body.length &&
    three.length > 1 &&
    seconds.size <= Math.max(1, three.length / 3) &&
    [...seconds].every((s) => !/[.!?]$/.test(s) && s.split(' ').length <= 3)
  if (hasSpeaker)
    requireOneSpeaker(
      file,
      body.map((r) => r.cells),
      1,
    )
  return body.map(({ cells: c, line }) => ({
    audio: c[0]!,
    text: (hasSpeaker ? c[2] : c[2] || c[1]) ?? '',
    line,
  }))
}

function requireOneSpeaker(file: string, rows: readonly string[][], column: number | undefined): void {
  if (column === undefined) return
  const speakers = [...new Set(rows.map((r) => r[column] ?? ''))].filter((s) => s !== '')
  if (speakers.length > 1)
    throw new SparsewaveError(
      'CORPUS_INVALID',
      `${file} has ${speakers.length} speakers: ${speakers.slice(0, 5).join(', ')}${speakers.length > 5 ? ', ...' : ''}.`,
      { remedy: 'A voice has one speaker: keep the lines of one of them.' },
    )
}

/** Cells of a line of comma-separated values, with quotes. */
function commaCells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
  )
}
