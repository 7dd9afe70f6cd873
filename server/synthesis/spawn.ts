/**
 * Starts synthesis workers from the built files: a thread cannot load TypeScript on every Node we support. A worker is a thread, or
 * a process of its own, whose native code can crash without ending the server.
 */
import '../../src/onnx/telemetry.ts'
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { SparsewaveError } from '../../src/errors.ts'
import type { ToWorker, WorkerKind, WorkerPort } from './messages.ts'
import type { WorkerData } from './worker.ts'

const beside = new URL('./worker.js', import.meta.url)
const built = new URL('../../dist/server/synthesis/worker.js', import.meta.url)

/** A starting worker that loads `data.voice`. Throws SYNTHESIS_FAILED when the project has not been built. */
export function spawnWorker(data: WorkerData, kind: WorkerKind = 'thread'): WorkerPort {
  const file = [beside, built].find((url) => existsSync(url))
  if (!file)
    throw new SparsewaveError('SYNTHESIS_FAILED', 'The synthesis worker has not been built.', {
      remedy: 'Run `npm run build`.',
    })
  return kind === 'thread' ? new Worker(file, { workerData: data }) : forkWorker(file, data)
}

export interface ProcessPort extends WorkerPort {
  readonly pid: number | undefined
}

function forkWorker(file: URL, { voice }: WorkerData): ProcessPort {
  const child = fork(fileURLToPath(file), [voice], { serialization: 'advanced' })
  return {
    pid: child.pid,
    // A channel that has closed is reported by `exit`.
    postMessage: (message: ToWorker) => void child.send(message, () => {}),
    // biome-ignore lint/suspicious/noExplicitAny: the three events of WorkerPort
    on(event: 'message' | 'error' | 'exit', listener: (...args: any[]) => void) {
      if (event !== 'exit') return child.on(event, listener)
      return child.on('exit', (code, signal) => listener(code ?? 1, signal ? `ended by ${signal}` : `status ${code}`))
    },
    terminate: () => child.kill('SIGKILL'),
  }
}
