/** A worker of a queue on Redis, as `sparsewave jobs run --watch` is one, for counting jobs and studies. */
import { fileURLToPath } from 'node:url'
import { redisJobQueue } from '../queue/redis.ts'
import { countingStudy } from './counting-study.ts'

const [url, folder, prefix, lock] = process.argv.slice(2) as [string, string, string, string]
const queue = await redisJobQueue({ url, folder, prefix, studies: [countingStudy], lockMilliseconds: Number(lock) })
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
const script = fileURLToPath(new URL('./queue-worker.js', import.meta.url))
process.stdout.write('ready\n')
await queue.run({
  watch: true,
  signal: stop.signal,
  command: () => [script, 'perform'],
  started: (job) => process.stdout.write(`started ${job.id}\n`),
  ended: (job, outcome) => process.stdout.write(`ended ${job.id} ${outcome}\n`),
})
await queue.close()
