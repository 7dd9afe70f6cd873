/** Starts synthesis worker threads from the built files: a thread cannot load TypeScript on every Node we support. */
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { SparsewaveError } from '../../src/errors.ts'
import type { WorkerPort } from './messages.ts'
import type { WorkerData } from './worker.ts'

const beside = new URL('./worker.js', import.meta.url)
const built = new URL('../../dist/server/synthesis/worker.js', import.meta.url)

/** A starting worker that loads `data.voice`. Throws SYNTHESIS_FAILED when the project has not been built. */
export function spawnWorker(data: WorkerData): WorkerPort {
  const file = [beside, built].find((url) => existsSync(url))
  if (!file)
    throw new SparsewaveError('SYNTHESIS_FAILED', 'The synthesis thread has not been built.', {
      remedy: 'Run `npm run build`.',
    })
  return new Worker(file, { workerData: data })
}
