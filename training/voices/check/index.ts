/** The step *check*: what each imported recording's samples and text say, and which are left out. */
import path from 'node:path'
import { languageFor } from 'sparsewave/internal/text/index'
import { median } from '../../evaluate/measures.ts'
import { readImported, readImportedAudio } from '../import/index.ts'
import { breathe, type StepContext, type VoiceProject } from '../project.ts'
import { measureSignal, type Signal } from './signal.ts'
import { type TextFacts, textFacts } from './text.ts'
import { type Finding, findingsOf } from './verdict.ts'

export interface Checked {
  readonly id: string
  readonly name: string
  readonly text: string
  readonly signal: Signal
  readonly facts: TextFacts
  readonly findings: readonly Finding[]
}

interface Measured {
  readonly id: string
  readonly sha256: string
  readonly signal: Signal
}

const SIGNALS = path.join('check', 'signals.jsonl')
const CHECKED = path.join('check', 'checked.jsonl')

/** Measures what was not measured before, and judges all. Throws CORPUS_MISSING when nothing was imported, VOICE_MISMATCH, Interrupted. */
export async function checkRecordings(project: VoiceProject, context: StepContext): Promise<Checked[]> {
  const { recordings } = readImported(project)
  const language = languageFor(project.settings.language)
  const known = new Map(project.readLines<Measured>(SIGNALS).map((m) => [m.id, m]))
  const measured: Measured[] = []
  try {
    for (const [i, { id, sha256 }] of recordings.entries()) {
      await breathe(context)
      context.progress(i, recordings.length)
      const old = known.get(id)
      measured.push(
        old?.sha256 === sha256 ? old : { id, sha256, signal: measureSignal(readImportedAudio(project, id)) },
      )
    }
  } finally {
    project.writeLines(SIGNALS, measured)
  }
  context.progress(recordings.length, recordings.length)

  const level = median(measured.map((m) => m.signal.level))
  const firstOf = new Map<string, string>()
  const firstText = new Map<string, string>()
  const checked = recordings.map(({ id, name, text, sampleRate, sha256 }, i): Checked => {
    // A filter's slope reaches a little beyond the file's own band.
    const { bandwidth, ...rest } = measured[i]!.signal
    const signal = { ...rest, bandwidth: Math.min(bandwidth, sampleRate / 2) }
    const facts = textFacts(text, language)
    const doubledBy = firstOf.get(sha256)
    const sameText = doubledBy === undefined ? firstText.get(facts.key) : undefined
    if (doubledBy === undefined) firstOf.set(sha256, name)
    if (!firstText.has(facts.key)) firstText.set(facts.key, name)
    return { id, name, text, signal, facts, findings: findingsOf(signal, facts, { level, doubledBy, sameText }) }
  })
  project.writeLines(CHECKED, checked)
  return checked
}

/** What the step left; empty when it was not done. */
export const readChecked = (project: VoiceProject): Checked[] => project.readLines<Checked>(CHECKED)
