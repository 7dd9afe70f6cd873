/**
 * Runs the queue: one job after another, each in a process of its own, so that one that crashes takes no other with it. A runner that
 * dies takes its job's process along (the pipe between them ends), with a checkpoint.
 */
import path from 'node:path'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { startProcess } from './process.ts'
import type { Queue, QueuedJob } from './queue.ts'
import type { Outcome } from './work.ts'

/** Milliseconds between looks for new jobs. */
const LOOK = 1000

/** What a job's process tells its runner. */
export type Told = { readonly progress: number; readonly detail: string } | { readonly outcome: Outcome }

export interface RunOptions {
  /** Wait for more jobs when there is none. */
  readonly watch: boolean
  readonly signal: AbortSignal
  /** Arguments of node for the process that works on job `id`. On Redis it gets the job by message, as `jobs perform` does. */
  readonly command?: (id: number) => readonly string[]
  /** Priority of the job's process as `nice` counts it; 0 unless given. */
  readonly nice?: number
  started?(job: QueuedJob): void
  progress?(job: QueuedJob, progress: number, detail: string): void
  /** `job` as it is then. */
  ended?(job: QueuedJob, outcome: Outcome | 'crashed'): void
}

/** Until the queue is empty, the disk is full or `signal` ends it. Gives the outcomes by job. */
export async function runQueue(queue: Queue, options: RunOptions): Promise<Map<number, Outcome | 'crashed'>> {
  const outcomes = new Map<number, Outcome | 'crashed'>()
  while (!options.signal.aborted) {
    const job = queue.next()
    if (!job) {
      if (!options.watch) break
      await pause(LOOK, options.signal)
      continue
    }
    options.started?.(job)
    const outcome = await inOwnProcess(queue, job, options)
    if (outcome === 'taken') {
      await pause(LOOK / 4, options.signal)
      continue
    }
    outcomes.set(job.id, outcome)
    options.ended?.(queue.job(job.id), outcome)
    if (outcome === 'disk-full') break
  }
  return outcomes
}

async function inOwnProcess(queue: Queue, job: QueuedJob, options: RunOptions): Promise<Outcome | 'crashed'> {
  const command = options.command?.(job.id) ?? [
    path.join(PACKAGE_ROOT, 'bin/sparsewave.mjs'),
    ...['jobs', 'work', String(job.id), '--queue', path.resolve(queue.file)],
  ]
  let outcome: Outcome | undefined
  const { child, ended } = startProcess<Told>(command, {
    log: queue.logOf(job.id),
    ...(options.nice !== undefined && { nice: options.nice }),
    heard(told) {
      if ('outcome' in told) outcome = told.outcome
      else options.progress?.(job, told.progress, told.detail)
    },
  })
  const leave = () => child.kill('SIGTERM')
  options.signal.addEventListener('abort', leave)
  if (options.signal.aborted) leave()
  try {
    const why = await ended
    if (outcome) return outcome
    // Asked to leave before it could say so.
    if (options.signal.aborted) return 'left'
    queue.crashed(job.id, why)
    return 'crashed'
  } finally {
    options.signal.removeEventListener('abort', leave)
  }
}

/** Resolves after so long, or when `signal` fires. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}
