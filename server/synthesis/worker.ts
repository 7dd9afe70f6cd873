/** Entry of a synthesis worker, thread or process: loads the voice and serves streams until `stop` comes. */
import { performance } from 'node:perf_hooks'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { chooseEngine } from '../../src/engine.ts'
import { SAMPLE_RATE } from '../../src/frames.ts'
import { loadSynthesizer, type Synthesizer } from '../../src/synthesis/index.ts'
import { readVoice } from '../../src/voices/index.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { Meter } from './meter.ts'
import { sparsityOf } from './sparsity.ts'
import { type LoopPort, runWorkerLoop } from './worker-loop.ts'

/** Streams in the batch that is measured before there are clients. */
const MEASURED_BATCH = 8

export interface WorkerData {
  readonly voice: string
}

const { voice } = parentPort ? (workerData as WorkerData) : { voice: process.argv[2]! }
const meter = new Meter(() => {
  const { idle, active } = performance.eventLoopUtilization()
  return { busy: active, all: idle + active }
})
let sparsity = 0
await runWorkerLoop(parentPort ?? processPort(), {
  voice,
  async load(name) {
    const synthesizer = await loadSynthesizer(name)
    if (name === voice) sparsity = sparsityOf(readVoice(name).manifest.net)
    // The first sentence pays for compilation and caches; no client should wait for that.
    for await (const _ of synthesizer.stream('Ready to speak.')) {
    }
    if (name === voice) {
      // A batch costs much less a stream than a stream alone does, so the first estimate is of a batch.
      meter.read()
      await Promise.all(Array.from({ length: MEASURED_BATCH }, () => measure(synthesizer)))
    }
    return synthesizer
  },
  kernel() {
    const { kernel, kernelWhy, precision, layers } = chooseEngine()
    return { name: kernel.name, why: kernelWhy, precision, layers: layers.name, sparsity }
  },
  meter,
})

async function measure(synthesizer: Synthesizer): Promise<void> {
  for await (const { samples } of synthesizer.stream('This is what a sentence costs.'))
    meter.add(samples.length / SAMPLE_RATE)
}

/** The server at the other end of a process's channel. Signals are the server's business: it lets running streams end first. */
function processPort(): LoopPort {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  // A server that was killed says nothing.
  process.on('disconnect', () => process.exit(0))
  endWithParent()
  let unsent = 0
  let closing = false
  const close = (): void => {
    closing = true
    if (unsent === 0 && process.connected) process.disconnect()
  }
  return {
    postMessage(message: FromWorker) {
      unsent++
      process.send!(message, undefined, undefined, () => {
        if (--unsent === 0 && closing) close()
      })
    },
    on: (_event, listener: (message: ToWorker) => void) => process.on('message', listener),
    close,
  }
}

/** Ends this process when its parent is gone, also while its main thread is stuck and handles no messages. */
function endWithParent(): void {
  const watch = `
    const parent = process.ppid
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 1000)`
  new Worker(watch, { eval: true, execArgv: [] }).unref()
}
