/**
 * Adam with clipping and a moving average, on plain arrays: its result depends on nothing but its arguments, so that a
 * resumed run equals an uninterrupted one on every backend.
 */
import type { ParameterValues } from '../tasks/acoustic/checkpoint.ts'

export interface AdamOptions {
  readonly rate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Largest norm of the whole gradient. */
  readonly clip: number
  /** Decay of the moving average. */
  readonly average: number
  /** Number of this update, from 1. */
  readonly step: number
}

export interface AdamState {
  readonly parameters: ParameterValues
  readonly first: ParameterValues
  readonly second: ParameterValues
  readonly average: ParameterValues
}

/** Updates `state` in place and returns the gradient's norm; when that is not finite, nothing is changed. */
export function adamUpdate(state: AdamState, gradients: ParameterValues, options: AdamOptions): number {
  const { rate, beta1, beta2, epsilon, clip, average: keep, step } = options
  let square = 0
  for (const g of Object.values(gradients)) for (let i = 0; i < g.length; i++) square += g[i]! * g[i]!
  const norm = Math.sqrt(square)
  if (!Number.isFinite(norm)) return norm
  const scale = norm > clip ? clip / norm : 1
  const rate1 = rate / (1 - beta1 ** step)
  const correction2 = 1 / (1 - beta2 ** step)
  for (const [name, g] of Object.entries(gradients)) {
    const w = state.parameters[name]!
    const m = state.first[name]!
    const v = state.second[name]!
    const a = state.average[name]!
    for (let i = 0; i < g.length; i++) {
      const gi = g[i]! * scale
      m[i] = beta1 * m[i]! + (1 - beta1) * gi
      v[i] = beta2 * v[i]! + (1 - beta2) * gi * gi
      w[i] = w[i]! - (rate1 * m[i]!) / (Math.sqrt(v[i]! * correction2) + epsilon)
      a[i] = keep * a[i]! + (1 - keep) * w[i]!
    }
  }
  return norm
}
