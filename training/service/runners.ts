/** Works on the queue beside the service: each job in a process of its own, at a lower priority than speech. */
import { setTimeout as wait } from 'node:timers/promises'
import type { JobQueue } from '../queue/job-queue.ts'

const NICE = 10
/** Milliseconds before another try where the disk was full, or the queue could not be read. */
const AGAIN = 30_000

export async function runJobs(
  queue: JobQueue,
  count: number,
  {
    signal,
    log,
    command,
  }: { signal: AbortSignal; log(line: string): void; command?: (id: number) => readonly string[] },
): Promise<void> {
  const runner = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await queue.run({
          watch: true,
          signal,
          nice: NICE,
          ...(command && { command }),
          started: (job) => log(`Training job ${job.id} (${job.name}) runs.`),
          ended: (job, outcome) =>
            log(`Training job ${job.id} (${job.name}): ${outcome}${job.error ? `: ${job.error}` : ''}`),
        })
        if (!signal.aborted) log('Training waits: the disk is full.')
      } catch (error) {
        log(`The queue of training jobs failed: ${(error as Error).message}`)
      }
      await wait(AGAIN, undefined, { signal }).catch(() => {})
    }
  }
  await Promise.all(Array.from({ length: count }, runner))
}
