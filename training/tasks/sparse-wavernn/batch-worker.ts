/** Worker thread of batch-threads.ts: fills its groups of a batch an order and answers when it is done. */
import { parentPort, workerData } from 'node:worker_threads'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { type Order, type Reply, recordingsOf, type WorkerSetup } from './batch-threads.ts'
import { LaneReader } from './batches.ts'

const { source, normalization, options, batches, group } = workerData as WorkerSetup
const recordings = recordingsOf(source)
const reader = new LaneReader((index) => recordings.read(index), normalization, options)

parentPort!.on('message', ({ batch, lanes }: Order) => {
  let reply: Reply = {}
  try {
    reader.fill(batches[batch]!, group, lanes)
  } catch (error) {
    const code = error instanceof SparsewaveError ? error.code : undefined
    reply = { failure: { code, message: error instanceof Error ? error.message : String(error) } }
  }
  parentPort!.postMessage(reply)
})
