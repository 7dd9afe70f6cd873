/**
 * The acoustic model on the corpus's test utterances: errors against the recordings, speed, and speech for a judge.
 *
 *     node bench/dist/acoustic.js CORPUS RUN OUT [utterances [sharpen]]
 *
 * RUN is a run's folder or a checkpoint. Exports it to OUT/acoustic.onnx; writes OUT/free/ID.wav (all predicted),
 * OUT/forced/ID.wav (predicted frames on the recording's durations), both through the source-filter vocoder, and lists
 * with the texts, OUT/free.tsv and OUT/forced.tsv. Features come from runs/cache.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AcousticModel } from 'sparsewave/internal/acoustic/index'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { type Frames, HOP, SAMPLE_RATE } from 'sparsewave/internal/frames'
import { createSourceFilter } from 'sparsewave/internal/vocoder/source-filter/index'
import { readCached, readCorpus, split } from 'sparsewave-training/internal/data/index'
import { cachedExamples, createExample } from 'sparsewave-training/internal/tasks/acoustic/example'
import {
  exportAcoustic,
  measureAcoustic,
  measureSharpening,
  openPredictor,
} from 'sparsewave-training/internal/tasks/acoustic/index'

const [corpus, run, out, limit = '32', amount = '1.4'] = process.argv.slice(2)
if (!corpus || !run || !out) {
  console.error('usage: acoustic CORPUS RUN OUT [utterances [sharpen]]')
  process.exit(2)
}
const CACHE = 'runs/cache'
for (const kind of ['free', 'forced']) mkdirSync(join(out, kind), { recursive: true })
const file = join(out, 'acoustic.onnx')
const all = readCorpus(corpus)
const utterances = all.filter((u) => split(u.id) === 'test').slice(0, Number(limit))

const predictor = await openPredictor(run)
const sharpening = measureSharpening(
  predictor,
  cachedExamples(predictor.config, all.filter((u) => split(u.id) === 'validation').slice(0, 24), CACHE),
  Number(amount),
)
const model = await AcousticModel.load(file, exportAcoustic(run, file, { sharpening }))
const m = measureAcoustic(predictor, CACHE, utterances)
console.log(
  [
    `${m.utterances} test utterances`,
    `duration ${m.durationMs.toFixed(1)} ms a symbol, ${m.lengthPercent.toFixed(1)} % an utterance (ratio ${m.lengthRatio.toFixed(3)})`,
    `F0 ${m.f0Cents.toFixed(0)} cents RMS, ${m.f0MedianCents.toFixed(0)} median, voicing ${(100 * m.voicingError).toFixed(1)} %`,
    `envelope ${m.envelopeDb.toFixed(2)} dB, movement ${m.movement.toFixed(2)}`,
  ].join('\n'),
)

const vocoder = createSourceFilter()
async function speak(kind: string, id: string, frames: Frames): Promise<string> {
  const stream = vocoder.open({ seed: 1 })
  await stream.push(frames)
  await stream.end()
  const samples = new Float32Array(frames.count * HOP)
  stream.read(samples)
  stream.close()
  const wav = resolve(out!, kind, `${id}.wav`)
  writeFileSync(wav, encodeWav(samples))
  return wav
}

const lists: Record<string, string[]> = { free: [], forced: [] }
let seconds = 0
let milliseconds = 0
for (const utterance of utterances) {
  const { id, phonemes, text } = utterance
  const start = performance.now()
  const { frames } = await model.predict(phonemes!)
  milliseconds += performance.now() - start
  seconds += (frames.count * HOP) / SAMPLE_RATE
  lists.free!.push(`${await speak('free', id, frames)}\t${text}`)
  const example = createExample(predictor.config, utterance, readCached(CACHE, id).frames)
  lists.forced!.push(`${await speak('forced', id, predictor.teacherForced(example, sharpening).frames)}\t${text}`)
}
for (const [kind, lines] of Object.entries(lists)) writeFileSync(join(out, `${kind}.tsv`), `${lines.join('\n')}\n`)
console.log(`${(milliseconds / seconds).toFixed(2)} ms a second of speech on one core`)
await model.close()
