/** What a checkpoint says of itself, from its header alone. */
import { closeSync, openSync, readSync } from 'node:fs'

/** Longest header that is read. */
const HEADER = 2 ** 20

/** Updates done; undefined when the file is no checkpoint. */
export function checkpointUpdate(file: string): number | undefined {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch {
    return undefined
  }
  try {
    const size = Buffer.alloc(8)
    if (readSync(handle, size, 0, 8, 0) < 8) return undefined
    const length = Number(size.readBigUInt64LE(0))
    if (length > HEADER) return undefined
    const header = Buffer.alloc(length)
    readSync(handle, header, 0, length, 8)
    const { __metadata__: metadata } = JSON.parse(header.toString('utf8')) as { __metadata__?: { progress?: string } }
    const { update } = JSON.parse(metadata?.progress ?? '{}') as { update?: unknown }
    return typeof update === 'number' ? update : undefined
  } catch {
    return undefined
  } finally {
    closeSync(handle)
  }
}
