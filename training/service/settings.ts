/** Settings of training over HTTP, read once from the environment. */
import path from 'node:path'
import { parseEnvironment, whole } from 'sparsewave/internal/environment'
import { z } from 'zod'

const schema = z.object({
  SPARSEWAVE_TRAINING_FOLDER: z.string().min(1).default('runs/service'),
  SPARSEWAVE_TRAINING_SHARED: z.string().min(1).default('../shared'),
  SPARSEWAVE_TRAINING_FILE_MB: whole(1, 1e6).default(4096),
  SPARSEWAVE_TRAINING_QUOTA_MB: whole(1, 1e9).default(20_480),
  SPARSEWAVE_TRAINING_JOBS: whole(1, 1e6).default(16),
  SPARSEWAVE_TRAINING_DAYS: whole(1, 36_500).default(30),
  SPARSEWAVE_TRAINING_RUNNERS: whole(0, 256).default(1),
  SPARSEWAVE_TRAINING_QUEUE: z.string().min(1).optional(),
})

export interface Settings {
  /** Folder of everything that clients send and jobs write. */
  readonly folder: string
  /** Folder of the data sets that studies read. */
  readonly shared: string
  /** Largest archive, and largest contents of one. Bytes. */
  readonly fileBytes: number
  /** Of one key. Bytes. */
  readonly quotaBytes: number
  /** Jobs of one key that may wait or run. */
  readonly jobs: number
  /** Days after which files, and jobs that have ended, are deleted. */
  readonly days: number
  /** Jobs that this process runs at once. */
  readonly runners: number
  readonly queue: string
}

/** Throws USAGE naming each variable that is wrong. */
export function readSettings(env: Record<string, string | undefined> = process.env): Settings {
  const c = parseEnvironment(schema, env)
  return {
    folder: c.SPARSEWAVE_TRAINING_FOLDER,
    shared: c.SPARSEWAVE_TRAINING_SHARED,
    fileBytes: c.SPARSEWAVE_TRAINING_FILE_MB * 2 ** 20,
    quotaBytes: c.SPARSEWAVE_TRAINING_QUOTA_MB * 2 ** 20,
    jobs: c.SPARSEWAVE_TRAINING_JOBS,
    days: c.SPARSEWAVE_TRAINING_DAYS,
    runners: c.SPARSEWAVE_TRAINING_RUNNERS,
    queue: c.SPARSEWAVE_TRAINING_QUEUE ?? path.join(c.SPARSEWAVE_TRAINING_FOLDER, 'jobs.sqlite'),
  }
}
