/**
 * The raw log of a study, one JSON line a finished run, on disk before the next run starts. A line that a kill cut short is
 * dropped when the log is opened, and its run is started again.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'

export interface Measured {
  /** What the study compares; lower is better. */
  readonly value: number
  /** Other figures worth keeping, by name. */
  readonly also: Readonly<Record<string, number>>
  readonly updates: number
  /** Multiply-accumulates of training, 1e9. */
  readonly gmacs: number
  /** [share of the budget, training loss]. */
  readonly curve: readonly (readonly [number, number])[]
}

export interface LoggedRun extends Measured {
  readonly key: string
  readonly method: string
  readonly density: number
  readonly seed: number
  /** Wall time of the run. */
  readonly seconds: number
  readonly commit: string
  readonly machine: string
  /** What trained, where it was asked for. */
  readonly engine?: string
  readonly time: string
}

function writeWhole(file: string, text: string, flags: string): void {
  const handle = openSync(file, flags)
  try {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/** A file that is the old one or the new one, never part of it. */
export function replaceFile(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  writeWhole(temporary, text, 'w')
  renameSync(temporary, file)
}

/** Runs of the log whose line is whole; mends the file when one is not. */
export function readLog(file: string): LoggedRun[] {
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  const lines = text.split('\n')
  const good: string[] = []
  const runs: LoggedRun[] = []
  for (const line of lines) {
    try {
      runs.push(JSON.parse(line) as LoggedRun)
      good.push(line)
    } catch {
      // Empty, or cut short.
    }
  }
  const mended = good.map((line) => `${line}\n`).join('')
  if (mended !== text) replaceFile(file, mended)
  return runs
}

export function appendRun(file: string, run: LoggedRun): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeWhole(file, `${JSON.stringify(run)}\n`, 'a')
}
