/** A job in a process that knows no queue: the spec comes as a message, progress and outcome go back. */
import { once } from 'node:events'
import { diskFull, isDiskFull } from '../net/disk.ts'
import type { JobSpec } from './queue.ts'
import type { Performed } from './redis.ts'
import { type Kinds, start, wordsOf } from './work.ts'

/** Milliseconds between reports. */
const REPORT = 250

export async function performJob(kinds: Kinds): Promise<void> {
  const stop = new AbortController()
  const leave = () => stop.abort()
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.on(event, leave)
  const tell = (told: Performed) =>
    new Promise<void>((resolve) => {
      if (process.connected) process.send!(told, undefined, undefined, () => resolve())
      else resolve()
    })
  const [spec] = (await once(process, 'message')) as [JobSpec]
  const say = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`)
  let told = Number.NEGATIVE_INFINITY
  try {
    const whole = await start(spec, kinds, stop.signal, (progress, detail) => {
      if (performance.now() - told < REPORT && progress < 1) return
      told = performance.now()
      void tell({ progress, detail })
    })
    await tell({ outcome: whole ? 'done' : 'left' })
  } catch (thrown) {
    const error = diskFull(thrown, spec.folder)
    say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    await tell({ outcome: isDiskFull(error) ? 'disk-full' : 'failed', error: wordsOf(error) })
  }
  if (process.connected) process.disconnect()
}
