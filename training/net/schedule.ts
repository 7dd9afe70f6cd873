/** Schedules that every training loop goes by. */

export interface RateSchedule {
  /** Largest learning rate. */
  readonly learningRate: number
  /** Learning rate at the end, as a share of the largest. */
  readonly finalRate: number
  /** Updates of the linear warm-up. */
  readonly warmup: number
}

/** Learning rate of update `update` (from 0): linear warm-up, then cosine decay by `progress`, the share of the schedule that is done. */
export function learningRate(schedule: RateSchedule, update: number, progress: number): number {
  const { learningRate: top, finalRate, warmup } = schedule
  const decay = finalRate + (1 - finalRate) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)))
  return top * Math.min(1, (update + 1) / Math.max(1, warmup)) * decay
}

/** Decay of the moving average at Adam step `step` (from 0): early on it follows quickly, so that it forgets the initial weights. */
export const averageDecay = (limit: number, step: number): number => Math.min(limit, (1 + step) / (10 + step))
