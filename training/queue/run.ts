/**
 * Runs the queue: one job after another, each in a process of its own, so that one that crashes takes no other with it. A runner that
 * dies takes its job's process along (the pipe between them ends), with a checkpoint.
 */
import { fork } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { setPriority } from 'node:os'
import path from 'node:path'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
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
  /** Arguments of node for the process that works on job `id`. */
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
  const [script, ...args] = options.command?.(job.id) ?? [
    path.join(PACKAGE_ROOT, 'bin/sparsewave.mjs'),
    ...['jobs', 'work', String(job.id), '--queue', path.resolve(queue.file)],
  ]
  const log = openSync(queue.logOf(job.id), 'a')
  const child = fork(script!, args, {
    execArgv: [],
    stdio: ['ignore', log, log, 'ipc'],
    // What is run is what this process was made from.
    env: { ...process.env, SPARSEWAVE_SKIP_BUILD: '1' },
  })
  closeSync(log)
  if (options.nice && child.pid) lower(child.pid, options.nice)
  let outcome: Outcome | undefined
  child.on('message', (told: Told) => {
    if ('outcome' in told) outcome = told.outcome
    else options.progress?.(job, told.progress, told.detail)
  })
  const leave = () => child.kill('SIGTERM')
  options.signal.addEventListener('abort', leave)
  if (options.signal.aborted) leave()
  try {
    const why = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`Its process could not be started (${error.message})`))
      child.once('close', (code, signal) => resolve(`Its process ended with ${signal ?? `code ${code}`}`))
    })
    if (outcome) return outcome
    // Asked to leave before it could say so.
    if (options.signal.aborted) return 'left'
    queue.crashed(job.id, why)
    return 'crashed'
  } finally {
    options.signal.removeEventListener('abort', leave)
  }
}

function lower(pid: number, nice: number): void {
  try {
    setPriority(pid, nice)
  } catch {
    // It has ended already, or the system does not allow it.
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
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
