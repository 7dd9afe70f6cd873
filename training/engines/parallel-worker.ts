/** A worker process of data parallel training: gets a share of a batch, answers with its losses, states and gradient. */
import { parameterLayout } from '../net/vocoder-layout.ts'
import { createEngine } from './index.ts'
import { runShare } from './parallel.ts'
import type { Share, WorkerReply, WorkerSetup } from './parallel-pool.ts'

const { name, net } = JSON.parse(process.argv[2]!) as WorkerSetup
const layout = parameterLayout(net)
const engine = createEngine(name, layout, { threads: 1 })
// So that a rejected engine is told with the first share, not by dying.
engine.catch(() => {})
const gradient = new Float32Array(layout.size)

process.on('message', async (share: Share) => {
  let reply: WorkerReply
  try {
    reply = { result: await runShare(await engine, share, gradient) }
  } catch (error) {
    reply = { failure: { message: error instanceof Error ? error.message : String(error) } }
  }
  process.send?.(reply, undefined, undefined, () => {})
})
// Signals are the trainer's to obey: it ends this process with the pipe between them.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
process.on('disconnect', () => process.exit())
