/**
 * Files that are complete or absent, and the two newest checkpoints of a run. Whatever instant a process dies at, the
 * newest complete checkpoint is found.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { MANIFEST_FILE } from 'sparsewave/internal/voices/manifest'
import { diskFull } from './disk.ts'

export const CHECKPOINT_FILE = 'checkpoint.safetensors'
export const PREVIOUS_FILE = 'checkpoint.previous.safetensors'

/**
 * Writes `file` (its folder too) aside, syncs it and renames it into place; `keep` is where an older one goes first. When the disk is
 * full both are as they were, and what was written aside is gone. Throws DISK_FULL.
 */
export function replaceFile(file: string, bytes: Uint8Array, keep?: string, write: typeof writeSync = writeSync): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  const aside = `${file}.part`
  try {
    const handle = openSync(aside, 'w')
    try {
      for (let at = 0; at < bytes.length; ) at += write(handle, bytes, at)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    if (keep !== undefined && existsSync(file)) renameSync(file, keep)
    renameSync(aside, file)
  } catch (error) {
    rmSync(aside, { force: true })
    throw diskFull(error, file)
  }
}

/** Writes a run's checkpoint; the one that was there is kept as the previous one. */
export const saveCheckpoint = (run: string, bytes: Uint8Array): void =>
  replaceFile(path.join(run, CHECKPOINT_FILE), bytes, path.join(run, PREVIOUS_FILE))

/** The newest checkpoint of a run that `read` can read; undefined when it has none. Throws what `read` throws for the newest. */
export function newestCheckpoint<T>(run: string, read: (file: string) => T): T | undefined {
  let failure: unknown
  for (const name of [CHECKPOINT_FILE, PREVIOUS_FILE]) {
    const file = path.join(run, name)
    if (!existsSync(file)) continue
    try {
      return read(file)
    } catch (error) {
      failure ??= error
    }
  }
  if (failure) throw failure
  return undefined
}

/**
 * What training can go on from: the newest checkpoint of a run folder, the checkpoint file itself, or the voice in a folder. Throws
 * what `read` and `ofVoice` throw, and CHECKPOINT_INVALID for a folder that has no `kind`.
 */
export function openFrom<T>(file: string, read: (file: string) => T, ofVoice: (folder: string) => T, kind: string): T {
  if (!statSync(file, { throwIfNoEntry: false })?.isDirectory()) return read(file)
  if (existsSync(path.join(file, MANIFEST_FILE))) return ofVoice(file)
  const newest = newestCheckpoint(file, read)
  if (newest) return newest
  throw new SparsewaveError('CHECKPOINT_INVALID', `There is no ${kind} in ${file}.`)
}
