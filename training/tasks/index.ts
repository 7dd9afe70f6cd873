/**
 * The registry of training tasks: one folder and one line each.
 */
import type { Task } from '../jobs/job.ts'
import { acousticJobSchema, trainAcoustic } from './acoustic/index.ts'
import { sparseWavernnJobSchema } from './sparse-wavernn/job.ts'
import { trainSparseWavernn } from './sparse-wavernn/train.ts'

/** Hides a task's own job type: `readJob` hands every task what its schema made. */
const task = <J>(t: Task<J>): Task => t as unknown as Task

export const TASKS: readonly Task[] = [
  task({ name: 'sparse-wavernn', ranks: true, schema: sparseWavernnJobSchema, run: trainSparseWavernn }),
  task({ name: 'acoustic', schema: acousticJobSchema, run: trainAcoustic }),
]
