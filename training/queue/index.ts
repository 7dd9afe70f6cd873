/** The queue of jobs: what `sparsewave jobs` is made of. */
export { addStudyJob, addTrainJob, type NewJob, studyJob, trainJob } from './add.ts'
export { type JobSpec, type JobState, openQueue, type Queue, type QueuedJob } from './queue.ts'
export { runQueue } from './run.ts'
export { workOn } from './work.ts'
