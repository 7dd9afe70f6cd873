/**
 * Corpora on disk: a folder with corpus.jsonl (one utterance a line, exact durations) or in LJSpeech's layout
 * (metadata.csv with id|text|normalised, and wavs/ID.wav). A corpus that was read is consistent: audio files exist, and
 * durations, where given, match symbols and samples.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { FRAMES_PER_UNIT } from 'sparsewave/internal/acoustic/net/config'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { HOP } from 'sparsewave/internal/frames'
import { z } from 'zod'

/** Samples of one unit of `durations` (25 ms). */
export const DURATION_UNIT = FRAMES_PER_UNIT * HOP

/** What is done to a recording. */
export interface Alteration {
  /** Played so many times as fast, in 1/40. */
  readonly speed: number
  /** Gains of the equaliser's points (augment.ts), dB. */
  readonly gains: readonly number[]
  /** Nothing above it is left, Hz. */
  readonly cutoff: number | undefined
}

export interface Utterance {
  /** Unique; safe as a file name. */
  readonly id: string
  /** Absolute path of an Ogg Opus or WAV file. */
  readonly audio: string
  /** Length at 24 kHz, where the corpus says it. */
  readonly samples: number | undefined
  readonly text: string
  /** One character a symbol. */
  readonly phonemes: string | undefined
  /** Units of 600 samples: the silence before, one a symbol, the silence after. */
  readonly durations: readonly number[] | undefined
  /** Whose voice it is, where the corpus says it. */
  readonly speaker?: string | undefined
  /** What is done to the recording after decoding (augment.ts). */
  readonly alteration?: Alteration
  /** `samples` of the recording before it. */
  readonly decoded?: number | undefined
}

export type Split = 'train' | 'validation' | 'test'

/** The held-out sets by id: ids ending in 7 are the test set, in 3 the validation set. */
export function split(id: string): Split {
  return id.endsWith('7') ? 'test' : id.endsWith('3') ? 'validation' : 'train'
}

const ID = /^[\w-][\w.-]*$/

const lineSchema = z.object({
  id: z.string().regex(ID, 'may hold only letters, digits, _ - and .'),
  audio: z.string().min(1),
  samples: z.number().int().positive().optional(),
  text: z.string(),
  phonemes: z.string().optional(),
  durations: z.array(z.number().int().nonnegative()).optional(),
  speaker: z.string().min(1).optional(),
})

/**
 * Reads a corpus folder, in file order. Throws CORPUS_MISSING when there is no corpus in it, CORPUS_INVALID naming
 * the first line that is wrong.
 *
 * @param confined refuse audio outside the folder, for a corpus that a stranger sent
 */
export function readCorpus(dir: string, { confined = false }: { confined?: boolean } = {}): Utterance[] {
  const jsonl = path.join(dir, 'corpus.jsonl')
  const csv = path.join(dir, 'metadata.csv')
  const [file, parse] = existsSync(jsonl) ? [jsonl, parseJsonLine] : [csv, parseMetadataLine]
  if (!existsSync(file))
    throw new SparsewaveError('CORPUS_MISSING', `There is no corpus in ${dir}: neither corpus.jsonl nor metadata.csv.`)

  const utterances: Utterance[] = []
  const ids = new Set<string>()
  for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (line.trim() === '') continue
    const fail = (why: string) => new SparsewaveError('CORPUS_INVALID', `${file}, line ${i + 1}: ${why}.`)
    const utterance = parse(line.replace(/\r$/, ''), dir, fail)
    if (ids.has(utterance.id)) throw fail(`the id ${utterance.id} was used before`)
    if (confined && path.relative(path.resolve(dir), utterance.audio).startsWith('..'))
      throw fail('its audio lies outside the corpus')
    if (!existsSync(utterance.audio)) throw fail(`${utterance.audio} does not exist`)
    ids.add(utterance.id)
    utterances.push(utterance)
  }
  if (utterances.length === 0) throw new SparsewaveError('CORPUS_MISSING', `${file} has no utterances.`)
  return utterances
}

type Fail = (why: string) => SparsewaveError

function parseJsonLine(line: string, dir: string, fail: Fail): Utterance {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw fail('it is not JSON')
  }
  const parsed = lineSchema.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw fail(`${issue!.path.join('.') || 'the line'}: ${issue!.message}`)
  }
  const { id, audio, samples, text, phonemes, durations, speaker } = parsed.data
  if (durations) {
    const symbols = [...(phonemes ?? '')].length
    if (durations.length !== symbols + 2)
      throw fail(`${symbols} phonemes need ${symbols + 2} durations, not ${durations.length}`)
    const total = durations.reduce((a, b) => a + b, 0) * DURATION_UNIT
    if (samples !== undefined && total !== samples) throw fail(`durations sum to ${total} samples, not ${samples}`)
  }
  return { id, audio: path.resolve(dir, audio), samples, text, phonemes, durations, ...(speaker && { speaker }) }
}

function parseMetadataLine(line: string, dir: string, fail: Fail): Utterance {
  const [id, text, normalised, ...rest] = line.split('|')
  if (id === undefined || text === undefined || rest.length > 0) throw fail('it is not id|text|normalised')
  if (!ID.test(id)) throw fail('the id may hold only letters, digits, _ - and .')
  return {
    id,
    audio: path.resolve(dir, 'wavs', `${id}.wav`),
    samples: undefined,
    text: normalised || text,
    phonemes: undefined,
    durations: undefined,
  }
}
