/** Disks that are full: what is written fails without harm to what was there, training goes on, and tries again later. */
import { appendFileSync, closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { SparsewaveError } from 'sparsewave/internal/errors'

const FULL = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL'])

export function isDiskFull(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: string; cause?: unknown }
  return code === 'DISK_FULL' || FULL.has(code ?? '') || (cause !== undefined && isDiskFull(cause))
}

/** DISK_FULL for an error that says so, any other as it is. */
export function diskFull(error: unknown, file: string): unknown {
  if (!isDiskFull(error) || error instanceof SparsewaveError) return error
  return new SparsewaveError('DISK_FULL', `The disk is full: ${file} could not be written.`, { cause: error })
}

/** Writes; when the disk is full, says so and gives false. */
export function unlessDiskFull(write: () => void, warn: (message: string) => void): boolean {
  try {
    write()
    return true
  } catch (error) {
    if (!isDiskFull(error)) throw error
    warn(`${(error as Error).message} Training goes on; the next checkpoint will try again.`)
    return false
  }
}

/**
 * Appends lines of JSON to a run's log. A line that a kill or a full disk cut short stays alone on its line; a full disk costs
 * lines, not the run.
 */
export function createRunLog(
  file: string,
  warn: (message: string) => void,
  append: (file: string, text: string) => void = appendFileSync,
): (entry: Record<string, unknown>) => void {
  let cut = endsMidLine(file)
  let told = false
  return (entry) => {
    try {
      append(file, `${cut ? '\n' : ''}${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`)
      cut = false
    } catch (error) {
      if (!isDiskFull(error)) throw error
      cut = true
      if (!told) warn(`The disk is full: lines of ${file} are lost. Training goes on.`)
      told = true
    }
  }
}

function endsMidLine(file: string): boolean {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch {
    return false
  }
  try {
    const { size } = fstatSync(handle)
    const last = Buffer.alloc(1)
    return size > 0 && readSync(handle, last, 0, 1, size - 1) === 1 && last[0] !== 10
  } finally {
    closeSync(handle)
  }
}
