/**
 * What a validation leaves for people: some held-out recordings synthesized by the net as it is, and its masks. A folder an update
 * below the run's `validations`; the oldest are deleted.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { encodeWav } from 'sparsewave/internal/audio/wav'
import { HOP, SAMPLE_RATE, sliceFrames } from 'sparsewave/internal/frames'
import { exportConditioning } from '../../export/conditioning.ts'
import { openExported } from '../../export/open.ts'
import { exportVocoder } from '../../export/vocoder.ts'
import { BLOCK_ROWS } from '../../net/layout.ts'
import type { MaskSet } from '../../net/mask.ts'
import { maskedSegments, type ParameterLayout } from '../../net/vocoder-layout.ts'
import type { Normalization } from './batches.ts'
import type { Recording } from './utterance.ts'

export const SNAPSHOTS = 'validations'
export const MASKS_FILE = 'masks.json'
/** Folder of the recordings themselves, beside the updates. */
export const RECORDINGS = 'recordings'
/** Updates that are kept. */
const KEPT = 24
/** Longest that is synthesized of a recording, seconds. */
const SECONDS = 4

/** One matrix of masks.json: `kept` has the columns of every strip, strip after strip, each `columns` wide. */
export interface MaskPicture {
  readonly name: string
  readonly strips: number
  readonly columns: number
  readonly kept: readonly number[]
}

export interface Snapshot {
  readonly update: number
  readonly layout: ParameterLayout
  /** Averaged weights, as they would be exported. */
  readonly average: Float32Array
  readonly masks: MaskSet
  readonly normalization: Normalization
  readonly recordings: ReadonlyMap<string, Recording>
}

/** Writes one. Masks that are still too dense to export give their picture alone. */
export async function writeSnapshot(run: string, s: Snapshot): Promise<void> {
  const folder = path.join(run, SNAPSHOTS)
  const target = path.join(folder, String(s.update))
  mkdirSync(folder, { recursive: true })
  const partial = mkdtempSync(path.join(folder, '.making-'))
  try {
    const matrices = maskedSegments(s.layout)
    const pictures: MaskPicture[] = matrices.map(({ name, rows, columns }) => ({
      name,
      strips: rows / BLOCK_ROWS,
      columns,
      kept: [...s.masks.get(name)!],
    }))
    writeFileSync(path.join(partial, MASKS_FILE), JSON.stringify({ update: s.update, matrices: pictures }))
    const isDense = matrices.some((m) => s.masks.get(m.name)!.length > (m.rows / BLOCK_ROWS) * m.kept)
    if (!isDense) await synthesize(folder, partial, s)
    rmSync(target, { recursive: true, force: true })
    renameSync(partial, target)
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
  const updates = readdirSync(folder).filter((name) => /^\d+$/.test(name))
  for (const old of updates.sort((a, b) => Number(b) - Number(a)).slice(KEPT))
    rmSync(path.join(folder, old), { recursive: true, force: true })
}

async function synthesize(folder: string, into: string, s: Snapshot): Promise<void> {
  const vocoder = await openExported(
    exportVocoder(s.layout, s.average, s.masks),
    exportConditioning(s.layout, s.average, s.normalization),
  )
  try {
    for (const [id, { samples, frames }] of s.recordings) {
      const count = Math.min(frames.count, (SECONDS * SAMPLE_RATE) / HOP)
      const stream = vocoder.open({ seed: 1 })
      await stream.push(sliceFrames(frames, 0, count))
      await stream.end()
      const made = new Float32Array(count * HOP)
      stream.read(made)
      stream.close()
      const length = Math.min(made.length, samples.length)
      writeFileSync(path.join(into, `${id}.wav`), encodeWav(made.subarray(0, length)))
      const recording = path.join(folder, RECORDINGS, `${id}.wav`)
      mkdirSync(path.dirname(recording), { recursive: true })
      if (!existsSync(recording)) writeFileSync(recording, encodeWav(samples.subarray(0, length)))
    }
  } finally {
    vocoder.close()
  }
}
