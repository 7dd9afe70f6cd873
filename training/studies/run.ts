/**
 * Runs what a study's grid still lacks and writes its document. Safe against a kill at any instant: finished runs are in the log,
 * the one that was running starts again.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { cpus } from 'node:os'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { appendRun, type LoggedRun, readLog, replaceFile } from './log.ts'
import { writeReport } from './report.ts'
import { type Cell, cellKey, cells, type Study, type StudyRunner } from './study.ts'

export interface StudyOptions {
  /** Folder of the document; the log goes into its `data` folder. */
  readonly out: string
  /** Folder that holds the data sets and the corpus. */
  readonly shared: string
  /** What trains, where the study has a choice (default: the processor); figures of two engines differ by rounding. */
  readonly engine?: string | undefined
  /** Start no run after so many minutes. */
  readonly limit: number | undefined
  /** Only write the document from the log. */
  readonly reportOnly: boolean
  readonly signal: AbortSignal
  report(progress: { done: number; total: number; within: number; label: string }): void
}

function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: PACKAGE_ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'training', 'native')
    return git('rev-parse', '--short=10', 'HEAD') + (changed ? '+changes' : '')
  } catch {
    return 'unknown'
  }
}

const labelOf = ({ method, density, seed }: Cell): string => `${method.label} ${density} seed ${seed}`

interface MeasureOptions {
  readonly signal: AbortSignal
  /** 0..1 */
  report(within: number): void
  readonly engine?: string | undefined
  /** Commit of the code. */
  readonly version: string
}

/** One run of the grid, as its line of the log. */
async function measure(study: Study, runner: StudyRunner, cell: Cell, o: MeasureOptions): Promise<LoggedRun> {
  const began = performance.now()
  o.report(0)
  const measured = await runner.run(cell, { signal: o.signal, report: o.report })
  return {
    key: cellKey(study, cell),
    method: cell.method.label,
    density: cell.density,
    seed: cell.seed,
    ...measured,
    seconds: Number(((performance.now() - began) / 1000).toFixed(2)),
    commit: o.version,
    machine: cpus()[0]?.model ?? 'unknown',
    ...(o.engine === undefined ? {} : { engine: o.engine }),
    time: new Date().toISOString(),
  }
}

/** The document of the grid's runs, by their keys. */
function writePage(study: Study, out: string, runs: ReadonlyMap<string, LoggedRun>): void {
  const own = cells(study).flatMap((cell) => {
    const run = runs.get(cellKey(study, cell))
    // Rows have the names of the declaration, also where they have changed since.
    return run ? [{ ...run, method: cell.method.label }] : []
  })
  const { text, svg } = writeReport(study, own)
  replaceFile(path.join(out, `${study.name}.md`), text)
  if (svg) replaceFile(path.join(out, `${study.name}.svg`), svg)
}

/** Runs to completion or the limit; gives the number of runs done and wanted. Throws what the study's data and methods throw. */
export async function runStudy(study: Study, o: StudyOptions): Promise<{ done: number; total: number }> {
  const log = path.join(o.out, 'data', `${study.name}.jsonl`)
  const all = cells(study)
  const runs = new Map(readLog(log).map((run) => [run.key, run]))
  const done = () => all.filter((cell) => runs.has(cellKey(study, cell))).length
  const deadline = o.limit === undefined ? Infinity : performance.now() + o.limit * 60_000
  const wanted = all.filter((cell) => !runs.has(cellKey(study, cell)))
  if (wanted.length > 0 && !o.reportOnly) {
    const version = commit()
    const runner = await study.open(o.shared, o.engine)
    try {
      for (const cell of wanted) {
        if (o.signal.aborted || performance.now() > deadline) break
        const show = (within: number) => o.report({ done: done(), total: all.length, within, label: labelOf(cell) })
        const run = await measure(study, runner, cell, { signal: o.signal, report: show, engine: o.engine, version })
        appendRun(log, run)
        runs.set(run.key, run)
      }
    } catch (error) {
      if (!o.signal.aborted) throw error
    } finally {
      runner.close()
    }
  }
  o.report({ done: done(), total: all.length, within: 0, label: '' })
  writePage(study, o.out, runs)
  return { done: done(), total: all.length }
}

// Spread over workers -------------------------------------------------------------------------------------------------

/** Where a run lies that one of several workers has finished, until the log has it. */
const partOf = (study: Study, out: string, key: string): string =>
  path.join(out, 'data', `${study.name}.parts`, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`)

const logOf = (study: Study, out: string): string => path.join(out, 'data', `${study.name}.jsonl`)

export interface CellTask {
  readonly key: string
  readonly label: string
}

/** Takes finished runs into the log, in the grid's order, and writes the page. Gives the cells that are missing. One process at a time. */
export function gatherStudy(study: Study, out: string): { missing: CellTask[]; total: number } {
  const log = logOf(study, out)
  const runs = new Map(readLog(log).map((run) => [run.key, run]))
  const all = cells(study)
  const missing: CellTask[] = []
  for (const cell of all) {
    const key = cellKey(study, cell)
    const part = partOf(study, out, key)
    if (!runs.has(key) && existsSync(part)) {
      const run = JSON.parse(readFileSync(part, 'utf8')) as LoggedRun
      appendRun(log, run)
      runs.set(key, run)
    }
    if (!runs.has(key)) missing.push({ key, label: labelOf(cell) })
    else rmSync(part, { force: true })
  }
  writePage(study, out, runs)
  return { missing, total: all.length }
}

/** Runs finished and wanted. */
export function countRuns(study: Study, out: string): { done: number; total: number } {
  const logged = new Set(readLog(logOf(study, out)).map(({ key }) => key))
  const keys = cells(study).map((cell) => cellKey(study, cell))
  return {
    done: keys.filter((key) => logged.has(key) || existsSync(partOf(study, out, key))).length,
    total: keys.length,
  }
}

/** One run of the grid for `gatherStudy`. Gives whether it was finished. Throws JOB_INVALID for a cell that the grid no longer has. */
export async function runCell(
  study: Study,
  key: string,
  o: { readonly out: string; readonly shared: string; readonly signal: AbortSignal; report(within: number): void },
): Promise<boolean> {
  const cell = cells(study).find((one) => cellKey(study, one) === key)
  if (!cell) throw new SparsewaveError('JOB_INVALID', `The study ${study.name} has changed since this run was queued.`)
  const part = partOf(study, o.out, key)
  if (existsSync(part)) return true
  const runner = await study.open(o.shared)
  try {
    const run = await measure(study, runner, cell, { signal: o.signal, report: o.report, version: commit() })
    if (o.signal.aborted) return false
    replaceFile(part, `${JSON.stringify(run)}\n`)
    return true
  } catch (error) {
    if (o.signal.aborted) return false
    throw error
  } finally {
    runner.close()
  }
}
