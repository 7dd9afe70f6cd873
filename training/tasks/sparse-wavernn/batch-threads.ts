/**
 * Batches made ahead of the trainer by worker threads. Each fills some groups of every batch and keeps the recordings that their
 * lanes are in; the plan is the main thread's, so that any number of threads makes the same batches, bit for bit.
 */
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, SparsewaveError } from 'sparsewave/internal/errors'
import { cachedFrames } from '../../data/cache.ts'
import { partEdges } from '../../engines/sum-tree.ts'
import type { Batch } from '../../net/engine.ts'
import { TRAINING_ROOT } from '../../root.ts'
import {
  Batches,
  type BatchOptions,
  type BatchState,
  emptyBatch,
  type LaneBatch,
  type Normalization,
  type Plan,
  Planner,
  type Recordings,
} from './batches.ts'
import { readRecording } from './data.ts'

/** Batches in memory: one that the engine computes, one that it is given next, two that are being made. */
const AHEAD = 4

/** Where recordings are, so that any thread can read them. */
export interface Source {
  readonly cache: string
  readonly ids: readonly string[]
  /** Folder of envelopes to take instead of the cache's (predicted.ts). */
  readonly predicted: string | undefined
}

export interface BatchMaker {
  /** The next batch; its memory is whole until the second call after this one. Throws what reading recordings throws. */
  next(): Promise<LaneBatch>
  close(): Promise<void>
}

export interface WorkerSetup {
  readonly source: Source
  readonly normalization: Normalization
  readonly options: BatchOptions
  readonly batches: readonly Batch[]
  /** First of its groups. */
  readonly group: number
}
/** A part of a plan to fill, and the memory to fill. */
export interface Order {
  readonly batch: number
  readonly lanes: Int32Array
}
export type Reply = { readonly failure?: { readonly code: ErrorCode | undefined; readonly message: string } }

export function recordingsOf({ cache, ids, predicted }: Source): Recordings {
  const known: number[] = []
  return {
    count: ids.length,
    frames: (i) => (known[i] ??= cachedFrames(cache, ids[i]!)),
    read: (i) => readRecording(cache, ids[i]!, predicted),
  }
}

/** Threads for so many groups: none where the processor has nothing to spare, or the groups are too few to share. */
export const defaultThreads = (groups: number, processors = availableParallelism()): number =>
  processors <= 2 || groups <= 2 ? 0 : Math.min(processors - 1, groups)

/**
 * @param threads 0: batches are made in this thread, when they are asked for
 * @param part groups [from, to) that are made, as a batch of their own with their own lanes' `fresh`; default all
 */
export function createBatchMaker(
  source: Source,
  normalization: Normalization,
  options: BatchOptions,
  threads: number,
  state?: BatchState,
  part: readonly [number, number] = [0, options.groups],
): BatchMaker {
  const recordings = recordingsOf(source)
  const { steps } = options
  const groups = part[1] - part[0]
  if (threads > 0 && groups > 0) {
    const batches = Array.from({ length: AHEAD }, () => emptyBatch(groups, steps, true))
    const planner = new Planner(recordings, options, state, part)
    return startThreads({ source, normalization, options, batches }, Math.min(threads, groups), planner)
  }
  const made = new Batches(recordings, normalization, options, state, part)
  const buffers = [emptyBatch(groups, steps), emptyBatch(groups, steps)]
  let number = 0
  return {
    async next() {
      // Lets an engine that was just given a batch start on it.
      await turn()
      return made.next(buffers[number++ % 2]!)
    },
    async close() {},
  }
}

interface Making {
  readonly plan: Plan
  readonly done: Promise<void>
}

function startThreads(setup: Omit<WorkerSetup, 'group'>, threads: number, planner: Planner): BatchMaker {
  const { batches } = setup
  const { groups } = batches[0]!
  const script = path.join(TRAINING_ROOT, 'dist/tasks/sparse-wavernn/batch-worker.js')
  const edges = partEdges(threads, groups)
  let failure: Error | undefined
  /** Settles the batches that are being made; a thread answers its orders one after another. */
  const waiting = Array.from({ length: threads }, (): { resolve(): void; reject(error: Error): void }[] => [])
  const fail = (error: Error) => {
    failure ??= error
    for (const orders of waiting) for (const { reject } of orders.splice(0)) reject(failure)
  }
  const workers = waiting.map((orders, w) => {
    const workerData: WorkerSetup = { ...setup, group: edges[w]! }
    // Without the flags of this process: what it runs is built.
    const worker = new Worker(script, { workerData, execArgv: [] })
    worker.on('message', ({ failure }: Reply) => {
      if (!failure) orders.shift()?.resolve()
      else fail(failure.code ? new SparsewaveError(failure.code, failure.message) : new Error(failure.message))
    })
    worker.on('error', fail)
    worker.on('exit', (code) => fail(new Error(`a thread that makes batches ended with exit code ${code}`)))
    return worker
  })
  const ahead: Making[] = []
  let planned = 0
  let taken = 0

  function order(): void {
    const plan = planner.next()
    const batch = planned++ % batches.length
    const parts = workers.map((worker, w) => {
      const size = plan.lanes.length / groups
      const lanes = plan.lanes.slice(edges[w]! * size, edges[w + 1]! * size)
      const part = new Promise<void>((resolve, reject) => waiting[w]!.push({ resolve, reject }))
      worker.postMessage({ batch, lanes } satisfies Order)
      return part
    })
    const done = Promise.all(parts).then(() => {})
    // It is told where the batch is asked for.
    done.catch(() => {})
    ahead.push({ plan, done })
  }

  return {
    async next() {
      if (failure) throw failure
      // The batch before is in use, the one before that no longer.
      while (planned < taken + batches.length - 1) order()
      const { plan, done } = ahead.shift()!
      const batch = batches[taken++ % batches.length]!
      await done
      return { ...plan, batch }
    },
    async close() {
      failure ??= new Error('no more batches are made')
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}
