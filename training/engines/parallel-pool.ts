/** The worker processes of data parallel training: one call at a time each; one that dies is started again and gets its call again. */

import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import type { NetConfig } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import type { Batch, StepOptions } from '../net/engine.ts'
import type { MaskSet } from '../net/mask.ts'
import { TRAINING_ROOT } from '../root.ts'

/** Deaths within one call after which it is given up. */
const MAX_DEATHS = 3

/** A node of the tree of sums: T over parts [from, to). */
export interface PartialSum {
  readonly from: number
  readonly to: number
  readonly sum: Float32Array
}

/** Parts [from, to) of the `parts` of a call, as a worker gets them. */
export interface Share {
  readonly from: number
  readonly to: number
  readonly parts: number
  /** Groups and members of these parts only. */
  readonly batch: Batch
  readonly members: readonly MaskSet[]
  readonly state: Float32Array
  readonly parameters: Float32Array
  readonly gradient: boolean
  readonly options: StepOptions
}

export interface ShareResult {
  /** [members of the part, loss parts] for every part. */
  readonly losses: readonly Float64Array[]
  readonly state: Float32Array
  /** The largest nodes that lie in the share, in their order; none without a gradient. */
  readonly nodes: readonly PartialSum[]
}

export interface WorkerSetup {
  readonly name: string
  readonly net: NetConfig
}

export type WorkerReply = { readonly result: ShareResult } | { readonly failure: { code?: string; message: string } }

export interface Pool {
  /** Throws what the worker throws; ENGINE_UNAVAILABLE when it keeps dying. */
  run(worker: number, share: Share): Promise<ShareResult>
  readonly processes: readonly ChildProcess[]
  close(): void
}

export function startPool(workers: number, setup: WorkerSetup): Pool {
  const script = path.join(TRAINING_ROOT, 'dist/engines/parallel-worker.js')
  const start = () =>
    // Typed arrays travel as they are.
    fork(script, [JSON.stringify(setup)], { serialization: 'advanced', execArgv: [] })
  const processes = Array.from({ length: workers }, start)

  const once = (child: ChildProcess, share: Share) =>
    new Promise<WorkerReply | undefined>((resolve) => {
      const done = (reply?: WorkerReply) => {
        child.off('message', done)
        child.off('close', gone)
        child.off('error', gone)
        resolve(reply)
      }
      const gone = () => done()
      child.on('message', done)
      child.once('close', gone)
      child.once('error', gone)
      if (child.connected) child.send(share, () => {})
      else gone()
    })

  return {
    async run(worker, share) {
      for (let deaths = 0; deaths < MAX_DEATHS; deaths++) {
        const reply = await once(processes[worker]!, share)
        if (reply && 'result' in reply) return reply.result
        if (reply) throw new SparsewaveError('ENGINE_UNAVAILABLE', reply.failure.message)
        processes[worker]!.kill('SIGKILL')
        processes[worker] = start()
      }
      throw new SparsewaveError(
        'ENGINE_UNAVAILABLE',
        `Worker process ${worker} died ${MAX_DEATHS} times in one update.`,
        {
          remedy: 'See whether memory suffices, or train with fewer `workers`.',
        },
      )
    },
    processes,
    close() {
      for (const child of processes) if (child.connected) child.disconnect()
    },
  }
}
