/**
 * Works a queue of counting jobs to its end, in this process; as `perform` on one job that a runner of Redis sends; with a number, that job only, as a runner's child. With DIE_AT=n it kills itself at the n-th call that writes a file, so
 * that a test reaches the instants between two writes; what dies at a time of its own choosing is killed from outside.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const [file, only] = process.argv.slice(2)
let left = Number(process.env.DIE_AT ?? Number.POSITIVE_INFINITY)
for (const name of ['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'appendFileSync', 'rmSync'] as const) {
  const original = fs[name] as (...args: unknown[]) => unknown
  ;(fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
    if (--left <= 0) process.kill(process.pid, 'SIGKILL')
    return original(...args)
  }
}
syncBuiltinESMExports()

if (file === 'perform') {
  const [{ performJob }, { countingTask: task }, { countingStudy }] = await Promise.all([
    import('../queue/perform.ts'),
    import('./counting-task.ts'),
    import('./counting-study.ts'),
  ])
  await performJob({ tasks: [task as never], studies: [countingStudy] })
  process.exit()
}

const { openQueue } = await import('../queue/queue.ts')
const { workOn } = await import('../queue/work.ts')
const { countingTask } = await import('./counting-task.ts')
const queue = await openQueue(file!)
process.stdout.write('open\n')
const kinds = { tasks: [countingTask as never], studies: [] }
const { signal } = new AbortController()
if (only) {
  const outcome = await workOn(queue, Number(only), kinds, {
    signal,
    report: (progress, detail) => process.send!({ progress, detail }),
  })
  process.send!({ outcome }, () => process.disconnect())
} else {
  for (let job = queue.next(); job; job = queue.next()) await workOn(queue, job.id, kinds, { signal })
}
queue.close()
