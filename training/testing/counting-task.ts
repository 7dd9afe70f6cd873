/** A task that costs nothing and remembers everything: it counts, with a checkpoint every few updates and a line of log each. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Task } from '../jobs/job.ts'
import { newestCheckpoint, saveCheckpoint } from '../net/checkpoint-files.ts'
import { createRunLog, unlessDiskFull } from '../net/disk.ts'

interface CountingJob {
  readonly run: string
  readonly updates: number
  /** The process dies at this update. */
  readonly dies?: number
}
/** Takes what it is given: a process that is started twenty times should start fast. */
const schema = { safeParse: (data: unknown) => ({ success: true, data }) } as unknown as Task<CountingJob>['schema']

interface Count {
  update: number
  /** What all updates so far have made, so that one too few or too many shows. */
  value: number
}

export const after = (updates: number): Count => {
  let value = 1
  for (let i = 0; i < updates; i++) value = next(value)
  return { update: updates, value }
}
const next = (value: number) => (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0

export const readCount = (run: string): Count | undefined =>
  newestCheckpoint(run, (file) => JSON.parse(readFileSync(file, 'utf8')) as Count)

export const countingTask: Task<CountingJob> = {
  name: 'count',
  schema,
  async run({ run, updates, dies }, { signal, report, warn }) {
    let { update, value } = readCount(run) ?? { update: 0, value: 1 }
    const save = () => saveCheckpoint(run, Buffer.from(JSON.stringify({ update, value })))
    if (update === 0) save()
    const log = createRunLog(path.join(run, 'log.jsonl'), warn)
    while (update < updates && !signal.aborted) {
      value = next(value)
      update++
      log({ update, value })
      if (update % 5 === 0) unlessDiskFull(save, warn)
      report({ stage: 'train', done: update, total: updates, loss: value })
      if (update === dies) process.kill(process.pid, 'SIGKILL')
      await turn()
    }
    save()
  },
}
