/**
 * Evaluation on utterances that training never saw: likelihood under a checkpoint, and copy synthesis (analysis, then the
 * vocoder) with measures that need no judge. The files it writes are what a judge needs.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import { openVocoder, type Vocoder, type VocoderKind } from 'sparsewave/internal/vocoder/index'
import { loadVoice } from 'sparsewave/internal/voices/index'
import { cacheUtterance } from '../data/cache.ts'
import { readCorpus, split, type Utterance } from '../data/corpus.ts'
import { createEngine } from '../engines/index.ts'
import { openExported } from '../export/open.ts'
import { finalNet, vocoderFiles } from '../export/voice.ts'
import { parameterLayout } from '../net/vocoder-layout.ts'
import { readRecording } from '../tasks/sparse-wavernn/data.ts'
import { openCheckpoint } from '../tasks/sparse-wavernn/open.ts'
import type { Recording } from '../tasks/sparse-wavernn/utterance.ts'
import { heldOutBits } from '../tasks/sparse-wavernn/validate.ts'
import { type Measures, measure } from './measures.ts'

export interface EvaluateOptions {
  readonly corpus: string
  readonly cache: string
  /** How many utterances of the test set. */
  readonly utterances: number
  readonly seed: number
  /** Folder for WAVs, pairs.tsv and measures.json; undefined = write none. */
  readonly out: string | undefined
  report(line: string): void
}

export interface Evaluation {
  /** Bits per step and band; undefined for a voice, whose package has no trainer's parameters. */
  readonly bits: readonly number[] | undefined
  readonly mean: Measures
  readonly realTimeFactor: number
  readonly utterances: readonly { readonly id: string; readonly measures: Measures }[]
}

/** Evaluates a voice by name with one of its vocoders. */
export async function evaluateVoice(
  name: string,
  kind: VocoderKind | undefined,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const voice = await loadVoice(name)
  const recordings = await testRecordings(options)
  const vocoder = await openVocoder(kind ?? voice.manifest.vocoder, voice)
  try {
    return await copySynthesis(vocoder, recordings, undefined, options)
  } finally {
    vocoder.close()
  }
}

/** Evaluates a checkpoint file or the newest checkpoint of a run folder. */
export async function evaluateCheckpoint(file: string, options: EvaluateOptions): Promise<Evaluation> {
  const checkpoint = openCheckpoint(file)
  const recordings = await testRecordings(options)
  const layout = parameterLayout(checkpoint.net)
  const engine = await createEngine('auto', layout, { threads: availableParallelism() })
  const { net, normalization } = checkpoint
  const { masks, average } = finalNet(checkpoint)
  let bits: number[]
  try {
    bits = await heldOutBits(engine, net.hidden, average, masks, [...recordings.values()], normalization)
  } finally {
    engine.close()
  }
  const files = vocoderFiles(checkpoint)
  const vocoder = await openExported(files['vocoder.safetensors'], files['conditioning.onnx'])
  try {
    return await copySynthesis(vocoder, recordings, bits, options)
  } finally {
    vocoder.close()
  }
}

async function testRecordings({ corpus, cache, utterances }: EvaluateOptions): Promise<Map<string, Recording>> {
  const chosen: Utterance[] = readCorpus(corpus)
    .filter((u) => split(u.id) === 'test')
    .slice(0, utterances)
  if (chosen.length === 0) {
    throw new SparsewaveError('CORPUS_INVALID', `${corpus} has no test utterances (ids ending in 7).`)
  }
  const out = new Map<string, Recording>()
  for (const u of chosen) {
    await cacheUtterance(u, cache)
    out.set(u.id, readRecording(cache, u.id))
  }
  return out
}

async function copySynthesis(
  vocoder: Vocoder,
  recordings: ReadonlyMap<string, Recording>,
  bits: readonly number[] | undefined,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const results: { id: string; measures: Measures }[] = []
  const pairs: string[] = []
  if (options.out !== undefined) mkdirSync(options.out, { recursive: true })
  let seconds = 0
  let spent = 0
  for (const [id, { samples, frames }] of recordings) {
    const started = performance.now()
    const stream = vocoder.open({ seed: options.seed })
    await stream.push(frames)
    await stream.end()
    const all = new Float32Array(frames.count * HOP)
    stream.read(all)
    stream.close()
    spent += (performance.now() - started) / 1000
    seconds += all.length / SAMPLE_RATE
    const output = all.subarray(0, samples.length)
    const measures = measure(samples, output)
    results.push({ id, measures })
    options.report(`${id}  ${describeMeasures(measures)}`)
    if (options.out === undefined) continue
    const [reference, copy] = [`${id}.ref.wav`, `${id}.wav`].map((name) => path.resolve(options.out!, name))
    writeFileSync(reference!, encodeWav(samples))
    writeFileSync(copy!, encodeWav(output))
    pairs.push(`${reference}\t${copy}`)
  }
  const evaluation = {
    bits,
    mean: meanMeasures(results.map((r) => r.measures)),
    realTimeFactor: spent / seconds,
    utterances: results,
  }
  if (options.out !== undefined) {
    writeFileSync(path.join(options.out, 'pairs.tsv'), `${pairs.join('\n')}\n`)
    writeFileSync(path.join(options.out, 'measures.json'), `${JSON.stringify(evaluation, null, 2)}\n`)
  }
  return evaluation
}

/** One line: F0 error, voicing error, envelope distance, silence levels, band-edge excess. */
export function describeMeasures(m: Measures): string {
  const [from, to] = m.silence
  return [
    `F0 ${m.f0Cents.toFixed(1)} cents`,
    `voicing ${(100 * m.voicingError).toFixed(1)} %`,
    `envelope ${m.envelopeDb.toFixed(2)} dB`,
    `silence ${to.toFixed(1)} dBFS (recording ${from.toFixed(1)})`,
    `band edges ${m.bandEdgeDb >= 0 ? '+' : ''}${m.bandEdgeDb.toFixed(1)} dB`,
  ].join(', ')
}

function meanMeasures(all: readonly Measures[]): Measures {
  // An utterance without a frame that is voiced in both has no F0 error.
  const mean = (pick: (m: Measures) => number) => {
    const values = all.map(pick).filter((v) => !Number.isNaN(v))
    return values.reduce((sum, v) => sum + v, 0) / values.length
  }
  return {
    f0Cents: mean((m) => m.f0Cents),
    voicingError: mean((m) => m.voicingError),
    envelopeDb: mean((m) => m.envelopeDb),
    silence: [mean((m) => m.silence[0]), mean((m) => m.silence[1])],
    bandEdgeDb: mean((m) => m.bandEdgeDb),
  }
}
