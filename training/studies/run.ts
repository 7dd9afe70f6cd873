/**
 * Runs what a study's grid still lacks and writes its document. Safe against a kill at any instant: finished runs are in the log,
 * the one that was running starts again.
 */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import path from 'node:path'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { appendRun, type LoggedRun, readLog, replaceFile } from './log.ts'
import { writeReport } from './report.ts'
import { cellKey, cells, type Study } from './study.ts'

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
    const machine = cpus()[0]?.model ?? 'unknown'
    const runner = await study.open(o.shared, o.engine)
    try {
      for (const cell of wanted) {
        if (o.signal.aborted || performance.now() > deadline) break
        const label = `${cell.method.label} ${cell.density} seed ${cell.seed}`
        const show = (within: number) => o.report({ done: done(), total: all.length, within, label })
        const began = performance.now()
        show(0)
        const measured = await runner.run(cell, { signal: o.signal, report: show })
        const run: LoggedRun = {
          key: cellKey(study, cell),
          method: cell.method.label,
          density: cell.density,
          seed: cell.seed,
          ...measured,
          seconds: Number(((performance.now() - began) / 1000).toFixed(2)),
          commit: version,
          machine,
          ...(o.engine === undefined ? {} : { engine: o.engine }),
          time: new Date().toISOString(),
        }
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
  const own = all.flatMap((cell) => {
    const run = runs.get(cellKey(study, cell))
    // Rows have the names of the declaration, also where they have changed since.
    return run ? [{ ...run, method: cell.method.label }] : []
  })
  const { text, svg } = writeReport(study, own)
  replaceFile(path.join(o.out, `${study.name}.md`), text)
  if (svg) replaceFile(path.join(o.out, `${study.name}.svg`), svg)
  return { done: done(), total: all.length }
}
