/** Jobs are checked when they are added, and keep the job file's text: what is edited afterwards does not change them. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { readJob, type Task } from '../jobs/job.ts'
import { CHECKPOINT_FILE, PREVIOUS_FILE } from '../net/checkpoint-files.ts'
import { findStudy } from '../studies/index.ts'
import type { JobSpec, Queue } from './queue.ts'

/** A job as it is added to a queue. */
export interface NewJob {
  readonly name: string
  readonly spec: JobSpec
  /** What it writes to: no two waiting jobs share one. */
  readonly target: string
}

interface TrainOptions {
  readonly tasks: readonly Task[]
  readonly resume: boolean
  readonly folder?: string
}

interface StudyOptions {
  readonly shared: string
  readonly out: string
  readonly folder?: string
}

/**
 * The training of a job file; paths in it are relative to `folder`. Throws JOB_INVALID, also when its run folder has a checkpoint and
 * `resume` is not given.
 */
export function trainJob(file: string, { tasks, resume, folder = process.cwd() }: TrainOptions): NewJob {
  const { job } = readJob(path.resolve(folder, file), tasks)
  const run = path.resolve(folder, (job as { run: string }).run)
  if (!resume && [CHECKPOINT_FILE, PREVIOUS_FILE].some((name) => existsSync(path.join(run, name)))) {
    throw new SparsewaveError('JOB_INVALID', `${run} has a checkpoint already.`, {
      remedy: 'Add the job with --resume to go on from it, or give the job file another `run`.',
    })
  }
  const text = readFileSync(path.resolve(folder, file), 'utf8')
  return { name: `train ${file}`, spec: { kind: 'train', file, text, folder }, target: run }
}

/** A study, which goes on from the runs that its log has. Throws JOB_INVALID. */
export function studyJob(name: string, { shared, out, folder = process.cwd() }: StudyOptions): NewJob {
  const { name: study } = findStudy(name)
  const target = path.resolve(folder, out, 'data', `${study}.jsonl`)
  return { name: `study ${study}`, spec: { kind: 'study', study, shared, out, folder }, target }
}

const put = (queue: Queue, { name, spec, target }: NewJob): number => queue.add(name, spec, target)

/** Adds what `trainJob` makes. */
export const addTrainJob = (queue: Queue, file: string, options: TrainOptions): number =>
  put(queue, trainJob(file, options))

/** Adds what `studyJob` makes. */
export const addStudyJob = (queue: Queue, name: string, options: StudyOptions): number =>
  put(queue, studyJob(name, options))
