/** Where the bytes of audio go: a file, whose header is completed at its end, or stdout. Faults are sentences. */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { SparsewaveError } from '../errors.ts'

/** What went wrong with a file, as a sentence with its remedy. */
export function writingFault(path: string, cause: unknown): SparsewaveError {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new SparsewaveError('DISK_FULL', `The disk is full: ${path} is not complete.`, {
      remedy: 'Make room, or name a file on another disk.',
      cause,
    })
  const reason = code === 'ENOENT' ? 'its folder does not exist' : message
  return new SparsewaveError('USAGE', `Cannot write ${path}: ${reason}.`, {
    remedy: 'Name a file in a folder that can be written to.',
    cause,
  })
}

/** Writes bytes to a file. At the end its head gets what only the end has shown: lengths, a checksum. */
export async function toFile(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  head: () => Uint8Array | undefined,
): Promise<void> {
  let file: number | undefined
  try {
    for await (const piece of bytes) {
      try {
        // Opened with the first bytes, so that a text or voice that is refused leaves no empty file behind.
        file ??= openSync(path, 'w')
        for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at)
      } catch (cause) {
        throw writingFault(path, cause)
      }
    }
    const known = head()
    if (file !== undefined && known && fstatSync(file).isFile()) writeSync(file, known, 0, known.length, 0)
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Writes bytes to stdout. Returns whether its reader took all of them: one that goes early (`| head`) is no fault. */
export async function toStdout(bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
  const { stdout } = process
  let failure: NodeJS.ErrnoException | null | undefined
  stdout.on('error', () => {})
  for await (const piece of bytes) {
    failure ??= await new Promise((resolve) => {
      stdout.write(piece, resolve)
    })
    if (failure?.code === 'EPIPE') return false
    if (failure) throw writingFault('the output', failure)
  }
  return true
}
