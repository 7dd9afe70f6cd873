/**
 * The queue of jobs: one SQLite file, a log and a lock a job beside it. A job's state changes in one transaction; who works on it
 * holds its lock, which ends with the process. So a job whose process was killed is `running` with a free lock, and the next runner
 * goes on with it.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { diskFull, isDiskFull } from '../net/disk.ts'
import { type Connection, loadSqlite, type Sqlite } from './database.ts'

export const DEFAULT_QUEUE = 'runs/jobs.sqlite'
/** A job whose process dies so often without getting further is given up. */
export const MAX_CRASHES = 3

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'

/** What a job is to do; paths are absolute or relative to `folder`. */
export type JobSpec =
  | { readonly kind: 'train'; readonly file: string; readonly text: string; readonly folder: string }
  | {
      readonly kind: 'study'
      readonly study: string
      readonly shared: string
      readonly out: string
      readonly folder: string
    }
  /** One run of a study whose grid is spread over workers. */
  | {
      readonly kind: 'cell'
      readonly study: string
      readonly shared: string
      readonly out: string
      readonly folder: string
      readonly key: string
    }

export interface QueuedJob {
  readonly id: number
  readonly name: string
  readonly spec: JobSpec
  /** What it writes to: no two waiting jobs share one. */
  readonly target: string
  readonly state: JobState
  /** `running`, but its process is gone: it goes on at the next run. */
  readonly interrupted: boolean
  /** Asked to stop. */
  readonly cancelling: boolean
  /** 0..1. */
  readonly progress: number
  readonly detail: string
  readonly error: string | undefined
  readonly crashes: number
  /** ISO times. */
  readonly added: string
  readonly started: string | undefined
  readonly ended: string | undefined
}

interface Row {
  id: number
  name: string
  spec: string
  target: string
  state: JobState
  cancel: number
  progress: number
  detail: string
  error: string | null
  crashes: number
  added: string
  started: string | null
  ended: string | null
}

const SCHEMA = `
create table if not exists jobs (
  id integer primary key autoincrement,
  name text not null,
  spec text not null,
  target text not null,
  state text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  cancel integer not null default 0,
  progress real not null default 0,
  detail text not null default '',
  error text,
  crashes integer not null default 0,
  crashed_at real not null default -1,
  added text not null,
  started text,
  ended text
) strict;
create index if not exists waiting on jobs (state, id);`
const VERSION = 1
const WAITING = `(state in ('queued', 'running'))`

/** Throws QUEUE_UNAVAILABLE, DISK_FULL. */
export async function openQueue(file: string): Promise<Queue> {
  const sqlite = await loadSqlite()
  const db = sqlite.open(file)
  const version = (db.prepare('pragma user_version').get() as { user_version: number }).user_version
  if (version > VERSION) {
    db.close()
    throw new SparsewaveError('QUEUE_UNAVAILABLE', `The queue ${file} was made by a newer version of sparsewave.`)
  }
  db.exec(`begin immediate; ${SCHEMA} pragma user_version = ${VERSION}; commit`)
  return new Queue(file, db, sqlite)
}

export class Queue {
  readonly file: string
  readonly #folder: string
  readonly #db: Connection
  readonly #sqlite: Sqlite

  constructor(file: string, db: Connection, sqlite: Sqlite) {
    this.file = file
    this.#db = db
    this.#sqlite = sqlite
    this.#folder = path.resolve(file.replace(/\.sqlite$/, ''))
    mkdirSync(this.#folder, { recursive: true })
  }

  logOf(id: number): string {
    return path.join(this.#folder, `${id}.log`)
  }

  /** Throws JOB_INVALID when a waiting job writes to the same place. */
  add(name: string, spec: JobSpec, target: string): number {
    return this.#write(() => {
      const other = this.#get(`select id from jobs where target = ? and ${WAITING}`, target)
      if (other) throw new SparsewaveError('JOB_INVALID', `Job ${other.id} already writes to ${target}.`)
      const row = this.#get(
        'insert into jobs (name, spec, target, added) values (?, ?, ?, ?) returning id',
        name,
        JSON.stringify(spec),
        target,
        now(),
      )
      return row!.id
    })
  }

  /** Waiting jobs, or all, in the order they run. */
  list({ all }: { all: boolean }): QueuedJob[] {
    const rows = this.#db.prepare(`select * from jobs ${all ? '' : `where ${WAITING}`} order by id`).all() as Row[]
    return rows.map((row) => this.#job(row))
  }

  /** Throws JOB_UNKNOWN. */
  job(id: number): QueuedJob {
    const row = this.#get('select * from jobs where id = ?', id)
    if (!row) throw new SparsewaveError('JOB_UNKNOWN', `There is no job ${id} in ${this.file}.`)
    return this.#job(row)
  }

  /** The newest job that writes to `target`. */
  find(target: string): QueuedJob | undefined {
    const row = this.#get('select * from jobs where target = ? order by id desc limit 1', target)
    return row && this.#job(row)
  }

  /** A job that was cancelled or has failed waits again, in its old place. Throws JOB_UNKNOWN, STATE_CONFLICT, JOB_INVALID. */
  requeue(id: number): void {
    const { target } = this.job(id)
    this.#write(() => {
      const other = this.#get(`select id from jobs where target = ? and id != ? and ${WAITING}`, target, id)
      if (other) throw new SparsewaveError('JOB_INVALID', `Job ${other.id} already writes to ${target}.`)
      const row = this.#get(
        `update jobs set state = 'queued', cancel = 0, crashes = 0, crashed_at = -1, error = null, ended = null
        where id = ? and state in ('cancelled', 'failed') returning id`,
        id,
      )
      if (!row) throw new SparsewaveError('STATE_CONFLICT', `Job ${id} is ${this.job(id).state}.`)
    })
  }

  /** Takes a job that has ended out of the list, with its log. Throws JOB_UNKNOWN, STATE_CONFLICT. */
  forget(id: number): void {
    const { state } = this.job(id)
    const row = this.#write(() => this.#get(`delete from jobs where id = ? and not ${WAITING} returning id`, id))
    if (!row) throw new SparsewaveError('STATE_CONFLICT', `Job ${id} is ${state}.`)
    rmSync(this.logOf(id), { force: true })
  }

  /** The first job that nobody works on. */
  next(): QueuedJob | undefined {
    return this.list({ all: false }).find((job) => job.state === 'queued' || job.interrupted)
  }

  /**
   * Takes a job for this process: `running` from now on, until `end` or the process's own end. Undefined when another has it, or
   * when it waits no longer. One that was asked to stop and whose process died before it did becomes `cancelled`.
   */
  claim(id: number): Claim | undefined {
    const lock = this.#sqlite.lock(this.#lockOf(id))
    if (!lock) return undefined
    try {
      const row = this.#write(() => {
        this.#get(
          `update jobs set state = 'cancelled', ended = ? where id = ? and ${WAITING} and cancel = 1 returning id`,
          now(),
          id,
        )
        return this.#get(
          `update jobs set state = 'running', started = coalesce(started, ?), error = null where id = ? and ${WAITING} returning *`,
          now(),
          id,
        )
      })
      if (row) return new Claim(this, this.#job(row), lock)
    } catch (error) {
      lock.release()
      throw error
    }
    lock.release()
    return undefined
  }

  /** Ends a job, now when nobody works on it; else its process is asked to. Gives the state it is in. Throws JOB_UNKNOWN. */
  cancel(id: number): JobState {
    const { state } = this.job(id)
    if (state !== 'queued' && state !== 'running') return state
    this.#write(() => this.#get(`update jobs set cancel = 1 where id = ? and ${WAITING} returning id`, id))
    this.claim(id)
    return this.job(id).state
  }

  isCancelled(id: number): boolean {
    return this.#get('select cancel from jobs where id = ?', id)?.cancel === 1
  }

  /** What only informs: lost without harm when the disk is full. */
  note(id: number, progress: number, detail: string): void {
    try {
      this.#write(() =>
        this.#get('update jobs set progress = ?, detail = ? where id = ? returning id', progress, detail, id),
      )
    } catch (error) {
      if (!isDiskFull(error)) throw error
    }
  }

  /** The process of a job died by itself. Gives whether the job is given up; false too when another process already goes on with it. */
  crashed(id: number, why: string): boolean {
    const lock = this.#sqlite.lock(this.#lockOf(id))
    if (!lock) return false
    try {
      const row = this.#write(() =>
        this.#get(
          `update jobs set crashes = iif(progress > crashed_at, 1, crashes + 1), crashed_at = progress, error = ?
          where id = ? and state = 'running' returning *`,
          why,
          id,
        ),
      )
      if (!row || row.crashes < MAX_CRASHES) return false
      this.end(id, 'failed', `${why}, ${row.crashes} times without getting further`)
      return true
    } finally {
      lock.release()
    }
  }

  end(id: number, state: JobState, error?: string): void {
    this.#write(() =>
      this.#get(
        `update jobs set state = ?, error = ?, ended = ?, progress = iif(? = 'done', 1, progress) where id = ? returning id`,
        state,
        error ?? null,
        state === 'queued' ? null : now(),
        state,
        id,
      ),
    )
    // Whoever still opens it finds a job that waits no longer.
    if (state !== 'queued') rmSync(this.#lockOf(id), { force: true })
  }

  close(): void {
    this.#db.close()
  }

  #lockOf(id: number): string {
    return path.join(this.#folder, `${id}.lock`)
  }

  #job(row: Row): QueuedJob {
    const { spec, cancel, error, started, ended, ...rest } = row
    const lock = this.#lockOf(row.id)
    return {
      id: rest.id,
      name: rest.name,
      spec: JSON.parse(spec) as JobSpec,
      target: rest.target,
      state: rest.state,
      interrupted: rest.state === 'running' && !(existsSync(lock) && this.#sqlite.isLocked(lock)),
      cancelling: cancel === 1 && rest.state === 'running',
      progress: rest.progress,
      detail: rest.detail,
      error: error ?? undefined,
      crashes: rest.crashes,
      added: rest.added,
      started: started ?? undefined,
      ended: ended ?? undefined,
    }
  }

  #get(sql: string, ...values: unknown[]): Row | undefined {
    return this.#db.prepare(sql).get(...values) as Row | undefined
  }

  #write<T>(change: () => T): T {
    try {
      return this.#db.transaction(change).immediate()
    } catch (error) {
      throw diskFull(error, this.file)
    }
  }
}

/** A job in the hands of this process. */
export class Claim {
  readonly #queue: Queue
  readonly job: QueuedJob
  readonly #lock: { release(): void }

  constructor(queue: Queue, job: QueuedJob, lock: { release(): void }) {
    this.#queue = queue
    this.job = job
    this.#lock = lock
  }

  /** `queued`: another run goes on with it. */
  end(state: JobState, error?: string): void {
    try {
      this.#queue.end(this.job.id, state, error)
    } finally {
      this.#lock.release()
    }
  }
}

const now = () => new Date().toISOString()
