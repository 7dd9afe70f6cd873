/**
 * Adam with clipping and a moving average, on plain arrays: its result depends on nothing but its arguments, so that a
 * resumed run equals an uninterrupted one on every backend.
 */
import { findAddon } from './addon.ts'

/** Named float arrays, one a parameter. */
export type ParameterValues = Record<string, Float32Array>

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

/** One update of named arrays, in place. Returns the gradient's norm before clipping; when it is not finite nothing changes. */
export function adamUpdateNamed(state: AdamState, gradients: ParameterValues, options: AdamOptions): number {
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

/**
 * One update of flat vectors of one length, in place, in the native addon where it is built. Returns the gradient's norm before
 * clipping; when it is not finite nothing changes.
 */
export function adamUpdate(
  parameters: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  average: Float32Array,
  o: AdamOptions,
): number {
  const addon = findAddon()
  if (addon) {
    const options = Float64Array.of(o.rate, o.beta1, o.beta2, o.epsilon, o.clip, o.average, o.step)
    return addon.adam(parameters, gradient, first, second, average, options)
  }
  const state = { parameters: { parameters }, first: { parameters: first }, second: { parameters: second } }
  return adamUpdateNamed({ ...state, average: { parameters: average } }, { parameters: gradient }, o)
}
