/**
 * Phoneme error rate of the front end on a corpus: edit distance over reference length, counted over all symbols and
 * over sounds alone (no spaces, punctuation or stress).
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { editDistance, SparsewaveError } from '../../../errors.ts'
import { phonemize } from './phonemize.ts'

export interface PhonemeErrors {
  readonly sentences: number
  /** Edits / reference symbols, over every symbol. */
  readonly all: number
  /** The same without spaces, punctuation and stress. */
  readonly sounds: number
  /** Share of sentences without a single difference. */
  readonly exact: number
  readonly millisecondsPerSentence: number
}

export interface ReferenceSentence {
  readonly id: string
  readonly text: string
  readonly phonemes: string
}

const soundsOnly = (phonemes: string): string[] => [...phonemes.replace(/[ ,.;:!?—()“”ˈˌ]/g, '')]

/** Measures `phonemize` against reference phonemes. */
export function phonemeErrors(sentences: readonly ReferenceSentence[]): PhonemeErrors {
  let [edits, length, soundEdits, soundLength, exact, time] = [0, 0, 0, 0, 0, 0]
  if (sentences.length > 0) phonemize(sentences[0]!.text)
  for (const { text, phonemes } of sentences) {
    const start = performance.now()
    const result = phonemize(text).phonemes
    time += performance.now() - start
    const distance = editDistance([...result], [...phonemes])
    edits += distance
    length += phonemes.length
    const sounds = soundsOnly(phonemes)
    soundEdits += editDistance(soundsOnly(result), sounds)
    soundLength += sounds.length
    if (distance === 0) exact++
  }
  const count = Math.max(1, sentences.length)
  return {
    sentences: sentences.length,
    all: edits / Math.max(1, length),
    sounds: soundEdits / Math.max(1, soundLength),
    exact: exact / count,
    millisecondsPerSentence: time / count,
  }
}

/** Reads the sentences of a corpus folder's corpus.jsonl. Throws CORPUS_MISSING, CORPUS_INVALID. */
export function readReference(folder: string): ReferenceSentence[] {
  const file = path.join(folder, 'corpus.jsonl')
  let lines: string[]
  try {
    lines = readFileSync(file, 'utf8').split('\n')
  } catch (cause) {
    throw new SparsewaveError('CORPUS_MISSING', `There is no ${file}.`, { cause })
  }
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      const { id, text, phonemes } = JSON.parse(line) as Record<string, unknown>
      if (typeof id === 'string' && typeof text === 'string' && typeof phonemes === 'string')
        return { id, text, phonemes }
    } catch (cause) {
      throw new SparsewaveError('CORPUS_INVALID', `${file}, line ${i + 1}: not JSON.`, { cause })
    }
    throw new SparsewaveError('CORPUS_INVALID', `${file}, line ${i + 1}: id, text or phonemes is missing.`)
  })
}

function main(folder: string, differences: boolean): void {
  const sentences = readReference(folder)
  const percent = (x: number): string => `${(100 * x).toFixed(2)} %`
  const sets: [string, ReferenceSentence[]][] = [
    ['held out (ids ending in 3, 7)', sentences.filter(({ id }) => /[37]$/.test(id))],
    ['the others', sentences.filter(({ id }) => !/[37]$/.test(id))],
  ]
  for (const [name, chosen] of sets) {
    const errors = phonemeErrors(chosen)
    console.log(
      `${name}: ${errors.sentences} sentences, PER ${percent(errors.all)}, sounds alone ${percent(errors.sounds)}, ` +
        `exact ${percent(errors.exact)}, ${errors.millisecondsPerSentence.toFixed(2)} ms a sentence`,
    )
  }
  if (!differences) return
  for (const { id, text, phonemes } of sets[1]![1]) {
    const result = phonemize(text).phonemes
    if (result !== phonemes) console.log(`${id}\n  ${text}\n  ${phonemes}\n  ${result}`)
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2]
  if (folder === undefined) {
    console.error('usage: evaluate <corpus folder> [--differences]')
    process.exitCode = 2
  } else main(folder, process.argv.includes('--differences'))
}
