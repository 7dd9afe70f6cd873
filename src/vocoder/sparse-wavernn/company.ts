/**
 * Streams of one model that are read at the same time, run side by side: whoever waits when the thread is free joins the next
 * call of the kernel, and leaves when its frames are made. What a stream's samples are does not depend on it.
 */
import { HOP } from '../../frames.ts'
import { type KernelModel, PANEL, type StreamJob } from '../../kernels/index.ts'

/** Frames of one call while several streams are there: what a newcomer waits for at most, 40 ms of audio. */
const SHARED_FRAMES = 8

interface Waiting {
  job: { -readonly [K in keyof StreamJob]: StreamJob[K] }
  /** Frames that are still to be made. */
  left: number
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** Runs `work` when the thread has handled what waits; browsers have no setImmediate. */
const soon: (work: () => void) => void =
  typeof setImmediate === 'function' ? (work) => void setImmediate(work) : (work) => void setTimeout(work, 0)

export class Company {
  readonly #model: Pick<KernelModel, 'generateMany'>
  #waiting: Waiting[] = []
  #scheduled = false

  constructor(model: Pick<KernelModel, 'generateMany'>) {
    this.#model = model
  }

  /** Resolves when `count` frames of the job are made. A stream has one job at a time. */
  generate(job: StreamJob, count: number): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ job: { ...job }, left: count, done, failed })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    soon(() => {
      this.#scheduled = false
      this.#run()
      // The thread's messages are handled between two calls.
      this.#schedule()
    })
  }

  /** One call for the first who wait; who is not done goes on with the next one, behind those who came meanwhile. */
  #run(): void {
    const present = this.#waiting.splice(0, PANEL.streams)
    const most = present.length > 1 || this.#waiting.length > 0 ? SHARED_FRAMES : PANEL.frames
    const count = Math.min(most, ...present.map(({ left }) => left))
    try {
      this.#model.generateMany(
        present.map(({ job }) => job),
        count,
      )
    } catch (error) {
      for (const { failed } of present) failed(error)
      return
    }
    for (const waiting of present) {
      waiting.left -= count
      waiting.job.from += count
      waiting.job.at += count * HOP
      if (waiting.left === 0) waiting.done()
      else this.#waiting.push(waiting)
    }
  }
}
