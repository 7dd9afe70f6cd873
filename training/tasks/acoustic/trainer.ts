/**
 * The net, its parameters as TensorFlow.js variables, and one update of them. All state that an update depends on is in
 * `checkpoint()`; the random numbers of update n follow from the seed and n.
 */
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs'
import { parametersOf } from 'sparsewave/internal/acoustic/net/net'
import type { Tf } from '../../engines/tfjs.ts'
import type { ParameterValues } from '../../net/adam.ts'
import { type AdamOptions, adamUpdateNamed } from '../../net/adam.ts'
import { type Batch, random } from './batches.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { AcousticConfig } from './config.ts'
import type { Normalization } from './example.ts'
import { forward, LOSSES, losses } from './forward.ts'
import { mapValues, startOf } from './start.ts'

export type LossValues = Record<(typeof LOSSES)[number], number>

/** A checkpoint from before the first update. */
export function initialCheckpoint(config: AcousticConfig, normalization: Normalization, seed: number): Checkpoint {
  const next = random(seed ^ 0x5bd1e995)
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const parameters: ParameterValues = {}
  for (const { name, shape, spread, constant } of parametersOf(config)) {
    const size = shape.reduce((a, b) => a * b, 1)
    parameters[name] = Float32Array.from({ length: size }, () => (spread > 0 ? spread * normal() : constant))
  }
  return startOf({ config, normalization, parameters })
}

export class Trainer {
  readonly #tf: Tf
  readonly #config: AcousticConfig
  readonly #seed: number
  readonly #dropout: number
  readonly #variables: Record<string, Variable>
  readonly #shapes: Record<string, number[]>
  readonly #state: Pick<Checkpoint, 'parameters' | 'first' | 'second' | 'average'>
  #update: number

  constructor(tf: Tf, checkpoint: Checkpoint, options: { seed: number; dropout: number }) {
    this.#tf = tf
    this.#config = checkpoint.config
    this.#seed = options.seed
    this.#dropout = options.dropout
    this.#update = checkpoint.update
    const { parameters, first, second, average } = checkpoint
    const copy = (values: ParameterValues) => mapValues(values, (v) => v.slice())
    this.#state = {
      parameters: copy(parameters),
      first: copy(first),
      second: copy(second),
      average: copy(average),
    }
    this.#shapes = Object.fromEntries(parametersOf(checkpoint.config).map((p) => [p.name, [...p.shape]]))
    this.#variables = Object.fromEntries(
      Object.entries(this.#shapes).map(([name, shape]) => [
        name,
        // The library's own names are global to the process; no name given keeps trainers apart.
        tf.tidy(() => tf.variable(tf.tensor(this.#state.parameters[name]!, shape), true)),
      ]),
    )
  }

  get update(): number {
    return this.#update
  }

  /** The arrays of a checkpoint, copied. */
  state(): Pick<Checkpoint, 'parameters' | 'first' | 'second' | 'average'> {
    const { parameters, first, second, average } = this.#state
    const copy = (values: ParameterValues) => mapValues(values, (v) => v.slice())
    return { parameters: copy(parameters), first: copy(first), second: copy(second), average: copy(average) }
  }

  /** Trains on one batch. When the loss or the gradient's norm is not finite the parameters stay as they were. */
  step(batch: Batch, adam: Omit<AdamOptions, 'step'>): { losses: LossValues; norm: number } {
    const tf = this.#tf
    const keep = this.#keep()
    const names = Object.keys(this.#variables)
    let parts: LossValues | undefined
    const gradients: ParameterValues = {}
    // Nothing is returned from tidy: it would walk through every element of the arrays in search of tensors.
    tf.tidy(() => {
      const options = { tf, config: this.#config, parameter: (name: string): Tensor => this.#variables[name]!, keep }
      const { value, grads } = tf.variableGrads(
        () => {
          const result = losses(tf, batch, forward(options, batch))
          parts = read(result)
          return result.total
        },
        names.map((name) => this.#variables[name]!),
      )
      value.dispose()
      for (const name of names) gradients[name] = grads[this.#variables[name]!.name]!.dataSync() as Float32Array
    })
    const values = parts!
    if (!Number.isFinite(values.total)) return { losses: values, norm: Number.NaN }
    const norm = adamUpdateNamed(this.#state, gradients, { ...adam, step: this.#update + 1 })
    if (Number.isFinite(norm)) {
      this.#update++
      for (const name of names)
        tf.tidy(() => this.#variables[name]!.assign(tf.tensor(this.#state.parameters[name]!, this.#shapes[name]!)))
    }
    return { losses: values, norm }
  }

  /** Losses of a batch under the averaged parameters, without dropout. */
  evaluate(batch: Batch): LossValues {
    const tf = this.#tf
    return tf.tidy(() => {
      const parameter = (name: string): Tensor => tf.tensor(this.#state.average[name]!, this.#shapes[name]!)
      return read(losses(tf, batch, forward({ tf, config: this.#config, parameter }, batch)))
    })
  }

  dispose(): void {
    for (const variable of Object.values(this.#variables)) variable.dispose()
  }

  /** Dropout of whole channels by utterance: few random numbers, made here, so the same on every backend. */
  #keep(): ((batch: number, channels: number) => Tensor) | undefined {
    const rate = this.#dropout
    if (rate === 0) return undefined
    const next = random(Math.imul(this.#seed + 1, 0x85ebca6b) ^ Math.imul(this.#update + 1, 0xc2b2ae35))
    return (batch, channels) => {
      const values = Float32Array.from({ length: batch * channels }, () => (next() < rate ? 0 : 1 / (1 - rate)))
      return this.#tf.tensor3d(values, [batch, 1, channels])
    }
  }
}

function read(result: Record<keyof LossValues, Scalar>): LossValues {
  return Object.fromEntries(LOSSES.map((name) => [name, result[name].dataSync()[0]!])) as LossValues
}
