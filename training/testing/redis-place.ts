/** Queues on one Redis server, each with a folder and a prefix of its own, and what works on them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { RedisServer } from 'sparsewave/internal/testing/redis'
import type { Task } from '../jobs/job.ts'
import { type NewJob, trainJob } from '../queue/add.ts'
import type { JobQueue } from '../queue/job-queue.ts'
import type { QueuedJob } from '../queue/queue.ts'
import { redisJobQueue } from '../queue/redis.ts'
import { TRAINING_ROOT } from '../root.ts'
import { countingStudy } from './counting-study.ts'
import { countingTask } from './counting-task.ts'

const WORKER = path.join(TRAINING_ROOT, 'dist/testing/redis-worker.js')
const PERFORM = path.join(TRAINING_ROOT, 'dist/testing/queue-worker.js')
const tasks = [countingTask as unknown as Task]
/** Milliseconds after which a worker that was killed loses its job. */
const LOCK = 1500
/** Arguments of node for a job's process. */
export const perform = (): readonly string[] => [PERFORM, 'perform']

export class RedisPlaces {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'redis-queue-'))
  readonly redis = new RedisServer()
  readonly #places: RedisPlace[] = []

  async open(): Promise<RedisPlace> {
    const prefix = `test-${this.#places.length + 1}`
    const folder = path.join(this.dir, prefix)
    mkdirSync(folder, { recursive: true })
    const { url } = this.redis
    const queue = await redisJobQueue({ url, folder, prefix, studies: [countingStudy], lockMilliseconds: LOCK })
    const place = new RedisPlace(queue, folder, prefix, url)
    this.#places.push(place)
    return place
  }

  async remove(): Promise<void> {
    for (const place of this.#places) await place.close()
    await this.redis.remove()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export class RedisPlace {
  readonly queue: JobQueue
  readonly folder: string
  readonly #prefix: string
  readonly #url: string
  readonly #workers = new Set<ChildProcess>()

  constructor(queue: JobQueue, folder: string, prefix: string, url: string) {
    this.queue = queue
    this.folder = folder
    this.#prefix = prefix
    this.#url = url
  }

  /** The training of a counting job in a folder of its own. */
  job(name: string, updates = 20, dies?: number): NewJob {
    // JSON is YAML.
    const job = { task: 'count', run: path.join(this.folder, name), updates, dies }
    writeFileSync(path.join(this.folder, `${name}.yaml`), JSON.stringify(job))
    return trainJob(`${name}.yaml`, { tasks, resume: true, folder: this.folder })
  }

  study(): NewJob {
    const { folder } = this
    return {
      name: 'study counting',
      spec: { kind: 'study', study: 'counting', shared: '.', out: 'out', folder },
      target: path.join(folder, 'out/data/counting.jsonl'),
    }
  }

  /** Works until nothing waits. Gives the outcomes in the order the jobs ended. */
  async work(): Promise<[number, string][]> {
    const ended: [number, string][] = []
    await this.queue.run({
      watch: false,
      signal: new AbortController().signal,
      command: perform,
      ended: ({ id }, outcome) => ended.push([id, outcome]),
    })
    return ended
  }

  startWorker(): ChildProcess {
    const args = [WORKER, this.#url, this.folder, this.#prefix, String(LOCK)]
    const worker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#workers.add(worker)
    worker.once('close', () => this.#workers.delete(worker))
    return worker
  }

  async stopWorkers(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await Promise.all(
      [...this.#workers].map(async (worker) => {
        worker.kill(signal)
        await once(worker, 'close')
      }),
    )
  }

  /** All jobs, when none waits or runs. Looks again whenever a worker says something. */
  async allEnded(): Promise<QueuedJob[]> {
    for (;;) {
      const spoken = Promise.race([...this.#workers].map((worker) => once(worker.stdout!, 'data')))
      const jobs = await this.queue.list({ all: true })
      if (jobs.every(({ state }) => state !== 'queued' && state !== 'running')) return jobs
      await spoken
    }
  }

  async close(): Promise<void> {
    await this.stopWorkers('SIGKILL')
    await this.queue.close()
  }
}
