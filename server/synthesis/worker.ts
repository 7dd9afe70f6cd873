/** Entry of a synthesis worker thread: loads the voice and serves streams until told to stop. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { chooseKernel } from '../../src/kernels/index.ts'
import { loadSynthesizer } from '../../src/synthesis/index.ts'
import { runWorkerLoop } from './worker-loop.ts'

export interface WorkerData {
  readonly voice: string
}

const { voice } = workerData as WorkerData
await runWorkerLoop(parentPort as MessagePort, {
  voice,
  async load(name) {
    const synthesizer = await loadSynthesizer(name)
    // The first sentence pays for compilation and caches; nobody should wait for that.
    for await (const _ of synthesizer.stream('Ready to speak.')) {
    }
    return synthesizer
  },
  kernel() {
    const { kernel, why } = chooseKernel()
    return { name: kernel.name, why }
  },
})
