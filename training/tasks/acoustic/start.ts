/** The state of an acoustic run before its first update. */
import type { ParameterValues } from '../../net/adam.ts'
import type { Checkpoint } from './checkpoint.ts'

/** The same arrays under the same names, each made anew. */
export const mapValues = (values: ParameterValues, make: (v: Float32Array) => Float32Array): ParameterValues =>
  Object.fromEntries(Object.entries(values).map(([name, v]) => [name, make(v)]))

/** A checkpoint with these parameters, copied, and nothing done yet. */
export function startOf({
  config,
  normalization,
  parameters,
}: Pick<Checkpoint, 'config' | 'normalization' | 'parameters'>): Checkpoint {
  const copy = () => mapValues(parameters, (v) => v.slice())
  const zeros = () => mapValues(parameters, (v) => new Float32Array(v.length))
  return {
    config,
    update: 0,
    epoch: 0,
    batch: 0,
    rateScale: 1,
    audioSeconds: 0,
    wallSeconds: 0,
    normalization,
    parameters: copy(),
    first: zeros(),
    second: zeros(),
    average: copy(),
  }
}
