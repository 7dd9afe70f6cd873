/** Jobs are checked when they are added, and keep the job file's text: what is edited afterwards does not change them. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { readJob, type Task } from '../jobs/job.ts'
import { CHECKPOINT_FILE, PREVIOUS_FILE } from '../net/checkpoint-files.ts'
import { findStudy } from '../studies/index.ts'
import type { Queue } from './queue.ts'

/**
 * Adds the training of a job file; paths in it are relative to `folder`. Throws JOB_INVALID, also when its run folder has a checkpoint
 * and `resume` is not given.
 */
export function addTrainJob(
  queue: Queue,
  file: string,
  { tasks, resume, folder = process.cwd() }: { tasks: readonly Task[]; resume: boolean; folder?: string },
): number {
  const { job } = readJob(path.resolve(folder, file), tasks)
  const run = path.resolve(folder, (job as { run: string }).run)
  if (!resume && [CHECKPOINT_FILE, PREVIOUS_FILE].some((name) => existsSync(path.join(run, name)))) {
    throw new SparsewaveError('JOB_INVALID', `${run} has a checkpoint already.`, {
      remedy: 'Add the job with --resume to go on from it, or give the job file another `run`.',
    })
  }
  const text = readFileSync(path.resolve(folder, file), 'utf8')
  return queue.add(`train ${file}`, { kind: 'train', file, text, folder }, run)
}

/** Adds a study, which goes on from the runs that its log has. Throws JOB_INVALID. */
export function addStudyJob(
  queue: Queue,
  name: string,
  { shared, out, folder = process.cwd() }: { shared: string; out: string; folder?: string },
): number {
  const { name: study } = findStudy(name)
  const target = path.resolve(folder, out, 'data', `${study}.jsonl`)
  return queue.add(`study ${study}`, { kind: 'study', study, shared, out, folder }, target)
}
