/** Worker thread of buildCache: caches one utterance a message and answers when it is done. */
import { parentPort, workerData } from 'node:worker_threads'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { cacheUtterance, type WorkerReply } from './cache.ts'
import type { Utterance } from './corpus.ts'

const { cacheDir } = workerData as { cacheDir: string }

parentPort!.on('message', async (utterance: Utterance) => {
  let reply: WorkerReply = {}
  try {
    await cacheUtterance(utterance, cacheDir)
  } catch (error) {
    const code = error instanceof SparsewaveError ? error.code : undefined
    reply = { failure: { code, message: `${utterance.id}: ${error instanceof Error ? error.message : error}` } }
  }
  parentPort!.postMessage(reply)
})
