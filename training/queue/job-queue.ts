/**
 * What a queue of jobs can do, wherever it is kept: an SQLite file of this machine, or Redis for several. Who adds and lists jobs,
 * on the command line or over HTTP, knows this alone.
 */
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { NewJob } from './add.ts'
import { type JobState, openQueue, type QueuedJob } from './queue.ts'
import { type RunOptions, runQueue } from './run.ts'
import type { Outcome } from './work.ts'

/** A job that is added again and again. */
export interface Schedule {
  readonly target: string
  readonly name: string
  /** As cron has it. */
  readonly pattern: string
  /** ISO time. */
  readonly next: string | undefined
}

export interface JobQueue {
  /** Where it is kept, for people. */
  readonly where: string
  /** Throws JOB_INVALID when a waiting job writes to the same place. A lower `priority` above 0 runs first; only Redis has them. */
  add(job: NewJob, options?: { priority?: number }): Promise<number>
  /** Adds a job again at each time of a cron pattern, unless it still waits. Only Redis has schedules; throws USAGE elsewhere. */
  schedule(pattern: string, job: NewJob): Promise<void>
  schedules(): Promise<Schedule[]>
  /** Gives whether there was such a schedule. */
  unschedule(target: string): Promise<boolean>
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
    async add({ name, spec, target }, { priority = 0 } = {}) {
      if (priority !== 0) throw needsRedis('Priorities')
      return queue.add(name, spec, target)
    },
    async schedule() {
      throw needsRedis('Schedules')
    },
    schedules: async () => [],
    unschedule: async () => false,
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

const needsRedis = (what: string) =>
  new SparsewaveError('USAGE', `${what} need a queue on Redis.`, {
    remedy: 'Set REDIS_URL, such as redis://localhost:6379.',
  })

/** The queue on Redis where REDIS_URL is set, else the one in `file`. Throws QUEUE_UNAVAILABLE, DISK_FULL. */
export async function openJobQueue(file: string, url = process.env.REDIS_URL): Promise<JobQueue> {
  if (!url) return sqliteJobQueue(file)
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw new SparsewaveError('USAGE', 'REDIS_URL is not the address of a Redis server.', {
      remedy: 'Set it to redis://HOST:PORT, or unset it to keep the queue in a file.',
    })
  const { redisJobQueue } = await import('./redis.ts')
  const { STUDIES } = await import('../studies/index.ts')
  return redisJobQueue({ url, folder: path.resolve(file.replace(/\.sqlite$/, '')), studies: STUDIES })
}
