/** Training over HTTP as Prometheus sees it: jobs by state, where those that run are, and the disk. Read at each scrape. */
import { statSync } from 'node:fs'
import { Gauge, Registry } from 'prom-client'
import type { QueuedJob } from '../queue/queue.ts'
import { eventsAfter, lastTraining, type Position, START } from './events.ts'

export interface JobReading {
  readonly id: string
  readonly kind: string
  readonly folder: string
  readonly log: string
  readonly entry: QueuedJob | undefined
}

export interface Readings {
  jobs(): Promise<readonly JobReading[]>
  /** Bytes. */
  disk(): { readonly used: number; readonly free: number }
}

const STATES = {
  queued: 'queued',
  running: 'running',
  done: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
} as const

export function createServiceMetrics(readings: Readings): () => Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames, registers })
  const count = gauge('train_jobs', 'Jobs by state', ['state'])
  const labels = ['job', 'kind'] as const
  const step = gauge('train_step', 'Updates done', labels)
  const progress = gauge('train_job_progress_ratio', 'Share of the job that is done', labels)
  const silent = gauge('train_job_silent_seconds', 'Time since the last line of the log of a job that runs', labels)
  const diverged = gauge(
    'train_divergences_total',
    'Returns of a run to its checkpoint after a loss that is not finite',
    labels,
  )
  const loss = gauge('train_loss', "The task's loss; split: train (smoothed) or validation", [
    ...labels,
    'split',
  ] as const)
  const used = gauge('train_disk_used_bytes', 'Disk taken by files and jobs')
  const free = gauge('train_disk_free_bytes', 'Free disk where they lie')
  const seen = new Map<string, { at: Position; divergences: number }>()

  return async () => {
    const jobs = await readings.jobs()
    for (const one of [count, step, progress, silent, diverged, loss]) one.reset()
    for (const state of Object.values(STATES)) count.set({ state }, 0)
    for (const { id: job, kind, folder, log, entry } of jobs) {
      const state = STATES[entry?.state ?? 'queued']
      count.inc({ state })
      if (entry?.state !== 'running') {
        seen.delete(job)
        continue
      }
      const of = { job, kind }
      progress.set(of, entry.progress)
      const trained = lastTraining(log)
      if (trained) step.set(of, trained.update)
      if (trained?.loss !== undefined) loss.set({ ...of, split: 'train' }, trained.loss)
      if (trained?.validationLoss !== undefined) loss.set({ ...of, split: 'validation' }, trained.validationLoss)
      const spoke = statSync(log, { throwIfNoEntry: false })?.mtimeMs ?? Date.parse(entry.started ?? entry.added)
      silent.set(of, Math.max(0, (Date.now() - spoke) / 1000))
      const before = seen.get(job) ?? { at: START, divergences: 0 }
      const { events, at } = eventsAfter(folder, log, before.at)
      const divergences = before.divergences + events.filter(({ data }) => data?.event === 'diverged').length
      seen.set(job, { at, divergences })
      diverged.set(of, divergences)
    }
    const disk = readings.disk()
    used.set(disk.used)
    if (Number.isFinite(disk.free)) free.set(disk.free)
    return registry.metrics()
  }
}
