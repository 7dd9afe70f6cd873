/**
 * Jobs of clients: a folder each, with all that it reads and writes, and an entry in the queue. The folder is made first, so that a
 * server that dies in between finds the job again and queues it.
 */
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { readVoice } from 'sparsewave/internal/voices/index'
import { z } from 'zod'
import { CHECKPOINT_FILE, PREVIOUS_FILE } from '../net/checkpoint-files.ts'
import type { NewJob } from '../queue/add.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { QueuedJob } from '../queue/queue.ts'
import { checkpointUpdate } from './checkpoints.ts'
import { addEvent, lastTraining } from './events.ts'
import type { Files } from './files.ts'
import { JOB_KINDS, kindOf } from './kinds/index.ts'
import type { Place } from './kinds/kind.ts'
import { parseBody, RequestError, withoutPaths } from './request-error.ts'
import { dropResult, packResult } from './result.ts'
import { type Meta, type Store, seconds } from './store.ts'

export interface JobMeta extends Meta {
  readonly kind: string
  readonly training_file: string | null
  /** As the client wrote it. */
  readonly job: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, string>>
  /** What the queue gets, or has got. */
  readonly plan: NewJob
  /** Its number in the queue. */
  readonly queued?: number
}

export const createJobSchema = z.strictObject({
  kind: z
    .string()
    .min(1)
    .max(64)
    .meta({ description: 'What to train.', enum: JOB_KINDS.map(({ name }) => name) }),
  training_file: z
    .string()
    .max(64)
    .meta({ description: 'Id of the recordings.', pattern: '^file-[0-9a-f]{24}$' })
    .optional(),
  job: z
    .record(z.string().max(64), z.unknown())
    .default({})
    .describe('Keys of the job file. The server sets those that name places.'),
  metadata: z
    .record(z.string().min(1).max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= 16, 'at most 16 pairs')
    .default({})
    .describe('Up to 16 pairs of strings, given back with the job.'),
})

export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
const STATUS: Record<QueuedJob['state'], JobStatus> = {
  queued: 'queued',
  running: 'running',
  done: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
}
export const hasEnded = (status: JobStatus): boolean => status !== 'queued' && status !== 'running'

const toSeconds = (iso: string | undefined): number | null =>
  iso === undefined ? null : Math.floor(Date.parse(iso) / 1000)

export interface JobsOptions {
  readonly store: Store
  readonly files: Files
  readonly queue: JobQueue
  /** Absolute. */
  readonly shared: string
  /** Jobs of one owner that may wait or run. */
  readonly waiting: number
  left(owner: string): number
}

export class Jobs {
  readonly #o: JobsOptions

  constructor(options: JobsOptions) {
    this.#o = options
  }

  async create(body: unknown, owner: string, key: string | undefined): Promise<JobMeta> {
    const { store, files } = this.#o
    const { kind: name, training_file, job, metadata } = parseBody(createJobSchema, body)
    const kind = kindOf(name)
    if (kind.needsFile && training_file === undefined)
      throw new RequestError('REQUEST_INVALID', `A job of kind ${name} needs a \`training_file\`.`, 'training_file')
    if (!kind.needsFile && training_file !== undefined)
      throw new RequestError('REQUEST_INVALID', `A job of kind ${name} takes no \`training_file\`.`, 'training_file')
    if (training_file !== undefined) files.get(training_file, owner)
    if (this.#o.left(owner) <= 0)
      throw new RequestError('QUOTA_EXCEEDED', 'The files and jobs of this key have used up its disk quota.')
    const request = JSON.stringify(['job', name, training_file, job, metadata])
    let isNew = false
    const meta = await store.create<JobMeta>('job', { owner, key, request }, async (own, folder) => {
      isNew = true
      await this.#checkWaiting(owner)
      const plan = kind.prepare(job, this.#place(folder, owner, training_file))
      return { ...own, kind: name, training_file: training_file ?? null, job, metadata, plan }
    })
    if (isNew) addEvent(store.folder(meta.id), 'info', 'The job was created.')
    return this.#enqueue(meta)
  }

  get(id: string, owner: string): JobMeta {
    const found = this.#o.store.read<JobMeta>('job', id, owner)
    if (!found) throw new RequestError('JOB_UNKNOWN', 'There is no such job.')
    return found
  }

  list = (owner?: string): JobMeta[] => this.#o.store.list<JobMeta>('job', owner)

  /** Puts jobs into the queue that a server which died had not put there yet. */
  async recover(): Promise<void> {
    for (const meta of this.list()) if (meta.queued === undefined) await this.#enqueue(meta)
  }

  async cancel(id: string, owner: string): Promise<JobMeta> {
    const meta = await this.#enqueue(this.get(id, owner))
    const before = await this.#o.queue.job(meta.queued!)
    if (hasEnded(STATUS[before.state]))
      throw new RequestError('STATE_CONFLICT', `The job has ended: ${STATUS[before.state]}.`)
    await this.stop(meta, 'The job was cancelled.')
    return meta
  }

  /** Cancels on the server's own account. */
  async stop(meta: JobMeta, why: string): Promise<void> {
    await this.#o.queue.cancel(meta.queued!)
    addEvent(this.#o.store.folder(meta.id), 'info', why)
  }

  async resume(id: string, owner: string): Promise<JobMeta> {
    const meta = this.get(id, owner)
    const status = await this.status(meta)
    if (status !== 'cancelled' && status !== 'failed')
      throw new RequestError(
        'STATE_CONFLICT',
        `The job is ${status}. Only one that was cancelled or has failed goes on.`,
      )
    if (this.#o.left(owner) <= 0)
      throw new RequestError('QUOTA_EXCEEDED', 'The files and jobs of this key have used up its disk quota.')
    await this.#checkWaiting(owner)
    dropResult(this.#o.store.folder(id))
    await this.#o.queue.requeue(meta.queued!)
    addEvent(this.#o.store.folder(id), 'info', 'The job goes on.')
    return meta
  }

  async remove(id: string, owner: string): Promise<void> {
    const meta = this.get(id, owner)
    const status = await this.status(meta)
    if (!hasEnded(status))
      throw new RequestError('STATE_CONFLICT', `The job is ${status}.`, null, { remedy: 'Cancel it first.' })
    await this.forget(meta)
  }

  async forget(meta: JobMeta): Promise<void> {
    if (meta.queued !== undefined)
      await this.#o.queue.forget(meta.queued).catch((error) => {
        if ((error as SparsewaveError).code !== 'JOB_UNKNOWN') throw error
      })
    this.#o.store.remove(meta.id)
  }

  async status(meta: JobMeta): Promise<JobStatus> {
    const entry = await this.entry(meta)
    return entry ? STATUS[entry.state] : 'queued'
  }

  /** Its entry in the queue; undefined for a moment after it was made. */
  async entry(meta: JobMeta): Promise<QueuedJob | undefined> {
    return meta.queued === undefined ? undefined : this.#o.queue.job(meta.queued).catch(() => undefined)
  }

  /** Entries of all jobs by number, for lists. */
  async entries(): Promise<Map<number, QueuedJob>> {
    return new Map((await this.#o.queue.list({ all: true })).map((entry) => [entry.id, entry]))
  }

  /** A job as clients see it. */
  view(meta: JobMeta, entry: QueuedJob | undefined) {
    const { id, kind, created_at, training_file, job, metadata } = meta
    const status = entry ? STATUS[entry.state] : 'queued'
    const folder = this.#o.store.folder(id)
    const log = path.join(folder, kindOf(kind).log(job))
    const trained = lastTraining(log)
    const progress = entry?.progress ?? 0
    const started = toSeconds(entry?.started)
    const spent = trained?.wallSeconds ?? (started === null ? undefined : Date.now() / 1000 - started)
    const left = spent !== undefined && progress > 0.001 ? (spent * (1 - progress)) / progress : undefined
    return {
      id,
      object: 'training.job' as const,
      kind,
      created_at,
      started_at: started,
      finished_at: toSeconds(entry?.ended),
      estimated_finish: status === 'running' && left !== undefined ? Math.round(seconds() + left) : null,
      status,
      progress,
      detail: entry?.detail ?? '',
      interrupted: entry?.interrupted ?? false,
      training_file,
      job,
      metadata,
      trained_steps: trained?.update ?? null,
      loss: trained?.loss ?? null,
      validation_loss: trained?.validationLoss ?? null,
      result: status === 'succeeded' ? `/v1/training/jobs/${id}/result` : null,
      error:
        status === 'failed' && entry?.error !== undefined
          ? { code: 'job_failed', message: withoutPaths(entry.error, this.#o.store.root) }
          : null,
    }
  }

  /** Newest first: the run's checkpoints, with their files. */
  checkpoints(meta: JobMeta) {
    const { run } = kindOf(meta.kind)
    if (run === undefined) return []
    const folder = path.join(this.#o.store.folder(meta.id), run)
    return [CHECKPOINT_FILE, PREVIOUS_FILE].flatMap((name) => {
      const file = path.join(folder, name)
      const stat = statSync(file, { throwIfNoEntry: false })
      const update = stat && checkpointUpdate(file)
      if (!stat || update === undefined) return []
      const view = {
        id: `step-${update}`,
        object: 'training.job.checkpoint' as const,
        created_at: Math.floor(stat.mtimeMs / 1000),
        training_job_id: meta.id,
        step_number: update,
        bytes: stat.size,
      }
      return [{ view, file }]
    })
  }

  /** The package of the result. Throws STATE_CONFLICT while the job has not ended well. */
  async result(meta: JobMeta): Promise<string> {
    const status = await this.status(meta)
    if (status !== 'succeeded')
      throw new RequestError('STATE_CONFLICT', `The job is ${status}, and only one that has succeeded has a result.`)
    const folder = this.#o.store.folder(meta.id)
    const kind = kindOf(meta.kind)
    const card = { id: meta.id, kind: meta.kind, created_at: meta.created_at, metadata: meta.metadata, job: meta.job }
    return packResult(folder, meta.id, () => [
      { name: 'job.json', bytes: Buffer.from(`${JSON.stringify(card, null, 2)}\n`) },
      ...kind.result(folder, meta.job),
    ])
  }

  async #checkWaiting(owner: string): Promise<void> {
    const entries = await this.entries()
    const waiting = this.list(owner).filter(({ queued }) => {
      const entry = queued === undefined ? undefined : entries.get(queued)
      return !entry || !hasEnded(STATUS[entry.state])
    })
    if (waiting.length >= this.#o.waiting)
      throw new RequestError('SERVER_BUSY', `${waiting.length} jobs of this key wait or run, and no more may.`, null, {
        remedy: 'Wait until one has ended, or cancel one.',
      })
  }

  async #enqueue(meta: JobMeta): Promise<JobMeta> {
    if (meta.queued !== undefined) return meta
    const { queue, store } = this.#o
    const id =
      (await queue.find(meta.plan.target))?.id ??
      (await queue.add(meta.plan).catch(async (error) => {
        // Another request was faster.
        const other = await queue.find(meta.plan.target)
        if (!other) throw error
        return other.id
      }))
    const queued = { ...meta, queued: id }
    store.write(queued)
    return queued
  }

  #place(folder: string, owner: string, file: string | undefined): Place {
    const { store, files, shared } = this.#o
    const take = (id: string, to: string): string => {
      const { corpus } = files.get(id, owner)
      linkTree(path.join(store.folder(id), corpus), path.join(folder, to))
      return to
    }
    return {
      folder,
      shared,
      get corpus() {
        return take(file!, 'corpus')
      },
      file: (id, field) => {
        try {
          return take(id, path.join('more', id))
        } catch (error) {
          if (error instanceof SparsewaveError)
            throw new RequestError('FILE_UNKNOWN', `There is no file ${id.slice(0, 64)}.`, field)
          throw error
        }
      },
      start: (reference, field) => {
        if (!reference.startsWith('job-')) return voiceFolder(reference, field)
        const other = store.read<JobMeta>('job', reference, owner)
        const newest = other && this.checkpoints(other)[0]
        if (!newest)
          throw new RequestError('JOB_UNKNOWN', `There is no job ${reference.slice(0, 64)} with a checkpoint.`, field)
        mkdirSync(path.join(folder, 'from'), { recursive: true })
        const to = path.join('from', `${reference}.safetensors`)
        // A checkpoint is replaced by another file, never written over, so this one stays what it is.
        if (!existsSync(path.join(folder, to))) linkOrCopy(newest.file, path.join(folder, to))
        return to
      },
    }
  }
}

function voiceFolder(name: string, field: string): string {
  // A name, never a path.
  if (!/^[\w][\w.-]{0,63}$/.test(name))
    throw new RequestError('VOICE_UNKNOWN', 'This is neither a job nor a voice.', field)
  try {
    return readVoice(name).dir
  } catch (error) {
    if (error instanceof SparsewaveError && error.code === 'VOICE_UNKNOWN')
      throw new RequestError('VOICE_UNKNOWN', `There is no voice ${name}.`, field, {
        remedy: '`GET /v1/audio/voices` lists the voices there are.',
      })
    throw error
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to)
  }
}

/** The same files under another folder. They are never written again, so hard links do. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)]
    if (entry.isDirectory()) linkTree(source, target)
    else if (entry.isFile()) linkOrCopy(source, target)
  }
}
