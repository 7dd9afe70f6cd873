/**
 * The step *align*: a corpus with exact durations from the recordings that passed the check. Long ones are cut into sentences, each piece
 * is brought to one level with silence around it, aligned, and left out when its text is not what is spoken.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { SAMPLE_RATE } from 'sparsewave/internal/frames'
import { Random } from 'sparsewave/internal/random'
import { type Language, languageFor } from 'sparsewave/internal/text/index'
import { DURATION_UNIT } from '../../data/corpus.ts'
import { makeFolder, replaceFile } from '../../net/checkpoint-files.ts'
import { readChecked } from '../check/index.ts'
import { levels } from '../check/signal.ts'
import { type Finding, isLeftOut } from '../check/verdict.ts'
import { readImported, readImportedAudio } from '../import/index.ts'
import { breathe, type StepContext, type VoiceProject } from '../project.ts'
import { type AlignedWord, type Alignment, align } from './align.ts'
import { cutRecording } from './cut.ts'
import { slotsOf } from './graph.ts'
import { AlignerNet } from './net.ts'
import { limitOf, mismatch } from './score.ts'

/** An utterance as it was aligned, kept or not. */
export interface AlignedUtterance {
  /** Of the recording, with -001, -002, ... for pieces of a long one. */
  readonly id: string
  readonly recording: string
  readonly name: string
  readonly text: string
  readonly seconds: number
  readonly phonemes: string
  readonly durations: readonly number[]
  readonly words: readonly AlignedWord[]
  readonly score: number
  readonly worst: number
  readonly findings: readonly Finding[]
}

interface Done {
  readonly recording: string
  readonly sha256: string
  readonly text: string
  readonly language: string
  readonly utterances: readonly AlignedUtterance[]
  /** Sentences of a long recording that were not found. */
  readonly missing: readonly string[]
}

const LIST = path.join('align', 'recordings.jsonl')
/** The folder that training reads. */
export const CORPUS = 'align'

/** Longer recordings are cut, seconds. */
const LONG = 20
/** Seconds kept before and after the speech: what the shipped voices' corpora have. */
const BEFORE = 0.35
const AFTER = 0.25
/** dBFS of the speech, and the largest magnitude. */
const LEVEL = -21.5
const PEAK = 0.95
/** dBFS that added noise is below. */
const QUIETEST = -75
/** dBFS that speech lies above. */
const SILENT = -70

/** Aligns what was not aligned before and writes corpus.jsonl. Throws CORPUS_MISSING when nothing was checked, CORPUS_INVALID when nothing is left, Interrupted. */
export async function alignRecordings(project: VoiceProject, context: StepContext): Promise<AlignedUtterance[]> {
  const checked = readChecked(project)
  if (checked.length === 0)
    throw new SparsewaveError('CORPUS_MISSING', `The recordings of '${project.name}' were not checked.`, {
      remedy: `Run \`sparsewave voice check --name ${project.name}\` first.`,
    })
  const sums = new Map(readImported(project).recordings.map((r) => [r.id, r.sha256]))
  const language = languageFor(project.settings.language)
  const known = new Map(project.readLines<Done>(LIST).map((d) => [d.recording, d]))
  const net = AlignerNet.read()
  makeFolder(project.path(CORPUS, 'audio'))
  const done: Done[] = []
  try {
    const good = checked.filter((c) => !isLeftOut(c.findings))
    const total = good.reduce((sum, c) => sum + c.signal.seconds, 0)
    let seconds = 0
    for (const { id, name, text, signal } of good) {
      await breathe(context)
      context.progress(Math.round(seconds), Math.ceil(total))
      const sha256 = sums.get(id)!
      const old = known.get(id)
      const isDone =
        old?.sha256 === sha256 &&
        old.text === text &&
        old.language === language.tag &&
        old.utterances.every((u) => u.words.length === 0 || existsSync(audioOf(project, u.id)))
      if (isDone) done.push(old)
      else {
        const samples = readImportedAudio(project, id)
        done.push({
          recording: id,
          sha256,
          text,
          language: language.tag,
          ...alignOne(project, net, { id, name, text, samples, language }),
        })
      }
      seconds += signal.seconds
    }
    context.progress(Math.ceil(total), Math.ceil(total))
  } finally {
    net.close()
    // After an interruption, what an earlier run left stays.
    const reached = new Set(done.map((d) => d.recording))
    const rest = context.signal.aborted ? [...known.values()].filter((d) => !reached.has(d.recording)) : []
    project.writeLines(LIST, [...done, ...rest])
  }
  const { utterances } = judge(done.flatMap((d) => d.utterances))
  const kept = utterances.filter((u) => !isLeftOut(u.findings))
  if (kept.length === 0)
    throw new SparsewaveError('CORPUS_INVALID', `None of the recordings of '${project.name}' fits its text.`, {
      remedy: `See ${project.path('report.html')}: it says why each was left out.`,
    })
  project.writeLines(
    path.join(CORPUS, 'corpus.jsonl'),
    kept.map(({ id, text, phonemes, durations }) => ({
      id,
      audio: `audio/${id}.wav`,
      samples: durations.reduce((a, b) => a + b, 0) * DURATION_UNIT,
      text,
      phonemes,
      durations,
    })),
  )
  return utterances
}

/** The utterances with a fault where the text is not what is spoken, and the limit that was applied to the worst word. */
function judge(utterances: readonly AlignedUtterance[]): { utterances: AlignedUtterance[]; limit: number } {
  const limit = limitOf(utterances.filter((u) => u.words.length > 0).map((u) => u.worst))
  return {
    limit,
    utterances: utterances.map((u) => ({ ...u, findings: [...u.findings, ...mismatch(u.words, limit)] })),
  }
}

export interface Aligned {
  readonly utterances: readonly AlignedUtterance[]
  /** Words that fit worse were taken for others. */
  readonly limit: number
  /** Sentences of long recordings that were not found. */
  readonly missing: readonly { readonly name: string; readonly text: string }[]
}

/** What the step left; empty when it was not done. */
export function readAligned(project: VoiceProject): Aligned {
  const done = project.readLines<Done>(LIST)
  const names = new Map(readChecked(project).map((c) => [c.id, c.name]))
  return {
    ...judge(done.flatMap((d) => d.utterances)),
    missing: done.flatMap((d) => d.missing.map((text) => ({ name: names.get(d.recording) ?? d.recording, text }))),
  }
}

const audioOf = (project: VoiceProject, id: string): string => project.path(CORPUS, 'audio', `${id}.wav`)

interface Source {
  readonly id: string
  readonly name: string
  readonly text: string
  readonly samples: Float32Array
  readonly language: Language
}

function alignOne(project: VoiceProject, net: AlignerNet, source: Source): Pick<Done, 'utterances' | 'missing'> {
  const { id, text, samples, language } = source
  if (samples.length / SAMPLE_RATE <= LONG)
    return { utterances: [alignUtterance(project, net, source, id, text, samples)], missing: [] }
  const { pieces, missing } = cutRecording(net, samples, text, language)
  const utterances = pieces.map((piece, i) => {
    const pieceId = `${id}-${String(i + 1).padStart(3, '0')}`
    return alignUtterance(project, net, source, pieceId, piece.text, samples.slice(piece.start, piece.end))
  })
  return { utterances, missing }
}

function alignUtterance(
  project: VoiceProject,
  net: AlignerNet,
  { id: recording, name, language }: Source,
  id: string,
  text: string,
  samples: Float32Array,
): AlignedUtterance {
  const slots = slotsOf(text, language)
  const base = { id, recording, name, text }
  try {
    // First where the speech is, then what is kept of the recording.
    const rough = align(net, samples, slots)
    const audio = prepare(samples, rough, new Random(1, Number(recording.slice(1))))
    const { phonemes, durations, words, score, worst } = align(net, audio, slots)
    // What is left out can be heard in the report all the same.
    replaceFile(audioOf(project, id), encodeWav(audio))
    return { ...base, seconds: audio.length / SAMPLE_RATE, phonemes, durations, words, score, worst, findings: [] }
  } catch (error) {
    if (!(error instanceof SparsewaveError) || error.code !== 'RECORDING_UNFIT') throw error
    const finding: Finding = { fault: true, kind: 'mismatch', text: error.message }
    const nothing = { phonemes: '', durations: [], words: [], score: Number.NEGATIVE_INFINITY, worst: -99 }
    return { ...base, seconds: samples.length / SAMPLE_RATE, ...nothing, score: -99, findings: [finding] }
  }
}

/** The speech at one level with as much silence around it as the corpora have, in whole units. What is missing is filled with faint noise. */
export function prepare(samples: Float32Array, alignment: Pick<Alignment, 'words'>, random: Random): Float32Array {
  const { words } = alignment
  const first = Math.round((words[0]?.start ?? 0) * SAMPLE_RATE)
  const last = Math.round((words.at(-1)?.end ?? samples.length / SAMPLE_RATE) * SAMPLE_RATE)
  const from = first - Math.round(BEFORE * SAMPLE_RATE)
  const units = Math.ceil((last + Math.round(AFTER * SAMPLE_RATE) - from) / DURATION_UNIT)
  const out = new Float32Array(units * DURATION_UNIT)

  const all = levels(samples)
  const sorted = all.slice().sort()
  // Below the quietest window, or the aligner would hear speech in it.
  const noise = 10 ** (Math.min(QUIETEST, Math.max(-100, sorted[0]! - 6)) / 20)
  for (let i = 0; i < out.length; i++) out[i] = samples[from + i] ?? noise * random.normal()

  const loudest = sorted[Math.floor(0.95 * (sorted.length - 1))]!
  const speech = [...all].filter((v) => v > Math.max(SILENT, loudest - 30))
  const power = speech.reduce((sum, v) => sum + 10 ** (v / 10), 0) / Math.max(1, speech.length)
  const peak = out.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-9)
  const gain = Math.min(10 ** (LEVEL / 20) / Math.sqrt(power + 1e-12), PEAK / peak)
  for (let i = 0; i < out.length; i++) out[i]! *= gain
  return out
}
