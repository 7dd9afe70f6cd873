/** How a training job talks with what runs it: the command line, the queue, a server. */
import type { Ranks } from './ranks.ts'

export interface Progress {
  readonly stage: 'features' | 'train' | 'validation'
  readonly done: number
  readonly total: number
  /** Bits a step (train: smoothed), or the task's own loss. */
  readonly loss?: number
  readonly stepsPerSecond?: number
  /** Seconds of audio a second. */
  readonly audioPerSecond?: number
  /** Share of the masked matrices' blocks that the net goes without, 0-1. */
  readonly sparsity?: number
}

export interface JobContext {
  /** Go on from the run's newest checkpoint if there is one. */
  readonly resume: boolean
  /** Stop (with a checkpoint) after so many minutes. */
  readonly minutes: number | undefined
  /** Aborted: write a checkpoint and leave. */
  readonly signal: AbortSignal
  /** The processes that train this run together; absent: this one alone. */
  readonly ranks?: Ranks | undefined
  report(progress: Progress): void
  warn(message: string): void
}
