/**
 * The queue of jobs on Redis, for several machines over one shared folder: BullMQ keeps states, locks and retries. The one file that
 * touches `bullmq` and `ioredis`, which are loaded only where REDIS_URL is set.
 *
 * A worker holds a job's lock while the job's own process lives. A worker that dies loses the lock, and another one goes on from the
 * checkpoint. A study is one job that waits for its runs, which are jobs too, so that all workers share its grid.
 */
import { createHash } from 'node:crypto'
import path from 'node:path'
import type { Job, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { PACKAGE_ROOT } from 'sparsewave/internal/root'
import { countRuns, gatherStudy } from '../studies/run.ts'
import type { Study } from '../studies/study.ts'
import type { NewJob } from './add.ts'
import type { JobQueue, Schedule } from './job-queue.ts'
import { startProcess } from './process.ts'
import { type JobSpec, type JobState, MAX_CRASHES, type QueuedJob } from './queue.ts'
import { pause, type RunOptions } from './run.ts'
import { declaredStudy, type Outcome } from './work.ts'

/** What a job's process reports. It gets the spec as its first message. */
export type Performed =
  | { readonly progress: number; readonly detail: string }
  | { readonly outcome: 'done' | 'left' | 'failed' | 'disk-full'; readonly error?: string }

export interface RedisQueueOptions {
  readonly url: string
  /** Folder of the logs of jobs that ran on this machine. */
  readonly folder: string
  readonly studies: readonly Study[]
  /** Keys begin with it. */
  readonly prefix?: string
  /** Milliseconds that a worker may be silent before its job is another one's. */
  readonly lockMilliseconds?: number
}

interface Data {
  readonly spec: JobSpec
  readonly target: string
  /** Number of the study that a run belongs to. */
  readonly study?: number
  /** How often the runs of a study were queued. */
  rounds?: number
  /** Progress at the last crash of its process. */
  crashedAt?: number
}
interface Result {
  readonly outcome: 'done' | 'cancelled'
}
interface Noted {
  readonly progress: number
  readonly detail: string
}
type BullJob = Job<Data, Result>

const NAME = 'training'
const SCHEDULES = 'schedules'
/** Milliseconds between looks at whether a job was cancelled, and between looks for whether there is more to do. */
const LOOK = 500
const NOTE = 1000
/** Milliseconds before a job whose process died is tried again. */
const BACKOFF = 1000
/** A study whose runs vanish is given up after so many rounds. */
const MAX_ROUNDS = 5

/** Of jobs that name none; a lower one runs first. Jobs of one priority run in the order they came. */
const PRIORITY = 1000

const idOf = (id: number): string => `job-${id}`
const numberOf = (id: string | undefined): number => Number(/^job-(\d+)$/.exec(id ?? '')?.[1] ?? Number.NaN)
const notedOf = (job: BullJob): Noted =>
  typeof job.progress === 'object' ? (job.progress as unknown as Noted) : { progress: 0, detail: '' }
const iso = (milliseconds: number | undefined): string | undefined =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString()

/** Opens the queue. Throws QUEUE_UNAVAILABLE where the packages are missing or Redis does not answer. */
export async function redisJobQueue(o: RedisQueueOptions): Promise<JobQueue> {
  const { bullmq, ioredis } = await load()
  const where = new URL(o.url).host
  const connect = (): Redis => {
    // Commands wait while Redis is away, so that a restart of it ends no job.
    const client = new ioredis.Redis(o.url, { maxRetriesPerRequest: null })
    client.on('error', () => {})
    return client
  }
  const probe = new ioredis.Redis(o.url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 })
  probe.on('error', () => {})
  try {
    await probe.connect()
    await probe.ping()
  } catch (cause) {
    throw new SparsewaveError('QUEUE_UNAVAILABLE', `Redis does not answer at ${where} (${(cause as Error).message}).`, {
      remedy: 'Start it, correct REDIS_URL, or unset it to keep the queue in a file.',
      cause,
    })
  } finally {
    probe.disconnect()
  }
  return new RedisQueue(o, where, bullmq, connect)
}

async function load() {
  try {
    const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')])
    return { bullmq, ioredis }
  } catch (cause) {
    throw new SparsewaveError(
      'QUEUE_UNAVAILABLE',
      'REDIS_URL is set, but the packages bullmq and ioredis are missing.',
      {
        remedy: 'Run `npm install bullmq ioredis`, or unset REDIS_URL to keep the queue in a file.',
        cause,
      },
    )
  }
}

class RedisQueue implements JobQueue {
  readonly where: string
  readonly #o: RedisQueueOptions
  readonly #bullmq: typeof import('bullmq')
  readonly #connect: () => Redis
  readonly #client: Redis
  readonly #queue: import('bullmq').Queue<Data, Result>
  readonly #schedules: import('bullmq').Queue<NewJob>
  readonly #prefix: string

  constructor(o: RedisQueueOptions, where: string, bullmq: typeof import('bullmq'), connect: () => Redis) {
    this.#o = o
    this.where = where
    this.#bullmq = bullmq
    this.#connect = connect
    this.#client = connect()
    this.#prefix = o.prefix ?? 'sparsewave'
    const options = { connection: this.#client, prefix: this.#prefix }
    this.#queue = new bullmq.Queue(NAME, options)
    this.#schedules = new bullmq.Queue(SCHEDULES, options)
    for (const queue of [this.#queue, this.#schedules]) queue.on('error', () => {})
  }

  logOf(id: number): string {
    return path.join(this.#o.folder, `${id}.log`)
  }

  /** A key of ours beside BullMQ's. */
  #key(name: string): string {
    return `${this.#prefix}:${NAME}-${name}`
  }

  async add({ name, spec, target }: NewJob, { priority = PRIORITY }: { priority?: number } = {}): Promise<number> {
    const id = await this.#client.incr(this.#key('numbers'))
    for (;;) {
      if ((await this.#client.hsetnx(this.#key('targets'), target, String(id))) === 1) break
      const other = Number(await this.#client.hget(this.#key('targets'), target))
      const job = await this.job(other).catch(() => undefined)
      if (job && (job.state === 'queued' || job.state === 'running'))
        throw new SparsewaveError('JOB_INVALID', `Job ${other} already writes to ${target}.`)
      // Only while it is still that job's: another adder may have been faster.
      const taken =
        'if redis.call("hget", KEYS[1], ARGV[1]) == ARGV[2] then return redis.call("hdel", KEYS[1], ARGV[1]) end return 0'
      await this.#client.eval(taken, 1, this.#key('targets'), target, String(other))
    }
    await this.#put(id, name, { spec, target }, priority)
    return id
  }

  #put(
    id: number,
    name: string,
    data: Data,
    priority: number,
    parent?: { id: string; queue: string },
  ): Promise<BullJob> {
    return this.#queue.add(name, data, {
      jobId: idOf(id),
      attempts: MAX_CRASHES,
      backoff: { type: 'fixed', delay: BACKOFF },
      priority,
      // A run that fails ends its study.
      ...(parent && { parent, failParentOnFailure: true }),
    })
  }

  async list({ all }: { all: boolean }): Promise<QueuedJob[]> {
    const waiting = ['active', 'waiting', 'prioritized', 'delayed', 'waiting-children'] as const
    const found = await this.#queue.getJobs(all ? [...waiting, 'completed', 'failed'] : [...waiting])
    const jobs = await Promise.all(found.filter((job) => job !== undefined).map((job) => this.#view(job)))
    const cancelled = all ? Object.values(await this.#client.hgetall(this.#key('cancelled'))) : []
    return [...jobs, ...cancelled.map((text) => JSON.parse(text) as QueuedJob)].sort((a, b) => a.id - b.id)
  }

  async job(id: number): Promise<QueuedJob> {
    const found = await this.#queue.getJob(idOf(id))
    if (found) return this.#view(found)
    const cancelled = await this.#client.hget(this.#key('cancelled'), String(id))
    if (cancelled !== null) return JSON.parse(cancelled) as QueuedJob
    throw new SparsewaveError('JOB_UNKNOWN', `There is no job ${id} in the queue at ${this.where}.`)
  }

  async find(target: string): Promise<QueuedJob | undefined> {
    const id = await this.#client.hget(this.#key('targets'), target)
    return id === null ? undefined : this.job(Number(id)).catch(() => undefined)
  }

  async cancel(id: number): Promise<JobState> {
    const { state } = await this.job(id)
    if (state !== 'queued' && state !== 'running') return state
    // Whoever works on it looks here.
    await this.#client.sadd(this.#key('stopping'), String(id))
    const job = await this.#queue.getJob(idOf(id))
    if (job) await this.#cancelWaiting(id, job)
    return (await this.job(id)).state
  }

  /** Takes a job that nobody works on out of the queue, and keeps what is known of it. */
  async #cancelWaiting(id: number, job: BullJob): Promise<void> {
    const state = await job.getState()
    if (state === 'active' || state === 'completed' || state === 'failed') return
    const view = await this.#view(job)
    if (state === 'waiting-children') await job.removeUnprocessedChildren()
    try {
      await job.remove()
    } catch {
      // A worker has taken it meanwhile, or runs of a study still go on: it ends with them.
      return
    }
    const ended: QueuedJob = {
      ...view,
      state: 'cancelled',
      interrupted: false,
      cancelling: false,
      ended: iso(Date.now()),
    }
    await this.#client.hset(this.#key('cancelled'), String(id), JSON.stringify(ended))
    await this.#client.srem(this.#key('stopping'), String(id))
  }

  async requeue(id: number): Promise<void> {
    const old = await this.job(id)
    if (old.state !== 'cancelled' && old.state !== 'failed')
      throw new SparsewaveError('STATE_CONFLICT', `Job ${id} is ${old.state}.`)
    const other = await this.find(old.target)
    if (other && other.id !== id && (other.state === 'queued' || other.state === 'running'))
      throw new SparsewaveError('JOB_INVALID', `Job ${other.id} already writes to ${old.target}.`)
    await this.#client.srem(this.#key('stopping'), String(id))
    const kept = await this.#queue.getJob(idOf(id))
    if (kept) await kept.remove()
    await this.#put(id, old.name, { spec: old.spec, target: old.target }, kept?.opts.priority ?? PRIORITY)
    await this.#client.hdel(this.#key('cancelled'), String(id))
    await this.#client.hset(this.#key('targets'), old.target, String(id))
  }

  async forget(id: number): Promise<void> {
    const { state, target } = await this.job(id)
    if (state === 'queued' || state === 'running') throw new SparsewaveError('STATE_CONFLICT', `Job ${id} is ${state}.`)
    await (await this.#queue.getJob(idOf(id)))?.remove()
    await this.#client.hdel(this.#key('cancelled'), String(id))
    if ((await this.#client.hget(this.#key('targets'), target)) === String(id))
      await this.#client.hdel(this.#key('targets'), target)
  }

  async schedule(pattern: string, job: NewJob): Promise<void> {
    try {
      await this.#schedules.upsertJobScheduler(job.target, { pattern }, { name: job.name, data: job })
    } catch (cause) {
      throw new SparsewaveError('USAGE', `'${pattern}' is no schedule (${(cause as Error).message}).`, {
        remedy: 'Give five fields as cron has them: minute, hour, day, month, day of the week.',
        cause,
      })
    }
  }

  async schedules(): Promise<Schedule[]> {
    const found = await this.#schedules.getJobSchedulers()
    return found.map(({ key, name, pattern, next }) => ({
      target: key,
      name: name ?? '',
      pattern: pattern ?? '',
      next: iso(next),
    }))
  }

  async unschedule(target: string): Promise<boolean> {
    return this.#schedules.removeJobScheduler(target)
  }

  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#schedules.close()])
    this.#client.disconnect()
  }

  async run(options: RunOptions): Promise<Map<number, Outcome | 'crashed'>> {
    const { Worker: Constructor } = this.#bullmq
    const lockDuration = this.#o.lockMilliseconds ?? 30_000
    const outcomes = new Map<number, Outcome | 'crashed'>()
    const processes = new Map<string, { stop(): void; kill(): void }>()
    const leave = new AbortController()
    // A worker waits for jobs on one connection and does the rest on another.
    const connections = [this.#connect(), this.#connect()]
    const shared = {
      prefix: this.#prefix,
      autorun: false,
      lockDuration,
      stalledInterval: lockDuration,
      // A worker that dies is no fault of its job. What the job's own process does is counted as attempts.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: 1,
    }
    const worker: Worker<Data, Result> = new Constructor<Data, Result>(
      NAME,
      (job, token) => this.#work(job, token!, { options, outcomes, processes, leave }),
      { ...shared, connection: connections[0]! },
    )
    const scheduler = new Constructor<NewJob>(
      SCHEDULES,
      async (job) => {
        const { name, spec, target } = job.data
        // One that still waits, or runs, is that run.
        await this.add({ name, spec, target }).catch((error) => {
          if ((error as SparsewaveError).code !== 'JOB_INVALID') throw error
        })
      },
      { ...shared, connection: connections[1]!, removeOnComplete: { count: 10 }, removeOnFail: { count: 10 } },
    )
    for (const one of [worker, scheduler]) one.on('error', () => {})
    // Another worker may have the job by now, so its process here must not write any more.
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) processes.get(id)?.kill()
    })
    const stop = (): void => leave.abort()
    options.signal.addEventListener('abort', stop)
    if (options.signal.aborted) stop()
    const running = [worker.run(), scheduler.run()]
    for (const one of running) one.catch(() => {})
    try {
      await this.#untilDone(options, processes, leave.signal)
    } finally {
      options.signal.removeEventListener('abort', stop)
      // Takes nothing new. The processes write their checkpoints, and their jobs wait again.
      const closing = [worker.close(), scheduler.close()]
      leave.abort()
      for (const one of processes.values()) one.stop()
      await Promise.all(closing)
      for (const one of connections) one.disconnect()
    }
    return outcomes
  }

  async #untilDone(options: RunOptions, processes: ReadonlyMap<string, unknown>, left: AbortSignal): Promise<void> {
    let idle = 0
    while (!left.aborted) {
      await pause(LOOK, left)
      if (options.watch) continue
      const counts = await this.#queue.getJobCounts('waiting', 'prioritized', 'delayed', 'waiting-children')
      const none = processes.size === 0 && Object.values(counts).every((count) => count === 0)
      // Between two jobs a worker has neither for a moment.
      idle = none ? idle + 1 : 0
      if (idle > 1) return
    }
  }

  async #work(job: BullJob, token: string, at: Working): Promise<Result> {
    const id = numberOf(job.id)
    const { options, outcomes } = at
    if (await this.#isCancelled(job)) return this.#cancelled(id, outcomes)
    const view = await this.#view(job)
    options.started?.(view)
    const { spec } = job.data
    try {
      if (spec.kind === 'study') return await this.#study(job, spec, token, outcomes)
      return await this.#inOwnProcess(job, view, token, at)
    } finally {
      const outcome = outcomes.get(id)
      if (outcome) options.ended?.(await this.job(id).catch(() => view), outcome)
    }
  }

  async #cancelled(id: number, outcomes: Map<number, Outcome | 'crashed'>): Promise<Result> {
    await this.#client.srem(this.#key('stopping'), String(id))
    outcomes.set(id, 'cancelled')
    return { outcome: 'cancelled' }
  }

  async #isCancelled(job: BullJob): Promise<boolean> {
    const ids = [numberOf(job.id), ...(job.data.study === undefined ? [] : [job.data.study])].map(String)
    return (await this.#client.smismember(this.#key('stopping'), ...ids)).includes(1)
  }

  /** Takes what is done into the study's log, and queues the runs that are missing. When they are done it is called again. */
  async #study(
    job: BullJob,
    spec: JobSpec & { kind: 'study' },
    token: string,
    outcomes: Map<number, Outcome | 'crashed'>,
  ): Promise<Result> {
    const { WaitingChildrenError, UnrecoverableError } = this.#bullmq
    const id = numberOf(job.id)
    const out = path.resolve(spec.folder, spec.out)
    let found: ReturnType<typeof gatherStudy>
    try {
      found = gatherStudy(declaredStudy(spec.study, this.#o.studies), out)
    } catch (error) {
      outcomes.set(id, 'failed')
      throw new UnrecoverableError(
        error instanceof SparsewaveError ? `${error.message} ${error.remedy}` : String(error),
      )
    }
    const { missing, total } = found
    await job.updateProgress({
      progress: (total - missing.length) / total,
      detail: `${total - missing.length}/${total} runs`,
    })
    if (missing.length === 0) {
      outcomes.set(id, 'done')
      return { outcome: 'done' }
    }
    const rounds = (job.data.rounds ?? 0) + 1
    if (rounds > MAX_ROUNDS) throw new UnrecoverableError(`${missing.length} runs of the study have vanished.`)
    await job.updateData({ ...job.data, rounds })
    const parent = { id: job.id!, queue: job.queueQualifiedName }
    const first = Math.max(1, (job.opts.priority ?? PRIORITY) - 1)
    for (const { key, label } of missing) {
      const cell: JobSpec = { ...spec, kind: 'cell', key }
      const number = await this.#client.incr(this.#key('numbers'))
      const target = `${out}#${createHash('sha256').update(key).digest('hex').slice(0, 16)}`
      // In the grid's order, and before jobs that came later.
      await this.#put(number, `${spec.study} ${label}`, { spec: cell, target, study: id }, first, parent)
    }
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError()
    // All of them have ended already.
    return this.#study(job, spec, token, outcomes)
  }

  async #inOwnProcess(job: BullJob, view: QueuedJob, token: string, at: Working): Promise<Result> {
    const { UnrecoverableError, WaitingError } = this.#bullmq
    const { options, outcomes, processes, leave } = at
    const id = numberOf(job.id)
    const command = options.command?.(id) ?? [path.join(PACKAGE_ROOT, 'bin/sparsewave.mjs'), 'jobs', 'perform']
    let result: Extract<Performed, { outcome: unknown }> | undefined
    let cancelled = false
    let noted = Number.NEGATIVE_INFINITY
    let progress = view.progress
    const { child, ended } = startProcess<Performed>(command, {
      log: this.logOf(id),
      ...(options.nice !== undefined && { nice: options.nice }),
      heard: (told) => {
        if ('outcome' in told) {
          result = told
          return
        }
        progress = told.progress
        options.progress?.(view, told.progress, told.detail)
        if (performance.now() - noted < NOTE && told.progress < 1) return
        noted = performance.now()
        this.#note(job, told).catch(() => {})
      },
    })
    const hands = { stop: () => void child.kill('SIGTERM'), kill: () => void child.kill('SIGKILL') }
    processes.set(job.id!, hands)
    child.send(job.data.spec)
    const watch = setInterval(() => {
      this.#isCancelled(job)
        .then((asked) => {
          if (asked) hands.stop()
          cancelled ||= asked
        })
        .catch(() => {})
    }, LOOK)
    if (leave.signal.aborted) hands.stop()
    let why: string
    try {
      why = await ended
    } finally {
      clearInterval(watch)
      processes.delete(job.id!)
    }
    const again = async (outcome: Outcome | 'crashed'): Promise<never> => {
      outcomes.set(id, outcome)
      await job.moveToWait(token)
      throw new WaitingError()
    }
    switch (result?.outcome) {
      case 'done':
        await this.#note(job, { progress: 1, detail: notedOf(job).detail })
        outcomes.set(id, 'done')
        return { outcome: 'done' }
      case 'failed':
        outcomes.set(id, 'failed')
        throw new UnrecoverableError(result.error)
      case 'disk-full':
        leave.abort()
        return again('disk-full')
      case 'left':
        return cancelled ? this.#cancelled(id, outcomes) : again('left')
    }
    if (cancelled) return this.#cancelled(id, outcomes)
    if (leave.signal.aborted) return again('left')
    outcomes.set(id, 'crashed')
    // One that got further since its last crash has all its attempts again.
    const before = job.data.crashedAt ?? -1
    await job.updateData({ ...job.data, crashedAt: progress })
    if (progress > before && job.attemptsMade > 0) return again('crashed')
    throw new Error(
      `${why}${job.attemptsMade + 1 >= MAX_CRASHES ? `, ${MAX_CRASHES} times without getting further` : ''}`,
    )
  }

  async #note(job: BullJob, { progress, detail }: Noted): Promise<void> {
    await job.updateProgress({ progress, detail })
    const { spec, study } = job.data
    if (spec.kind !== 'cell' || study === undefined || progress < 1) return
    const parent = await this.#queue.getJob(idOf(study))
    const { done, total } = countRuns(declaredStudy(spec.study, this.#o.studies), path.resolve(spec.folder, spec.out))
    await parent?.updateProgress({ progress: done / total, detail: `${done}/${total} runs` })
  }

  async #view(job: BullJob): Promise<QueuedJob> {
    const id = numberOf(job.id)
    const state = await job.getState()
    const states: Partial<Record<typeof state, JobState>> = {
      active: 'running',
      completed: 'done',
      failed: 'failed',
      'waiting-children': 'running',
    }
    const given = states[state] ?? 'queued'
    const isStopping = (await this.#client.sismember(this.#key('stopping'), String(id))) === 1
    const hasLock = state !== 'active' || (await this.#client.exists(`${this.#queue.toKey(job.id!)}:lock`)) === 1
    const { progress, detail } = notedOf(job)
    return {
      id,
      name: job.name,
      spec: job.data.spec,
      target: job.data.target,
      state: given === 'done' && job.returnvalue?.outcome === 'cancelled' ? 'cancelled' : given,
      interrupted: !hasLock,
      cancelling: isStopping && given === 'running',
      progress: given === 'done' && job.returnvalue?.outcome === 'done' ? 1 : progress,
      detail,
      error: job.failedReason,
      crashes: job.attemptsMade,
      added: iso(job.timestamp)!,
      started: iso(job.processedOn),
      ended: iso(job.finishedOn),
    }
  }
}

interface Working {
  readonly options: RunOptions
  readonly outcomes: Map<number, Outcome | 'crashed'>
  readonly processes: Map<string, { stop(): void; kill(): void }>
  readonly leave: AbortController
}
