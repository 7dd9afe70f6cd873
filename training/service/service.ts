/**
 * Training over HTTP: files, jobs and their results as an extension of the server. The server has let the caller in before it
 * gets here. Every object belongs to the key that made it.
 */
import { createHash } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import path from 'node:path'
import express, { type Request, type RequestHandler, type Response, type Router } from 'express'
import type { HttpExtension } from 'sparsewave/internal/extension'
import type { JobQueue } from '../queue/job-queue.ts'
import { TRAINING_ROOT } from '../root.ts'
import { allEvents, eventsAfter, positionOf, streamEvents } from './events.ts'
import { Files, type UploadMeta } from './files.ts'
import { hasEnded, type JobMeta, Jobs } from './jobs.ts'
import { kindOf } from './kinds/index.ts'
import { createServiceMetrics } from './metrics.ts'
import { trainingPaths, trainingSchemas } from './openapi.ts'
import { publicly, RequestError } from './request-error.ts'
import { runJobs } from './runners.ts'
import type { Settings } from './settings.ts'
import { snapshotFile, snapshotsOf } from './snapshots.ts'
import { Store, seconds } from './store.ts'

/** Milliseconds between looks at what has expired and how full the disk is. */
const SWEEP = 60_000
/** Free bytes below which nothing is taken in. */
const RESERVE = 256 * 2 ** 20
/** Streams of events that one key may have open. */
const STREAMS = 32
/** Largest JSON body. */
const BODY = '1mb'

export interface ServiceOptions {
  readonly settings: Settings
  readonly queue: JobQueue
  log(line: string): void
  /** Arguments of node for the process of a job; tests give their own. */
  readonly command?: (id: number) => readonly string[]
}

export interface TrainingService extends HttpExtension {
  /** Deletes what has expired and counts what is there; done every minute. */
  sweep(): Promise<void>
}

/** Opens the folder, queues what a server that died had not, starts the runners. Throws DISK_FULL, QUEUE_UNAVAILABLE. */
export async function createTrainingService({
  settings,
  queue,
  log,
  command,
}: ServiceOptions): Promise<TrainingService> {
  const store = new Store(settings.folder)
  let used = await store.usage()
  let free = Number.POSITIVE_INFINITY
  const left = (owner: string): number =>
    Math.max(0, Math.min(settings.quotaBytes - (used.get(owner) ?? 0), free - RESERVE))
  const wrote = (owner: string, bytes: number): void => {
    used.set(owner, (used.get(owner) ?? 0) + bytes)
    free -= bytes
  }
  const files = new Files({ store, fileBytes: settings.fileBytes, days: settings.days, left, wrote })
  const shared = path.resolve(settings.shared)
  const jobs = new Jobs({ store, files, queue, shared, waiting: settings.jobs, left })
  const stop = new AbortController()

  async function sweep(): Promise<void> {
    const oldest = seconds() - settings.days * 86_400
    for (const file of store.list('file')) if (file.created_at < oldest) store.remove(file.id)
    for (const upload of store.list<UploadMeta>('upload')) if (Files.isExpired(upload)) store.remove(upload.id)
    store.removeAbandoned()
    await jobs.recover()
    const entries = await jobs.entries()
    for (const job of jobs.list()) {
      const entry = entries.get(job.queued!)
      if (entry?.ended !== undefined && Date.parse(entry.ended) / 1000 < oldest) await jobs.forget(job)
    }
    used = await store.usage()
    const { bavail, bsize } = await statfs(store.root)
    free = bavail * bsize
    for (const job of jobs.list())
      if (entries.get(job.queued!)?.state === 'running' && (used.get(job.owner) ?? 0) > settings.quotaBytes)
        await jobs.stop(job, 'The job was stopped: the disk quota of its key is used up.')
  }
  await sweep()
  const timer = setInterval(() => {
    sweep().catch((error) => log(`Expired files of training could not be deleted: ${(error as Error).message}`))
  }, SWEEP)
  timer.unref()
  const running = runJobs(queue, settings.runners, { signal: stop.signal, log, ...(command && { command }) })

  const metrics = createServiceMetrics({
    async jobs() {
      const entries = await jobs.entries()
      return jobs.list().map((meta) => {
        const folder = store.folder(meta.id)
        const log = path.join(folder, kindOf(meta.kind).log(meta.job))
        return { id: meta.id, kind: meta.kind, folder, log, entry: entries.get(meta.queued ?? -1) }
      })
    },
    disk: () => ({ used: [...used.values()].reduce((a, b) => a + b, 0), free }),
  })
  let closing: Promise<void> | undefined
  const router = routes({ store, files, jobs, signal: stop.signal })
  return {
    paths: /^\/(?:v1\/(?:files|uploads|training)|training)(?:\/|$)/,
    open: /^\/training(?:\/|$)/,
    page: '/training/',
    scope: 'train',
    handler: (request, response, next) =>
      router(request as Request, response as Response, (error?: unknown) => {
        // `router` is the name of a way to go on, no fault.
        if (error === undefined || error === 'router') next()
        else next(publicly(error, store.root))
      }),
    openApi: { paths: trainingPaths, schemas: trainingSchemas },
    sweep,
    metrics,
    close() {
      closing ??= (async () => {
        clearInterval(timer)
        stop.abort()
        await running
        await queue.close()
      })()
      return closing
    },
  }
}

/** The page. It asks for a key, and for all else with it. */
const PAGE = path.join(TRAINING_ROOT, 'service', 'web')

interface Parts {
  readonly store: Store
  readonly files: Files
  readonly jobs: Jobs
  readonly signal: AbortSignal
}

const ownerOf = (response: Response): string => (response.locals.caller as { name: string }).name

/** The header of requests that may be sent again. Throws REQUEST_INVALID. */
function idempotencyKey(request: Request): string | undefined {
  const key = request.get('idempotency-key')
  if (key === undefined) return undefined
  if (key.length >= 1 && key.length <= 255) return createHash('sha256').update(key).digest('hex')
  throw new RequestError('REQUEST_INVALID', 'The Idempotency-Key must have 1 to 255 characters.', 'Idempotency-Key')
}

/** One page of a list. Throws REQUEST_INVALID. */
function page<T extends { id: string }>(all: readonly T[], request: Request): { data: T[]; has_more: boolean } {
  const { limit: asked, after } = request.query
  const limit = asked === undefined ? 20 : Number(asked)
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw new RequestError('REQUEST_INVALID', '`limit` must be a whole number from 1 to 100.', 'limit')
  let from = 0
  if (after !== undefined && after !== '') {
    const at = all.findIndex(({ id }) => id === after)
    if (at < 0) throw new RequestError('REQUEST_INVALID', '`after` is no id of this list.', 'after')
    from = at + 1
  }
  return { data: all.slice(from, from + limit), has_more: from + limit < all.length }
}

const list = <T extends { id: string }>({ data, has_more }: { data: readonly T[]; has_more: boolean }) => ({
  object: 'list' as const,
  data,
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more,
})

function routes({ store, files, jobs, signal }: Parts): Router {
  const router = express.Router()
  const json = express.json({ limit: BODY, type: () => true })
  const streams = new Map<string, number>()
  router.use(
    '/training',
    express.static(PAGE, { setHeaders: (res: Response) => void res.setHeader('Cache-Control', 'no-cache') }),
  )

  const route = (
    at: string,
    handlers: { get?: RequestHandler[]; post?: RequestHandler[]; delete?: RequestHandler[] },
  ): void => {
    const made = router.route(at)
    const methods = (['get', 'post', 'delete'] as const).filter((method) => handlers[method])
    for (const method of methods) made[method](...handlers[method]!)
    const allowed = methods.map((method) => method.toUpperCase()).join(', ')
    made.all((request, response) => {
      const message = `${request.method} is not allowed here; ${allowed} is.`
      response.set('Allow', allowed).status(405)
      response.json({ error: { message, type: 'invalid_request_error', param: null, code: 'method_not_allowed' } })
    })
  }

  route('/v1/files', {
    post: [
      async (req, res) => {
        res.json(files.view(await files.receive(req, ownerOf(res), idempotencyKey(req))))
      },
    ],
    get: [
      (req, res) => {
        const { data, has_more } = page(files.list(ownerOf(res)), req)
        res.json(list({ data: data.map((meta) => files.view(meta)), has_more }))
      },
    ],
  })
  route('/v1/files/:file', {
    get: [(req, res) => void res.json(files.view(files.get(String(req.params.file), ownerOf(res))))],
    delete: [
      (req, res) => {
        const id = String(req.params.file)
        files.remove(id, ownerOf(res))
        res.json({ id, object: 'file', deleted: true })
      },
    ],
  })
  route('/v1/uploads', {
    post: [
      json,
      async (req, res) => {
        res.json(files.viewUpload(await files.createUpload(req.body, ownerOf(res), idempotencyKey(req))))
      },
    ],
  })
  route('/v1/uploads/:upload', {
    get: [(req, res) => void res.json(files.viewUpload(files.upload(String(req.params.upload), ownerOf(res))))],
  })
  route('/v1/uploads/:upload/parts', {
    post: [async (req, res) => void res.json(await files.part(String(req.params.upload), req, ownerOf(res)))],
  })
  route('/v1/uploads/:upload/complete', {
    post: [
      json,
      async (req, res) => {
        res.json(files.viewUpload(await files.complete(String(req.params.upload), req.body, ownerOf(res))))
      },
    ],
  })
  route('/v1/uploads/:upload/cancel', {
    post: [(req, res) => void res.json(files.viewUpload(files.cancelUpload(String(req.params.upload), ownerOf(res))))],
  })

  const jobOf = (req: Request, res: Response): JobMeta => jobs.get(String(req.params.job), ownerOf(res))
  const answer = async (res: Response, meta: JobMeta): Promise<void> => {
    res.json(jobs.view(meta, await jobs.entry(meta)))
  }
  route('/v1/training/jobs', {
    post: [json, async (req, res) => answer(res, await jobs.create(req.body, ownerOf(res), idempotencyKey(req)))],
    get: [
      async (req, res) => {
        const { data, has_more } = page(jobs.list(ownerOf(res)), req)
        const entries = await jobs.entries()
        res.json(list({ data: data.map((meta) => jobs.view(meta, entries.get(meta.queued ?? -1))), has_more }))
      },
    ],
  })
  route('/v1/training/jobs/:job', {
    get: [async (req, res) => answer(res, jobOf(req, res))],
    delete: [
      async (req, res) => {
        const id = String(req.params.job)
        await jobs.remove(id, ownerOf(res))
        res.json({ id, object: 'training.job', deleted: true })
      },
    ],
  })
  route('/v1/training/jobs/:job/cancel', {
    post: [async (req, res) => answer(res, await jobs.cancel(String(req.params.job), ownerOf(res)))],
  })
  route('/v1/training/jobs/:job/resume', {
    post: [async (req, res) => answer(res, await jobs.resume(String(req.params.job), ownerOf(res)))],
  })
  route('/v1/training/jobs/:job/events', {
    get: [
      async (req, res) => {
        const meta = jobOf(req, res)
        const folder = store.folder(meta.id)
        const log = path.join(folder, kindOf(meta.kind).log(meta.job))
        if (req.query.stream !== 'true' && !/\btext\/event-stream\b/.test(req.get('accept') ?? '')) {
          res.json(list(page(allEvents(folder, log).reverse(), req)))
          return
        }
        const owner = ownerOf(res)
        const open = streams.get(owner) ?? 0
        if (open >= STREAMS)
          throw new RequestError('SERVER_BUSY', `This key has ${open} streams of events open.`, null, {
            remedy: 'Close one.',
          })
        streams.set(owner, open + 1)
        res.once('close', () => streams.set(owner, streams.get(owner)! - 1))
        await streamEvents(res, positionOf(req.get('last-event-id')), {
          signal,
          read: (at) => eventsAfter(folder, log, at),
          async view() {
            const job = jobs.view(meta, await jobs.entry(meta))
            return { job, ended: hasEnded(job.status) }
          },
        })
      },
    ],
  })
  route('/v1/training/jobs/:job/checkpoints', {
    get: [
      (req, res) => {
        const data = jobs.checkpoints(jobOf(req, res)).map(({ view }) => view)
        res.json(list({ data, has_more: false }))
      },
    ],
  })
  const send = (res: Response, file: string, type: string, name: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = {
        'Content-Type': type,
        'Content-Disposition': `attachment; filename="${name}"`,
        'Cache-Control': 'no-cache',
      }
      res.sendFile(file, { dotfiles: 'allow', headers }, (error) => {
        // A client that goes away is no fault.
        if (!error || res.headersSent) resolve()
        else reject(error)
      })
    })
  route('/v1/training/jobs/:job/checkpoints/:checkpoint/content', {
    get: [
      async (req, res) => {
        const meta = jobOf(req, res)
        const found = jobs.checkpoints(meta).find(({ view }) => view.id === req.params.checkpoint)
        if (!found)
          throw new RequestError('FILE_UNKNOWN', 'The job has no such checkpoint.', null, {
            remedy: 'List its checkpoints.',
          })
        await send(res, found.file, 'application/octet-stream', `${meta.id}-${found.view.id}.safetensors`)
      },
    ],
  })
  const runOf = (req: Request, res: Response): { meta: JobMeta; run: string | undefined } => {
    const meta = jobOf(req, res)
    const { run, hasSnapshots } = kindOf(meta.kind)
    return { meta, run: run !== undefined && hasSnapshots ? path.join(store.folder(meta.id), run) : undefined }
  }
  route('/v1/training/jobs/:job/validations', {
    get: [
      (req, res) => {
        const { meta, run } = runOf(req, res)
        const data = run === undefined ? [] : snapshotsOf(run, `/v1/training/jobs/${meta.id}`)
        res.json(list({ data, has_more: false }))
      },
    ],
  })
  const sendSnapshot =
    (type: string): RequestHandler =>
    async (req, res) => {
      const { meta, run } = runOf(req, res)
      const [step, utterance] = [req.params.validation, req.params.utterance].map((value) => value && String(value))
      const file = run === undefined ? undefined : snapshotFile(run, step, utterance)
      if (file === undefined)
        throw new RequestError('FILE_UNKNOWN', 'The job has no such validation.', null, {
          remedy: 'List its validations.',
        })
      await send(res, file, type, `${meta.id}-${step ?? 'recording'}-${path.basename(file)}`)
    }
  route('/v1/training/jobs/:job/validations/:validation/masks', { get: [sendSnapshot('application/json')] })
  route('/v1/training/jobs/:job/validations/:validation/samples/:utterance', { get: [sendSnapshot('audio/wav')] })
  route('/v1/training/jobs/:job/recordings/:utterance', { get: [sendSnapshot('audio/wav')] })
  route('/v1/training/jobs/:job/result', {
    get: [
      async (req, res) => {
        const meta = jobOf(req, res)
        await send(res, await jobs.result(meta), 'application/x-tar', `${meta.id}.tar`)
      },
    ],
  })
  return router
}
