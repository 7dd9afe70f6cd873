/**
 * Works on one job of the queue in this process: claims it, goes on from its checkpoint or log, and leaves it done, failed,
 * cancelled, or queued again when this process was asked to leave or the disk is full.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { parseJob, type Task } from '../jobs/job.ts'
import { createProgressView } from '../jobs/progress.ts'
import type { JobContext } from '../net/context.ts'
import { diskFull, isDiskFull } from '../net/disk.ts'
import { runCell, runStudy } from '../studies/run.ts'
import type { Study } from '../studies/study.ts'
import { createStudyView } from '../studies/view.ts'
import type { JobSpec, Queue } from './queue.ts'

/** `taken`: another process has it, or it waits no longer. `left`: it waits again. */
export type Outcome = 'done' | 'failed' | 'cancelled' | 'left' | 'disk-full' | 'taken'

/** Progress 0..1 and what is said beside it. */
export type Report = (progress: number, detail: string) => void

export interface Kinds {
  readonly tasks: readonly Task[]
  readonly studies: readonly Study[]
}

/** Milliseconds between looks at whether the job was cancelled. */
const LOOK = 500
/** Milliseconds between notes of the progress. */
const NOTE = 1000

/** @param signal aborted: a checkpoint, and the job waits again */
export async function workOn(
  queue: Queue,
  id: number,
  kinds: Kinds,
  { signal, report }: { signal: AbortSignal; report?: Report },
): Promise<Outcome> {
  const claim = queue.claim(id)
  if (!claim) return 'taken'
  const { spec } = claim.job
  const stop = new AbortController()
  const leave = () => stop.abort()
  signal.addEventListener('abort', leave)
  if (signal.aborted) leave()
  const watch = setInterval(() => queue.isCancelled(id) && leave(), LOOK)
  const say = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`)
  let noted = Number.NEGATIVE_INFINITY
  const note: Report = (progress, detail) => {
    report?.(progress, detail)
    if (performance.now() - noted < NOTE && progress < 1) return
    noted = performance.now()
    queue.note(id, progress, detail)
  }
  try {
    say(`job ${id}: ${claim.job.name}`)
    const whole = await start(spec, kinds, stop.signal, note)
    const outcome = whole ? 'done' : queue.isCancelled(id) ? 'cancelled' : 'left'
    say(`job ${id}: ${outcome}`)
    claim.end(outcome === 'left' ? 'queued' : outcome)
    return outcome
  } catch (thrown) {
    const error = diskFull(thrown, claim.job.target)
    const text = wordsOf(error)
    say(`job ${id}: ${error instanceof Error && !(error instanceof SparsewaveError) ? error.stack : text}`)
    claim.end(isDiskFull(error) ? 'queued' : 'failed', text)
    return isDiskFull(error) ? 'disk-full' : 'failed'
  } finally {
    clearInterval(watch)
    signal.removeEventListener('abort', leave)
  }
}

/** Gives whether the job came to its end. */
export function start(spec: JobSpec, kinds: Kinds, signal: AbortSignal, note: Report): Promise<boolean> {
  if (process.cwd() !== spec.folder) process.chdir(spec.folder)
  switch (spec.kind) {
    case 'train':
      return train(spec, kinds, signal, note)
    case 'study':
      return study(spec, kinds, signal, note)
    case 'cell':
      return cell(spec, kinds, signal, note)
  }
}

/** An error of a job in words, with its remedy. */
export const wordsOf = (error: unknown): string =>
  error instanceof SparsewaveError ? `${error.message} ${error.remedy}` : String(error)

async function train(
  spec: JobSpec & { kind: 'train' },
  { tasks }: Kinds,
  signal: AbortSignal,
  note: Report,
): Promise<boolean> {
  const { task, job } = parseJob(spec.text, spec.file, tasks)
  const view = createProgressView()
  const context: JobContext = {
    // A job that was added to begin anew has no checkpoint: `add` saw to it.
    resume: true,
    minutes: undefined,
    signal,
    report(p) {
      view.report(p)
      if (p.stage === 'train') note(p.done / p.total, p.loss === undefined ? '' : `loss ${p.loss.toFixed(3)}`)
      else if (p.stage === 'features') note(0, `features ${p.done}/${p.total}`)
    },
    warn: (message) => process.stderr.write(`${message}\n`),
  }
  try {
    await task.run(job, context)
  } finally {
    view.stop()
  }
  return !signal.aborted
}

/** Throws JOB_INVALID. */
export function declaredStudy(name: string, studies: readonly Study[]): Study {
  const declared = studies.find((study) => study.name === name)
  if (!declared) throw new SparsewaveError('JOB_INVALID', `There is no study '${name}' any more.`)
  return declared
}

function cell(
  { study, key, out, shared }: JobSpec & { kind: 'cell' },
  { studies }: Kinds,
  signal: AbortSignal,
  note: Report,
): Promise<boolean> {
  const report = (within: number) => note(within, '')
  return runCell(declaredStudy(study, studies), key, { out, shared, signal, report })
}

async function study(
  spec: JobSpec & { kind: 'study' },
  { studies }: Kinds,
  signal: AbortSignal,
  note: Report,
): Promise<boolean> {
  const declared = declaredStudy(spec.study, studies)
  const view = createStudyView()
  try {
    const { done, total } = await runStudy(declared, {
      out: spec.out,
      shared: spec.shared,
      limit: undefined,
      reportOnly: false,
      signal,
      report(p) {
        view.report(p)
        note((p.done + p.within) / p.total, `${p.done}/${p.total} runs`)
      },
    })
    return done === total
  } finally {
    view.stop()
  }
}
