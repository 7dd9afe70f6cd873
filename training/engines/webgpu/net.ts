/**
 * A net as a sequence of kernel calls, and what calls are made of: which buffers each reads and writes, and where. Activations are
 * [slot, position, feature, 16 lanes]; a slot is one member's run over one group of a batch.
 */
import { LANES } from '../../net/engine.ts'
import { type Layout, segment } from '../../net/layout.ts'
import type { MatrixIndex } from './indices.ts'
import { ACCUMULATE_COLUMNS, FLAGS, FORWARD_POSITIONS, type ShaderName } from './shaders.ts'

/** A net that the engine can run; `B` is its batch. Buffers are known by name. */
export interface DeviceNet<B> {
  readonly layout: Layout
  /** Kernels of its passes; only these are compiled. */
  readonly shaders: readonly ShaderName[]
  /** Parts of the loss, which `passes` leaves in the buffer `losses` [slot, parts]. */
  readonly lossParts: number
  /** Features of the state [slot, steps + 1, features, 16] in the buffer `states`, whose first step is given; 0: the net has none. */
  readonly stateFeatures: number
  steps(batch: B): number
  groups(batch: B): number
  /** Weighted examples of groups [from, from + groups). */
  count(batch: B, from: number, groups: number): number
  /** What all slots read of a batch, by buffer. */
  arrays(batch: B): Readonly<Record<string, Float32Array>>
  /** Floats of one slot in each buffer. */
  slotSizes(steps: number, backward: boolean): Readonly<Record<string, number>>
  passes(o: PassOptions): Call[]
}

export interface PassOptions {
  readonly slots: number
  /** Parts that the gradient's sums over slots are made in, each of one member, and where their first and end slots stand in the indices. */
  readonly parts: number
  readonly partTable: number
  readonly steps: number
  readonly indices: ReadonlyMap<string, MatrixIndex>
  /** Where the table of these slots starts in the indices. */
  readonly table: number
  /** Also the gradient, added to the buffer `gradient`. */
  readonly backward: boolean
  readonly denseGradient: boolean
}

export interface Call {
  readonly shader: ShaderName
  readonly uniform: Readonly<Record<string, number>>
  /** [weight offset, masked, index, stride] of up to three matrices. */
  readonly matrices: readonly (readonly number[])[]
  /** `w` is `parameters` where it is not said. */
  readonly buffers: { readonly [binding in 'w' | 'x' | 'a' | 'b' | 'y' | 'z']?: string }
  readonly groups: readonly [number, number, number?]
}

/** Rows of a buffer: where they start in a position, and the position's and slot's size, in floats. */
export interface Rows {
  readonly buffer: string
  readonly offset: number
  readonly step: number
  readonly slot: number
  readonly byGroup?: boolean
}

/** Rows from `from` on of a buffer with `size` rows a position and so many positions a slot. */
export const rows = (buffer: string, size: number, positions: number, from = 0, more = {}): Rows => ({
  buffer,
  offset: from * LANES,
  step: size * LANES,
  slot: positions * size * LANES,
  ...more,
})

/** Fields of the uniform that say where rows are. */
export const place = (letter: 'x' | 'y' | 'a', r: Rows) => ({
  [`${letter}Off`]: r.offset,
  [`${letter}Step`]: r.step,
  [`${letter}Slot`]: r.slot,
})

/** Collects the calls of one net, in the order they are made. */
export class Calls {
  readonly list: Call[] = []
  readonly #layout: Layout
  readonly #o: PassOptions

  constructor(layout: Layout, o: PassOptions) {
    this.#layout = layout
    this.#o = o
  }

  #matrix(name: string): number[] {
    const s = segment(this.#layout, name)
    const index = this.#o.indices.get(name)
    return index ? [s.offset, 1, index.at, index.stride] : [s.offset, 0, 0, 0]
  }

  add(
    shader: ShaderName,
    groups: Call['groups'],
    buffers: Call['buffers'],
    uniform: object,
    names: readonly string[] = [],
  ): void {
    const { slots, table } = this.#o
    const matrices = names.map((name) => this.#matrix(name))
    this.list.push({ shader, groups, buffers, uniform: { slots, table, ...uniform }, matrices })
  }

  /** y = act(W x + start), act and start by `flags`: a bias, a frame's gate terms, what is there. */
  forward(name: string, positions: number, x: Rows, y: Rows, flags: number, bias?: string, gates?: Rows): void {
    const s = segment(this.#layout, name)
    this.add(
      'forward',
      [Math.ceil(positions / FORWARD_POSITIONS), s.rows / 16, this.#o.slots],
      { x: x.buffer, y: y.buffer, ...(gates ? { a: gates.buffer } : {}) },
      {
        ...place('x', x),
        ...place('y', y),
        ...(gates ? place('a', gates) : {}),
        steps: positions,
        rows: s.rows,
        cols: s.columns,
        bias: bias ? segment(this.#layout, bias).offset : 0,
        flags: flags | (bias ? FLAGS.bias : 0) | (gates ? FLAGS.gates : 0) | (x.byGroup ? FLAGS.byGroup : 0),
      },
      [name],
    )
  }

  /** dx = W' dy, through the activation `values`. */
  backward(name: string, positions: number, dy: Rows, dx: Rows, through = 0, values?: Rows): void {
    const s = segment(this.#layout, name)
    this.add(
      'backward',
      [positions, Math.ceil(s.columns / 16), this.#o.slots],
      { x: dy.buffer, y: dx.buffer, ...(values ? { a: values.buffer } : {}) },
      {
        ...place('x', dy),
        ...place('y', dx),
        ...(values ? place('a', values) : {}),
        steps: positions,
        rows: s.rows,
        cols: s.columns,
        flags: through,
      },
      [name],
    )
  }

  /** Gradient of a weight (x its input) or of a bias (x undefined), into `parts`. */
  accumulate(name: string, positions: number, x: Rows | undefined, dy: Rows, flags = 0): void {
    const s = segment(this.#layout, name)
    const { parts, partTable, denseGradient, indices } = this.#o
    const [height, width] = x ? [Math.max(16, s.rows), s.columns] : [s.columns, 1]
    const visited = denseGradient ? width : (indices.get(name)?.most ?? width)
    this.add(
      'accumulate',
      [Math.ceil(visited / ACCUMULATE_COLUMNS), height / 16, parts],
      { a: dy.buffer, z: 'parts', ...(x ? { x: x.buffer } : {}) },
      {
        ...(x ? place('x', x) : {}),
        ...place('a', dy),
        first: partTable,
        size: this.#layout.size,
        steps: positions,
        rows: height,
        cols: width,
        flags: flags | (x ? 0 : FLAGS.ones) | (x?.byGroup ? FLAGS.byGroup : 0) | (denseGradient ? FLAGS.dense : 0),
      },
      [name],
    )
  }

  /** The gradient's parts added up, times `scale`, a buffer; after all of `accumulate`. */
  addParts(): void {
    const { size } = this.#layout
    const buffers = { x: 'parts', a: 'scale', y: 'gradient' }
    this.add('addParts', [Math.ceil(size / 256), 1], buffers, { steps: this.#o.parts, size })
  }
}
