/** A synthesis worker without a thread: the real worker loop at the other end of a MessageChannel. */
import { MessageChannel } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerPort } from '../../server/synthesis/messages.ts'
import { type LoopOptions, runWorkerLoop } from '../../server/synthesis/worker-loop.ts'

export interface InProcessWorker extends WorkerPort {
  /** Dies as a thread does that threw. */
  crash(): void
}

export function inProcessWorker(load: LoopOptions['load']): InProcessWorker {
  const { port1, port2 } = new MessageChannel()
  const listeners = { message: [], error: [], exit: [] } as {
    message: ((message: FromWorker) => void)[]
    error: ((error: Error) => void)[]
    exit: ((code: number) => void)[]
  }
  let dead = false
  const exit = (code: number): void => {
    if (dead) return
    dead = true
    for (const listener of listeners.exit) listener(code)
  }
  port1.on('message', (message: FromWorker) => {
    if (!dead) for (const listener of listeners.message) listener(message)
  })
  port1.on('close', () => exit(0))
  void runWorkerLoop(port2, {
    voice: 'stand-in',
    load,
    kernel: () => ({ name: 'stand-in', why: 'a test', precision: 'int16', sparsity: 0.8 }),
  })
  return {
    postMessage: (message: ToWorker) => port1.postMessage(message),
    on(event: 'message' | 'error' | 'exit', listener: never) {
      listeners[event].push(listener)
    },
    terminate: () => port1.close(),
    crash() {
      for (const listener of listeners.error) listener(new Error('crashed'))
      exit(1)
      port1.close()
    },
  }
}
