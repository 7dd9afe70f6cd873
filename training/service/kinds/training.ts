/**
 * What the kinds that train from a job file share. A client writes the keys of docs/reference/job-file.md, but for those that name
 * places: these are the service's, and other jobs and files are named by id.
 */
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { parseJob } from '../../jobs/job.ts'
import type { NewJob } from '../../queue/add.ts'
import { TASKS } from '../../tasks/index.ts'
import { RequestError } from '../request-error.ts'
import type { Place } from './kind.ts'

export const RUN = 'run'
export const LOG = path.join(RUN, 'log.jsonl')
/** Keys that the service sets. */
const OURS = ['task', 'corpus', 'run', 'cache']
/** Counts of threads and processes: a stranger gets no more of them than there are cores. */
const THREADS = ['threads', 'workers', 'batchThreads']

/** The queue's job for a task. `starts`: keys that name another job or a voice; `files`: keys that list files. */
export function trainingJob(
  task: string,
  job: Readonly<Record<string, unknown>>,
  place: Place,
  { starts, files = [] }: { starts: readonly string[]; files?: readonly string[] },
): NewJob {
  const ours = OURS.find((key) => key in job)
  if (ours !== undefined)
    throw new RequestError('JOB_INVALID', `The key \`${ours}\` is set by the server.`, `job.${ours}`, {
      remedy: 'Leave it out.',
    })
  const cores = availableParallelism()
  const many = THREADS.find((key) => typeof job[key] === 'number' && (job[key] as number) > cores)
  if (many !== undefined)
    throw new RequestError(
      'JOB_INVALID',
      `\`${many}\` may be at most ${cores}, the cores of the server.`,
      `job.${many}`,
    )
  const set = { task, corpus: 'corpus', run: RUN, cache: 'cache' }
  // Checked with the names that the client wrote, before anything is copied for it.
  parseJob(JSON.stringify({ ...job, ...set }), 'job', TASKS)
  const resolved: Record<string, unknown> = {}
  for (const key of starts) if (typeof job[key] === 'string') resolved[key] = place.start(job[key], `job.${key}`)
  for (const key of files)
    if (Array.isArray(job[key])) resolved[key] = job[key].map((id, i) => place.file(String(id), `job.${key}.${i}`))
  const text = `${JSON.stringify({ ...job, ...resolved, ...set, corpus: place.corpus }, null, 2)}\n`
  parseJob(text, 'job', TASKS)
  return {
    name: `train ${path.basename(place.folder)}`,
    // JSON is YAML.
    spec: { kind: 'train', file: 'job.yaml', text, folder: place.folder },
    target: path.join(place.folder, RUN),
  }
}
