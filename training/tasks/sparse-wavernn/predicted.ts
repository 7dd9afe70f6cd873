/**
 * Envelopes as the acoustic model predicts them on the recordings' own durations, sharpened as in the exported model: the
 * frames that the vocoder will meet in synthesis. F0 and phase stay the recordings', so that frames and samples match.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { ENVELOPE_POINTS, type Frames } from 'sparsewave/internal/frames'
import { readCached } from '../../data/cache.ts'
import { split, type Utterance } from '../../data/corpus.ts'
import { cachedExamples, createExample } from '../acoustic/example.ts'
import { measureSharpening, openPredictor } from '../acoustic/index.ts'

/** Recordings that the sharpening is measured on. */
const SHARPEN_UTTERANCES = 24

const fileOf = (folder: string, id: string): string => path.join(folder, `${id}.f32`)

/**
 * Writes the predicted envelopes of `utterances` to `folder`, but those that are there. `acoustic`: run folder or checkpoint of
 * the acoustic model; `sharpen`: as for `sparsewave compact`. Throws CHECKPOINT_INVALID, ENGINE_UNAVAILABLE, CORPUS_INVALID.
 */
export async function predictEnvelopes(
  folder: string,
  acoustic: string,
  sharpen: number,
  utterances: readonly Utterance[],
  cache: string,
  progress: (done: number) => void,
): Promise<void> {
  if (utterances.some((u) => u.durations === undefined)) {
    throw new SparsewaveError('CORPUS_INVALID', 'Training on predicted frames needs a corpus with durations.')
  }
  const missing = utterances.filter((u) => !existsSync(fileOf(folder, u.id)))
  let done = utterances.length - missing.length
  progress(done)
  if (missing.length === 0) return
  mkdirSync(folder, { recursive: true })
  const predictor = await openPredictor(acoustic)
  const held = utterances.filter((u) => split(u.id) === 'validation').slice(0, SHARPEN_UTTERANCES)
  const sharpening =
    sharpen > 0 ? measureSharpening(predictor, cachedExamples(predictor.config, held, cache), sharpen) : undefined
  for (const utterance of missing) {
    const { frames } = readCached(cache, utterance.id)
    const own = predictor.teacherForced(createExample(predictor.config, utterance, frames), sharpening).frames
    const aside = `${fileOf(folder, utterance.id)}.part`
    writeFileSync(aside, new Uint8Array(ofLength(own, frames.count).buffer))
    renameSync(aside, fileOf(folder, utterance.id))
    progress(++done)
    // Lets a signal through between utterances.
    await new Promise(setImmediate)
  }
}

/** [count, 64], the last frame repeated: recordings have one frame more than their durations. */
function ofLength({ envelope, count: own }: Frames, count: number): Float32Array {
  const out = new Float32Array(count * ENVELOPE_POINTS)
  for (let f = 0; f < count; f++) {
    const from = Math.min(f, own - 1) * ENVELOPE_POINTS
    out.set(envelope.subarray(from, from + ENVELOPE_POINTS), f * ENVELOPE_POINTS)
  }
  return out
}

/** The envelope that `predictEnvelopes` wrote: [frames, 64]. */
export const readPredicted = (folder: string, id: string): Float32Array =>
  new Float32Array(new Uint8Array(readFileSync(fileOf(folder, id))).buffer)
