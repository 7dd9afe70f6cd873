/**
 * The operations that the acoustic net is written in. The net is one function over this interface, so what is trained
 * (TensorFlow.js), what is exported (ONNX) and what speaks (native layers) cannot differ in structure. All tensors are
 * [.., length, channels].
 */
export interface Ops<T> {
  /** ids [.., length] to rows of a table [count, channels]. */
  embed(ids: T, name: string, count: number, channels: number): T
  /** x W + b. */
  linear(x: T, name: string, from: number, to: number): T
  /** Convolution along the length, padded with zeros to the same length; `width` is odd. */
  conv(x: T, name: string, width: number, from: number, to: number): T
  /** Layer normalisation over the channels, with scale and shift. */
  norm(x: T, name: string, channels: number): T
  /** Self-attention over the length. */
  attention(x: T, name: string, channels: number, heads: number): T
  /** x + (row W + b), the same for every position; row [.., 1, from]. */
  shift(x: T, row: T, name: string, from: number, to: number): T
  relu(x: T): T
  add(a: T, b: T): T
  /** Leaves channels out while training. */
  dropout(x: T, channels: number): T
  /** [.., n, factor * channels] to [.., n * factor, channels]. */
  spread(x: T, factor: number, channels: number): T
}

export const NORM_EPSILON = 1e-5

export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** Standard deviation of the initial normal distribution; 0 = constant. */
  readonly spread: number
  readonly constant: number
}

/** Runs a net for its parameters only: what it uses, in order of use. */
export class ParameterCollector implements Ops<undefined> {
  readonly parameters: Parameter[] = []

  embed(_: undefined, name: string, count: number, channels: number): undefined {
    this.#add(`${name}.table`, [count, channels], 0.3)
  }
  linear(_: undefined, name: string, from: number, to: number): undefined {
    this.#add(`${name}.weight`, [from, to], Math.sqrt(1 / from))
    this.#add(`${name}.bias`, [to], 0)
  }
  conv(_: undefined, name: string, width: number, from: number, to: number): undefined {
    this.#add(`${name}.weight`, [width, from, to], Math.sqrt(2 / (width * from)))
    this.#add(`${name}.bias`, [to], 0)
  }
  norm(_: undefined, name: string, channels: number): undefined {
    this.#add(`${name}.scale`, [channels], 0, 1)
    this.#add(`${name}.shift`, [channels], 0)
  }
  attention(x: undefined, name: string, channels: number): undefined {
    this.linear(x, `${name}.in`, channels, 3 * channels)
    this.linear(x, `${name}.out`, channels, channels)
  }
  /** Zero at first: a net that learns a second speaker starts as the one it was. */
  shift(_x: undefined, _row: undefined, name: string, from: number, to: number): undefined {
    this.#add(`${name}.weight`, [from, to], 0)
    this.#add(`${name}.bias`, [to], 0)
  }
  relu(): undefined {}
  add(): undefined {}
  dropout(): undefined {}
  spread(): undefined {}

  #add(name: string, shape: readonly number[], spread: number, constant = 0): void {
    this.parameters.push({ name, shape, spread, constant })
  }
}
