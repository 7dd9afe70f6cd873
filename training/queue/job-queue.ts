/**
 * What a queue of jobs can do, wherever it is kept: an SQLite file of this machine, or Redis for several. Who adds and lists jobs,
 * on the command line or over HTTP, knows this alone.
 */
import type { NewJob } from './add.ts'
import { type JobState, openQueue, type QueuedJob } from './queue.ts'
import { type RunOptions, runQueue } from './run.ts'
import type { Outcome } from './work.ts'

export interface JobQueue {
  /** Where it is kept, for people. */
  readonly where: string
  /** Throws JOB_INVALID when a waiting job writes to the same place. */
  add(job: NewJob): Promise<number>
  /** Waiting jobs, or all, in the order they run. */
  list(options: { all: boolean }): Promise<QueuedJob[]>
  /** Throws JOB_UNKNOWN. */
  job(id: number): Promise<QueuedJob>
  /** The newest job that writes to `target`. */
  find(target: string): Promise<QueuedJob | undefined>
  /** Ends a job, now when nobody works on it; else its process is asked to. Gives the state it is in. Throws JOB_UNKNOWN. */
  cancel(id: number): Promise<JobState>
  /** A job that was cancelled or has failed waits again. Throws JOB_UNKNOWN, STATE_CONFLICT. */
  requeue(id: number): Promise<void>
  /** Takes a job that has ended out of the list. Throws JOB_UNKNOWN, STATE_CONFLICT. */
  forget(id: number): Promise<void>
  /** The file with what the job's processes on this machine wrote. */
  logOf(id: number): string
  /** Works on jobs, one after another. Gives the outcomes by job. */
  run(options: RunOptions): Promise<Map<number, Outcome | 'crashed'>>
  close(): Promise<void>
}

/** Opens the queue in an SQLite file. Throws QUEUE_UNAVAILABLE, DISK_FULL. */
export async function sqliteJobQueue(file: string): Promise<JobQueue> {
  const queue = await openQueue(file)
  return {
    where: file,
    add: async ({ name, spec, target }) => queue.add(name, spec, target),
    list: async (options) => queue.list(options),
    job: async (id) => queue.job(id),
    find: async (target) => queue.find(target),
    cancel: async (id) => queue.cancel(id),
    requeue: async (id) => queue.requeue(id),
    forget: async (id) => queue.forget(id),
    logOf: (id) => queue.logOf(id),
    run: (options) => runQueue(queue, options),
    close: async () => queue.close(),
  }
}

/** The queue that the settings name. Throws QUEUE_UNAVAILABLE, DISK_FULL. */
export const openJobQueue = (file: string): Promise<JobQueue> => sqliteJobQueue(file)
