/** A kind of job that clients may ask for: what they may say, what the queue gets, and what comes out. */
import type { NewJob } from '../../queue/add.ts'
import type { ResultFile } from '../result.ts'

/** The folder of one job, and what of other objects it may use. All paths it gives lie below the folder. */
export interface Place {
  /** Absolute. */
  readonly folder: string
  /** Folder of the data sets that studies read. */
  readonly shared: string
  /** The recordings of the request's `training_file`. */
  readonly corpus: string
  /** Copies a further file's recordings into the folder. Throws FILE_UNKNOWN. */
  file(id: string, field: string): string
  /** Copies the newest checkpoint of another job, or names the folder of an installed voice. Throws JOB_UNKNOWN, VOICE_UNKNOWN. */
  start(reference: string, field: string): string
}

export interface JobKind {
  readonly name: string
  /** One sentence for the OpenAPI document. */
  readonly says: string
  /** Whether it needs a `training_file`. */
  readonly needsFile: boolean
  /** Checks what the client says of the job, and makes what the queue gets. Throws JOB_INVALID. */
  prepare(job: Readonly<Record<string, unknown>>, place: Place): NewJob
  /** The run's folder, below the job's, where it has checkpoints. */
  readonly run?: string
  /** Its log of JSON lines, below the job's folder. */
  log(job: Readonly<Record<string, unknown>>): string
  /** Whether each validation leaves samples and masks in the run's folder. */
  readonly hasSnapshots?: boolean
  /** The files of its result, from its folder. Throws CHECKPOINT_INVALID. */
  result(folder: string, job: Readonly<Record<string, unknown>>): ResultFile[]
}
