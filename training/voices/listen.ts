/** The step *listen*: held-out recordings beside the voice's own reading of their texts, with a few measures. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { analyze } from 'sparsewave/internal/analysis/index'
import { openVoice } from 'sparsewave/internal/api/voice'
import { readWav } from 'sparsewave/internal/audio/wav'
import { ENVELOPE_POINTS, SAMPLE_RATE } from 'sparsewave/internal/frames'
import { readCorpus, split } from '../data/corpus.ts'
import { median } from '../evaluate/measures.ts'
import { makeFolder, replaceFile } from '../net/checkpoint-files.ts'
import { loudFrames } from '../tasks/acoustic/example.ts'
import { CORPUS } from './align/index.ts'
import { breathe, type StepContext, type VoiceProject } from './project.ts'

export interface Comparison {
  readonly text: string
  /** Paths from the voice's folder. */
  readonly recording: string
  readonly speech: string
  /** Of the recording and of the voice. */
  readonly seconds: readonly [number, number]
  /** Median, Hz. */
  readonly f0: readonly [number, number]
  /** Mean distance of the mean envelopes of loud frames, levels apart, in dB. */
  readonly spectrumDb: number
}

const LIST = path.join('listen', 'comparisons.jsonl')
const MOST = 12

/** Speaks the texts of held-out recordings. Throws VOICE_*, Interrupted. */
export async function listenToVoice(
  project: VoiceProject,
  models: string,
  context: StepContext,
): Promise<Comparison[]> {
  const heldOut = readCorpus(project.path(CORPUS))
    .filter((u) => split(u.id) === 'test')
    .slice(0, MOST)
  makeFolder(project.path('listen'))
  const voice = await openVoice(project.name, { modelsDir: models })
  const comparisons: Comparison[] = []
  try {
    for (const [i, u] of heldOut.entries()) {
      await breathe(context)
      context.progress(i, heldOut.length)
      const speech = path.join('listen', `${u.id}.wav`)
      const bytes = await voice.speak(u.text, { format: 'wav', seed: 1 })
      replaceFile(project.path(speech), bytes)
      const [a, b] = [readWav(readFileSync(u.audio)).samples, readWav(bytes).samples]
      const recording = path.relative(project.dir, u.audio)
      comparisons.push({ text: u.text, recording, speech, ...compare(a, b) })
    }
    context.progress(heldOut.length, heldOut.length)
  } finally {
    await voice.close()
  }
  project.writeLines(LIST, comparisons)
  return comparisons
}

export const readComparisons = (project: VoiceProject): Comparison[] => project.readLines<Comparison>(LIST)

/** Measures of two readings of one text, 24 kHz. */
export function compare(a: Float32Array, b: Float32Array): Pick<Comparison, 'seconds' | 'f0' | 'spectrumDb'> {
  const [x, y] = [analyze(a), analyze(b)]
  const f0 = (frames: typeof x) => median([...frames.f0].filter((v) => v > 0))
  const [p, q] = [meanEnvelope(x.envelope), meanEnvelope(y.envelope)]
  const distance = p.reduce((sum, v, k) => sum + Math.abs(v - q[k]!), 0) / ENVELOPE_POINTS
  return {
    seconds: [a.length / SAMPLE_RATE, b.length / SAMPLE_RATE],
    f0: [f0(x), f0(y)],
    spectrumDb: (10 / Math.LN10) * distance,
  }
}

/** Mean log envelope of the loud frames, less its own mean: the level does not count. */
function meanEnvelope(envelope: Float32Array): Float64Array {
  const mean = new Float64Array(ENVELOPE_POINTS)
  const loud = loudFrames(envelope)
  const count = Math.max(1, loud.filter(Boolean).length)
  loud.forEach((isLoud, f) => {
    if (isLoud) for (let k = 0; k < ENVELOPE_POINTS; k++) mean[k]! += envelope[f * ENVELOPE_POINTS + k]! / count
  })
  const level = mean.reduce((sum, v) => sum + v, 0) / ENVELOPE_POINTS
  return mean.map((v) => v - level)
}
