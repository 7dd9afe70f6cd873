/**
 * Batches the streams of one model that are read at the same time. A stream joins the kernel's next call and leaves when its frames are
 * generated. Batching changes no stream's samples.
 */
import { HOP } from '../../frames.ts'
import { type KernelModel, PANEL, type StreamJob } from '../../kernels/index.ts'

/** Frames of one call for several streams. A new stream waits for one call at most, 40 ms of audio. */
const BATCH_FRAMES = 8

interface QueuedJob {
  job: { -readonly [K in keyof StreamJob]: StreamJob[K] }
  /** Frames that are still to be generated. */
  left: number
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** Runs `work` after the messages that wait; browsers have no setImmediate. */
const soon: (work: () => void) => void =
  typeof setImmediate === 'function' ? (work) => void setImmediate(work) : (work) => void setTimeout(work, 0)

export class MicroBatcher {
  readonly #model: Pick<KernelModel, 'generateMany'>
  #queue: QueuedJob[] = []
  #scheduled = false

  constructor(model: Pick<KernelModel, 'generateMany'>) {
    this.#model = model
  }

  /** Resolves when `count` frames of the job are generated. A stream has one job at a time. */
  generate(job: StreamJob, count: number): Promise<void> {
    return new Promise((done, failed) => {
      this.#queue.push({ job: { ...job }, left: count, done, failed })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return
    this.#scheduled = true
    soon(() => {
      this.#scheduled = false
      this.#run()
      // The thread handles messages between two calls.
      this.#schedule()
    })
  }

  /** Serves the streams at the head of the queue in one kernel call. A stream that needs more frames rejoins at the tail. */
  #run(): void {
    const batch = this.#queue.splice(0, PANEL.streams)
    const most = batch.length > 1 || this.#queue.length > 0 ? BATCH_FRAMES : PANEL.frames
    const count = Math.min(most, ...batch.map(({ left }) => left))
    try {
      this.#model.generateMany(
        batch.map(({ job }) => job),
        count,
      )
    } catch (error) {
      for (const { failed } of batch) failed(error)
      return
    }
    for (const entry of batch) {
      entry.left -= count
      entry.job.from += count
      entry.job.at += count * HOP
      if (entry.left === 0) entry.done()
      else this.#queue.push(entry)
    }
  }
}
