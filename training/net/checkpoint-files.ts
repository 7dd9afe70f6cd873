/**
 * Files that are complete or absent, and the two newest checkpoints of a run. Whatever instant a process dies at, the
 * newest complete checkpoint is found. Each carries a checksum, and one that is damaged is passed over, which is said aloud.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
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
  makeFolder(path.dirname(path.resolve(file)))
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
    throw unwritable(diskFull(error, file), file)
  }
}

/** Makes a folder, and those above it. Throws USAGE when that is not allowed, DISK_FULL. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw unwritable(diskFull(error, folder), folder)
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  EROFS: 'it lies on a file system that is read-only',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'there is a file of that name',
}

/** USAGE for an error that says why nothing can be written, any other as it is. */
function unwritable(error: unknown, file: string): unknown {
  const why = REFUSALS[(error as NodeJS.ErrnoException).code ?? '']
  if (why === undefined || error instanceof SparsewaveError) return error
  return new SparsewaveError('USAGE', `${file} cannot be written: ${why}.`, {
    remedy: 'Set `run` in the job file to a folder that can be written to.',
    cause: error,
  })
}

/** The checksum's place in a checkpoint's metadata, `sha256: UNSEALED`; `saveCheckpoint` fills it in. */
export const UNSEALED = '0'.repeat(64)
const SEAL = Buffer.from('"sha256":"')

/** Where the checksum stands among a safetensors file's bytes; undefined when there is none. */
function sealAt(bytes: Uint8Array): number | undefined {
  if (bytes.length < 8) return undefined
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const header = buffer.readUInt32LE(0)
  const at = buffer.subarray(0, Math.min(buffer.length, 8 + header)).indexOf(SEAL)
  return at < 0 ? undefined : at + SEAL.length
}

/** SHA-256 of all bytes, with zeros in the place of the checksum. */
function checksumOf(bytes: Uint8Array, at: number): string {
  const hash = createHash('sha256').update(bytes.subarray(0, at)).update(UNSEALED)
  return hash.update(bytes.subarray(at + UNSEALED.length)).digest('hex')
}

/** Bytes of a checkpoint file, whole by its checksum. Throws when they are not. */
export function readSealed(file: string): { bytes: Uint8Array; isSealed: boolean } {
  const bytes = readFileSync(file)
  const at = sealAt(bytes)
  if (at !== undefined && bytes.toString('latin1', at, at + UNSEALED.length) !== checksumOf(bytes, at))
    throw new Error('it does not match its checksum')
  return { bytes, isSealed: at !== undefined }
}

/** Writes a run's checkpoint with its checksum; the one that was there is kept as the previous one. */
export function saveCheckpoint(run: string, bytes: Uint8Array): void {
  const at = sealAt(bytes)
  if (at !== undefined) bytes.set(Buffer.from(checksumOf(bytes, at), 'latin1'), at)
  replaceFile(path.join(run, CHECKPOINT_FILE), bytes, path.join(run, PREVIOUS_FILE))
}

/**
 * The newest checkpoint of a run that `read` can read; undefined when it has none. Throws what `read` throws for the newest.
 * `warn` is called when that is the previous one, because the newest is damaged.
 */
export function newestCheckpoint<T>(
  run: string,
  read: (file: string) => T,
  warn: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): T | undefined {
  let failure: unknown
  for (const name of [CHECKPOINT_FILE, PREVIOUS_FILE]) {
    const file = path.join(run, name)
    if (!existsSync(file)) continue
    try {
      const checkpoint = read(file)
      if (failure) warn(`${(failure as Error).message} Going on from the one before, ${file}.`)
      return checkpoint
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
