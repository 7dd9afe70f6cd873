/**
 * Features on disk, one file an utterance and field, in folders that carry the field's version: a new field or a new
 * version of one is computed without touching the others. Files are complete or absent (written aside, then renamed).
 * All little-endian: audio int16, f0 f32 [frames], envelope f32 [frames, 64], phase f32 [30 * frames].
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { analyze } from 'sparsewave/internal/analysis/index'
import { alignPulses } from 'sparsewave/internal/analysis/pulses'
import { bytesOf } from 'sparsewave/internal/arrays'
import { type ErrorCode, SparsewaveError } from 'sparsewave/internal/errors'
import { ENVELOPE_POINTS, type Frames } from 'sparsewave/internal/frames'
import { diskFull } from '../net/disk.ts'
import { readUtterance } from './audio.ts'
import type { Utterance } from './corpus.ts'

/** Raise a field's version when what computes it changes. */
const VERSIONS = { audio: 1, f0: 2, envelope: 3, phase: 3 } as const
type Field = keyof typeof VERSIONS
const FIELDS = Object.keys(VERSIONS) as Field[]

export interface Cached {
  readonly samples: Int16Array
  /** floor(samples / HOP) + 1 frames. */
  readonly frames: Frames
  /** Pulse phase in cycles at each of the net's steps, 30 a frame. */
  readonly phase: Float32Array
}

export interface CacheProgress {
  readonly done: number
  readonly total: number
}

/**
 * Decodes and analyses every one of the utterances whose cache is missing or older than its audio. `threads` (default 2) workers do
 * it. Throws AUDIO_INVALID.
 */
export async function buildCache(
  utterances: readonly Utterance[],
  cacheDir: string,
  options: { progress?: (progress: CacheProgress) => void; threads?: number } = {},
): Promise<void> {
  const missing = utterances.filter((u) => missingFields(cacheDir, u).length > 0)
  const total = utterances.length
  let done = total - missing.length
  options.progress?.({ done, total })
  await eachUtterance(missing, cacheDir, options.threads ?? 2, () => options.progress?.({ done: ++done, total }))
}

/** One utterance from the cache. Throws CORPUS_MISSING when it is not there. */
export function readCached(cacheDir: string, id: string): Cached {
  const samples = new Int16Array(readField(cacheDir, 'audio', id))
  const f0 = new Float32Array(readField(cacheDir, 'f0', id))
  const envelope = new Float32Array(readField(cacheDir, 'envelope', id))
  if (envelope.length !== f0.length * ENVELOPE_POINTS)
    throw new SparsewaveError('CORPUS_MISSING', `The cache of ${id} in ${cacheDir} is damaged.`, { remedy: REMEDY })
  const phase = new Float32Array(readField(cacheDir, 'phase', id))
  return { samples, frames: { count: f0.length, f0, envelope }, phase }
}

/** Frames of one utterance, by the size of a file in the cache. Throws CORPUS_MISSING when it is not there. */
export function cachedFrames(cacheDir: string, id: string): number {
  const stat = statSync(fileOf(cacheDir, 'f0', id), { throwIfNoEntry: false })
  if (!stat) throw notCached(cacheDir, id)
  return stat.size / 4
}

/** Computes the fields of one utterance that the cache lacks. */
export async function cacheUtterance(utterance: Utterance, cacheDir: string): Promise<void> {
  const { id } = utterance
  const missing = missingFields(cacheDir, utterance)
  if (missing.length === 0) return
  if (missing.includes('audio')) writeField(cacheDir, 'audio', id, toInt16(await readUtterance(utterance)))
  if (missing.includes('f0') || missing.includes('envelope')) {
    // Features are those of the samples as cached, so that they do not depend on which fields were there.
    const { f0, envelope } = analyze(toFloat(new Int16Array(readField(cacheDir, 'audio', id))))
    writeField(cacheDir, 'f0', id, f0)
    writeField(cacheDir, 'envelope', id, envelope)
  }
  if (missing.length > 0) {
    const samples = toFloat(new Int16Array(readField(cacheDir, 'audio', id)))
    const f0 = new Float32Array(readField(cacheDir, 'f0', id))
    const envelope = new Float32Array(readField(cacheDir, 'envelope', id))
    writeField(cacheDir, 'phase', id, alignPulses(samples, { count: f0.length, f0, envelope }))
  }
}

const notCached = (cacheDir: string, id: string) =>
  new SparsewaveError('CORPUS_MISSING', `${id} is not in the cache ${cacheDir}.`, { remedy: REMEDY })

const REMEDY = 'Build the cache again; it is made when training starts.'

const folder = (cacheDir: string, field: Field) => path.join(cacheDir, `${field}-${VERSIONS[field]}`)
const fileOf = (cacheDir: string, field: Field, id: string) => path.join(folder(cacheDir, field), `${id}.bin`)

function missingFields(cacheDir: string, { id, audio }: Utterance): Field[] {
  const source = statSync(audio).mtimeMs
  return FIELDS.filter((field) => {
    const stat = statSync(fileOf(cacheDir, field, id), { throwIfNoEntry: false })
    return stat === undefined || stat.mtimeMs < source
  })
}

function readField(cacheDir: string, field: Field, id: string): ArrayBuffer {
  const file = fileOf(cacheDir, field, id)
  if (!existsSync(file)) throw notCached(cacheDir, id)
  // A copy, so that the view is aligned whatever buffer the file was read into.
  return new Uint8Array(readFileSync(file)).buffer
}

function writeField(cacheDir: string, field: Field, id: string, data: Int16Array | Float32Array): void {
  const file = fileOf(cacheDir, field, id)
  const aside = `${file}.${process.pid}.part`
  try {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(aside, bytesOf(data))
    renameSync(aside, file)
  } catch (error) {
    rmSync(aside, { force: true })
    throw diskFull(error, file)
  }
}

function toInt16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (v) => Math.max(-32768, Math.min(32767, Math.round(v * 32768))))
}

function toFloat(samples: Int16Array): Float32Array {
  return Float32Array.from(samples, (v) => v / 32768)
}

export type WorkerReply = { readonly failure?: { readonly code: ErrorCode | undefined; readonly message: string } }

async function eachUtterance(
  utterances: readonly Utterance[],
  cacheDir: string,
  threads: number,
  onDone: () => void,
): Promise<void> {
  const compiled = import.meta.url.endsWith('.js')
  // Worker threads load compiled files only; from TypeScript sources the work is done here.
  if (!compiled || threads <= 1 || utterances.length < 4) {
    for (const utterance of utterances) {
      await cacheUtterance(utterance, cacheDir)
      onDone()
    }
    return
  }
  const queue = [...utterances]
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./cache-worker.js', import.meta.url), { workerData: { cacheDir } }),
  )
  const serve = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const next = () => {
        const utterance = queue.shift()
        if (utterance) worker.postMessage(utterance)
        else resolve()
      }
      worker.on('error', reject)
      worker.on('message', ({ failure }: WorkerReply) => {
        if (failure) {
          reject(failure.code ? new SparsewaveError(failure.code, failure.message) : new Error(failure.message))
          return
        }
        onDone()
        next()
      })
      next()
    })
  try {
    await Promise.all(workers.map(serve))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
