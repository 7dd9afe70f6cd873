/**
 * The reference engine: docs/reference/net.md in plain double-precision TypeScript, one lane at a time, for checking the others.
 * It keeps the definition: whatever engine differs from it beyond rounding is wrong.
 */
import {
  BANDS,
  BLOCK,
  FRAME_FEATURES,
  HEAD_OUTPUTS,
  MIXTURES,
  STEP_INPUTS,
  STEPS_PER_FRAME,
} from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import {
  type Batch,
  batchCount,
  type Engine,
  EXAMPLE_ROWS,
  LANES,
  memberGroups,
  type StepOptions,
  type StepResult,
} from '../net/engine.ts'
import { type MaskSet, stripColumns } from '../net/mask.ts'
import { type ParameterLayout, segment } from '../net/vocoder-layout.ts'

const LOG_SCALE_MIN = -7
const LOG_SCALE_MAX = 4

type Vector = Float64Array
const vector = (n: number): Vector => new Float64Array(n)
const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))

/** One matrix of the flat vector; `strips[s]` holds the columns that strip s keeps. */
class Matrix {
  readonly rows: number
  readonly columns: number
  readonly #offset: number
  readonly #strips: ArrayLike<number>[]
  /** Columns whose weight gradients are wanted. */
  readonly #gathered: ArrayLike<number>[]

  constructor(layout: ParameterLayout, name: string, masks?: MaskSet, denseGradient = false) {
    const s = segment(layout, name)
    this.rows = s.rows
    this.columns = s.columns
    this.#offset = s.offset
    const mask = masks?.get(name)
    const all = Array.from({ length: s.columns }, (_, c) => c)
    this.#strips = Array.from({ length: s.rows / BLOCK }, (_, i) =>
      mask && s.kept !== undefined ? stripColumns(mask, s, i) : all,
    )
    this.#gathered = denseGradient ? this.#strips.map(() => all) : this.#strips
  }

  /** Calls `visit` with the index of every kept block's first weight in the flat vector, its first row and its column. */
  #blocks(strips: ArrayLike<number>[], visit: (index: number, row: number, column: number) => void): void {
    for (const [i, kept] of strips.entries())
      for (let k = 0; k < kept.length; k++)
        visit(this.#offset + (i * this.columns + kept[k]!) * BLOCK, i * BLOCK, kept[k]!)
  }

  /** y += W x. */
  multiply(parameters: ArrayLike<number>, x: Vector, y: Vector): void {
    this.#blocks(this.#strips, (index, row, column) => {
      for (let r = 0; r < BLOCK; r++) y[row + r]! += parameters[index + r]! * x[column]!
    })
  }

  /** dx += W' dy and dW += dy x', given the gradient dy of y = W x. */
  backward(parameters: ArrayLike<number>, gradient: Vector, x: Vector, dy: Vector, dx: Vector | null): void {
    this.#blocks(this.#gathered, (index, row, column) => {
      for (let r = 0; r < BLOCK; r++) gradient[index + r]! += dy[row + r]! * x[column]!
    })
    if (!dx) return
    this.#blocks(this.#strips, (index, row, column) => {
      for (let r = 0; r < BLOCK; r++) dx[column]! += dy[row + r]! * parameters[index + r]!
    })
  }
}

interface Net {
  readonly layout: ParameterLayout
  readonly parameters: ArrayLike<number>
  readonly matrix: (name: string) => Matrix
  /** First index of a segment in the flat vector. */
  readonly offset: (name: string) => number
}

function createNet(
  layout: ParameterLayout,
  parameters: ArrayLike<number>,
  masks?: MaskSet,
  denseGradient = false,
): Net {
  const matrices = new Map<string, Matrix>()
  for (const s of layout.segments)
    if (s.rows > 1) matrices.set(s.name, new Matrix(layout, s.name, masks, denseGradient))
  return { layout, parameters, matrix: (name) => matrices.get(name)!, offset: (name) => segment(layout, name).offset }
}

/** Wx + b. */
function affine(net: Net, weight: string, bias: string, x: Vector): Vector {
  const m = net.matrix(weight)
  const b = net.offset(bias)
  const y = vector(m.rows).map((_, i) => net.parameters[b + i]!)
  m.multiply(net.parameters, x, y)
  return y
}

function affineBackward(net: Net, gradient: Vector, weight: string, bias: string, x: Vector, dy: Vector, dx: Vector) {
  addTo(gradient, net.offset(bias), dy)
  net.matrix(weight).backward(net.parameters, gradient, x, dy, dx)
}

function addTo(target: Vector, at: number, values: Vector): void {
  for (let i = 0; i < values.length; i++) target[at + i]! += values[i]!
}

interface Conditioning {
  /** [frames + 2] first layer. */
  readonly first: Vector[]
  /** [frames] windows of three of them, and the second layer. */
  readonly windows: Vector[]
  readonly second: Vector[]
  /** [frames] of [3H]: reset, update, candidate. */
  readonly gates: Vector[]
}

/** `features`: normalised frames, one of context on each side. */
function condition(net: Net, features: Vector[]): Conditioning {
  const first = features.map((x) => affine(net, 'conditioning.0.weight', 'conditioning.0.bias', x).map(Math.tanh))
  const windows = first.slice(2).map((_, j) => Float64Array.from([0, 1, 2].flatMap((i) => [...first[j + i]!])))
  const second = windows.map((x) => affine(net, 'conditioning.1.weight', 'conditioning.1.bias', x).map(Math.tanh))
  const gates = second.map((x) => affine(net, 'conditioning.2.weight', 'conditioning.2.bias', x))
  return { first, windows, second, gates }
}

const throughTanh = (dy: Vector, y: Vector): Vector => dy.map((d, i) => d * (1 - y[i]! ** 2))

function conditionBackward(net: Net, gradient: Vector, features: Vector[], c: Conditioning, dgates: Vector[]): void {
  const width = net.layout.config.conditioning
  const dfirst = c.first.map(() => vector(width))
  for (const [j, d] of dgates.entries()) {
    const dsecond = vector(width)
    affineBackward(net, gradient, 'conditioning.2.weight', 'conditioning.2.bias', c.second[j]!, d, dsecond)
    const dwindow = vector(3 * width)
    const dpre = throughTanh(dsecond, c.second[j]!)
    affineBackward(net, gradient, 'conditioning.1.weight', 'conditioning.1.bias', c.windows[j]!, dpre, dwindow)
    for (let i = 0; i < 3; i++) addTo(dfirst[j + i]!, 0, dwindow.subarray(i * width, (i + 1) * width))
  }
  for (const [j, d] of dfirst.entries()) {
    const dpre = throughTanh(d, c.first[j]!)
    const unused = vector(FRAME_FEATURES)
    affineBackward(net, gradient, 'conditioning.0.weight', 'conditioning.0.bias', features[j]!, dpre, unused)
  }
}

/**
 * Gate terms c of normalised frames `features` [frames, 66], one frame of context on each side: [frames - 2, 3H],
 * order reset, update, candidate.
 */
export function conditioningGates(
  layout: ParameterLayout,
  parameters: ArrayLike<number>,
  features: Float32Array,
): Float64Array {
  const rows = Array.from({ length: features.length / FRAME_FEATURES }, (_, i) =>
    Float64Array.from(features.subarray(i * FRAME_FEATURES, (i + 1) * FRAME_FEATURES)),
  )
  return Float64Array.from(condition(createNet(layout, parameters), rows).gates.flatMap((g) => [...g]))
}

interface GruStep {
  readonly x: Vector
  readonly before: Vector
  readonly r: Vector
  readonly z: Vector
  readonly n: Vector
  /** R_n h. */
  readonly recurrent: Vector
  readonly after: Vector
}

function gruStep(net: Net, x: Vector, before: Vector, gates: Vector): GruStep {
  const h = before.length
  const sum = (gate: string, from: number): Vector => {
    const a = gates.slice(from, from + h)
    net.matrix(`gru.input.${gate}`).multiply(net.parameters, x, a)
    return a
  }
  const a = sum('reset', 0)
  net.matrix('gru.recurrent.reset').multiply(net.parameters, before, a)
  const r = a.map(sigmoid)
  const b = sum('update', h)
  net.matrix('gru.recurrent.update').multiply(net.parameters, before, b)
  const z = b.map(sigmoid)
  const recurrent = vector(h)
  net.matrix('gru.recurrent.candidate').multiply(net.parameters, before, recurrent)
  const n = sum('candidate', 2 * h).map((v, i) => Math.tanh(v + r[i]! * recurrent[i]!))
  const after = before.map((v, i) => z[i]! * v + (1 - z[i]!) * n[i]!)
  return { x, before, r, z, n, recurrent, after }
}

/** Given the gradient `dh` of the state after the step, adds to `gradient` and `dgates`; returns that of the state before. */
function gruBackward(net: Net, gradient: Vector, s: GruStep, dh: Vector, dgates: Vector): Vector {
  const h = dh.length
  const dn = dh.map((d, i) => d * (1 - s.z[i]!) * (1 - s.n[i]! ** 2))
  const dz = dh.map((d, i) => d * (s.before[i]! - s.n[i]!) * s.z[i]! * (1 - s.z[i]!))
  const dr = dn.map((d, i) => d * s.recurrent[i]! * s.r[i]! * (1 - s.r[i]!))
  const drecurrent = dn.map((d, i) => d * s.r[i]!)
  const dbefore = dh.map((d, i) => d * s.z[i]!)
  const { parameters } = net
  net.matrix('gru.recurrent.reset').backward(parameters, gradient, s.before, dr, dbefore)
  net.matrix('gru.recurrent.update').backward(parameters, gradient, s.before, dz, dbefore)
  net.matrix('gru.recurrent.candidate').backward(parameters, gradient, s.before, drecurrent, dbefore)
  net.matrix('gru.input.reset').backward(parameters, gradient, s.x, dr, null)
  net.matrix('gru.input.update').backward(parameters, gradient, s.x, dz, null)
  net.matrix('gru.input.candidate').backward(parameters, gradient, s.x, dn, null)
  addTo(dgates, 0, dr)
  addTo(dgates, h, dz)
  addTo(dgates, 2 * h, dn)
  return dbefore
}

/** Hidden units of all four heads before their step terms: V h' + bu [4K]. */
const headHidden = (net: Net, h: Vector): Vector => affine(net, 'head.hidden', 'head.hidden.bias', h)

interface Head {
  /** [x; e_0 .. e_{b-1}]. */
  readonly inputs: Vector
  readonly u: Vector
  /** o_b [12], means with their skip. */
  readonly outputs: Vector
}

function head(net: Net, band: number, hidden: Vector, inputs: Vector): Head {
  const k = net.layout.config.headHidden
  const a = hidden.slice(band * k, (band + 1) * k)
  net.matrix(`head.step.${band}.weight`).multiply(net.parameters, inputs, a)
  const u = a.map((v) => Math.max(0, v))
  const outputs = affine(net, `head.output.${band}.weight`, `head.output.${band}.bias`, u).slice(0, HEAD_OUTPUTS)
  const skip = net.offset(`head.skip.${band}.weight`)
  const shift = inputs.reduce((sum, v, i) => sum + net.parameters[skip + i]! * v, 0)
  for (let m = 0; m < MIXTURES; m++) outputs[MIXTURES + m]! += shift
  return { inputs, u, outputs }
}

/** Given the gradient of o_b [12], adds to `gradient` and, by band, to `dhidden` [4K]. */
function headBackward(net: Net, gradient: Vector, band: number, s: Head, doutputs: Vector, dhidden: Vector): void {
  const k = net.layout.config.headHidden
  const output = net.matrix(`head.output.${band}.weight`)
  const dpadded = vector(output.rows)
  dpadded.set(doutputs)
  addTo(gradient, net.offset(`head.output.${band}.bias`), doutputs)
  const du = vector(k)
  output.backward(net.parameters, gradient, s.u, dpadded, du)
  const dpre = du.map((d, i) => (s.u[i]! > 0 ? d : 0))
  net.matrix(`head.step.${band}.weight`).backward(net.parameters, gradient, s.inputs, dpre, null)
  addTo(dhidden, band * k, dpre)
  const dshift = doutputs.subarray(MIXTURES, 2 * MIXTURES).reduce((a, b) => a + b, 0)
  addTo(
    gradient,
    net.offset(`head.skip.${band}.weight`),
    s.inputs.map((v) => v * dshift),
  )
}

/** Negative log density of `e` under the mixture `o` [12] in nats, and its gradient by `o`. */
export function mixtureLoss(o: Vector, e: number): { loss: number; gradient: Vector } {
  const logSumExp = (v: number[]): number => {
    const top = Math.max(...v)
    return top + Math.log(v.reduce((s, x) => s + Math.exp(x - top), 0))
  }
  const norm = logSumExp([...o.subarray(0, MIXTURES)])
  const components = Array.from({ length: MIXTURES }, (_, m) => {
    const weight = o[m]! - norm
    const logScale = Math.min(LOG_SCALE_MAX, Math.max(LOG_SCALE_MIN, o[2 * MIXTURES + m]!))
    const v = (e - o[MIXTURES + m]!) / Math.exp(logScale)
    // The logistic density is symmetric: with |v| nothing overflows.
    const joint = weight - Math.abs(v) - 2 * Math.log1p(Math.exp(-Math.abs(v))) - logScale
    return { weight, logScale, v, joint }
  })
  const density = logSumExp(components.map((c) => c.joint))
  const gradient = vector(HEAD_OUTPUTS)
  for (const [m, { weight, logScale, v, joint }] of components.entries()) {
    const responsibility = Math.exp(joint - density)
    // d log logistic(v) / dv = 1 - 2 sigmoid(v) = -tanh(v / 2).
    const slope = -Math.tanh(v / 2)
    gradient[m] = Math.exp(weight) - responsibility
    gradient[MIXTURES + m] = (responsibility * slope) / Math.exp(logScale)
    const clipped = o[2 * MIXTURES + m]! < LOG_SCALE_MIN || o[2 * MIXTURES + m]! > LOG_SCALE_MAX
    gradient[2 * MIXTURES + m] = clipped ? 0 : responsibility * (1 + v * slope)
  }
  return { loss: -density, gradient }
}

/** One lane of a batch. */
interface Lane {
  readonly features: Vector[]
  readonly inputs: Vector[]
  readonly targets: Vector[]
  readonly weights: Vector
}

/** Rows of lane `lane` of group `group` of an array [groups, rows, size, 16]. */
function laneRows(data: Float32Array, group: number, rows: number, size: number, lane: number): Vector[] {
  return Array.from({ length: rows }, (_, row) =>
    Float64Array.from({ length: size }, (_, i) => data[((group * rows + row) * size + i) * LANES + lane]!),
  )
}

function takeLane(batch: Batch, group: number, lane: number): Lane {
  const frames = batch.steps / STEPS_PER_FRAME
  const examples = laneRows(batch.examples, group, batch.steps, EXAMPLE_ROWS, lane)
  return {
    features: laneRows(batch.frames, group, frames + 2, FRAME_FEATURES, lane),
    inputs: examples.map((v) => v.subarray(0, STEP_INPUTS.count)),
    targets: examples.map((v) => v.subarray(STEP_INPUTS.count)),
    weights: laneRows(batch.weights, group, 1, frames, lane)[0]!,
  }
}

interface LaneResult {
  /** [4] weighted sums of the loss. */
  readonly losses: Vector
  readonly state: Vector
  /** [steps][4] of [12]. */
  readonly outputs: Vector[][]
}

/** Forward over one lane from `state`; with `gradient` also backward, truncated at the first step, adding sums to it. */
function runLane(net: Net, lane: Lane, state: Vector, gradient: Vector | null): LaneResult {
  const conditioning = condition(net, lane.features)
  const losses = vector(BANDS)
  const steps: GruStep[] = []
  const heads: Head[][] = []
  const dheads: Vector[][] = []
  let h = state
  for (const [t, x] of lane.inputs.entries()) {
    const frame = Math.floor(t / STEPS_PER_FRAME)
    const step = gruStep(net, x, h, conditioning.gates[frame]!)
    h = step.after
    steps.push(step)
    const hidden = headHidden(net, h)
    const e = lane.targets[t]!
    heads.push(Array.from({ length: BANDS }, (_, b) => head(net, b, hidden, Float64Array.of(...x, ...e.slice(0, b)))))
    dheads.push(
      heads[t]!.map(({ outputs }, b) => {
        const { loss, gradient: d } = mixtureLoss(outputs, e[b]!)
        losses[b]! += lane.weights[frame]! * loss
        return d.map((v) => v * lane.weights[frame]!)
      }),
    )
  }
  if (gradient) {
    const dgates = conditioning.gates.map((g) => vector(g.length))
    let dh = vector(h.length)
    for (let t = steps.length - 1; t >= 0; t--) {
      const dhidden = vector(BANDS * net.layout.config.headHidden)
      for (let b = 0; b < BANDS; b++) headBackward(net, gradient, b, heads[t]![b]!, dheads[t]![b]!, dhidden)
      affineBackward(net, gradient, 'head.hidden', 'head.hidden.bias', steps[t]!.after, dhidden, dh)
      dh = gruBackward(net, gradient, steps[t]!, dh, dgates[Math.floor(t / STEPS_PER_FRAME)]!)
    }
    conditionBackward(net, gradient, lane.features, conditioning, dgates)
  }
  return { losses, state: h, outputs: heads.map((bands) => bands.map((s) => s.outputs)) }
}

export interface ReferenceRun extends StepResult {
  /** Flat mean gradient; null when not asked for. */
  readonly gradient: Float64Array | null
}

const ALL_LANES: readonly number[] = Array.from({ length: LANES }, (_, l) => l)

/**
 * `Engine.run` in double precision throughout: parameters may be a Float64Array and the gradient is not rounded. Lanes
 * that are not in `lanes` are left out, with their state; they should have weight 0.
 */
export function runReference(
  layout: ParameterLayout,
  parameters: ArrayLike<number>,
  members: readonly MaskSet[],
  batch: Batch,
  state: Float32Array,
  wantGradient: boolean,
  onLane: (group: number, lane: number, result: LaneResult) => void = () => {},
  lanes: readonly number[] = ALL_LANES,
  options: StepOptions = {},
): ReferenceRun {
  const hidden = layout.config.hidden
  const losses = new Float64Array(members.length * BANDS)
  const gradient = wantGradient ? vector(layout.size) : null
  const counts = new Float64Array(members.length)
  for (const [m, masks] of members.entries()) {
    const net = createNet(layout, parameters, masks, options.denseGradient)
    const [from, groups] = memberGroups(m, members.length, batch.groups, options)
    counts[m] = batchCount(batch, from, groups)
    for (let g = 0; g < groups; g++)
      for (const l of lanes) {
        const at = (i: number) => ((m * groups + g) * hidden + i) * LANES + l
        const before = vector(hidden).map((_, i) => state[at(i)]!)
        const result = runLane(net, takeLane(batch, from + g, l), before, gradient)
        for (const [i, v] of result.state.entries()) state[at(i)] = v
        addTo(losses, m * BANDS, result.losses)
        onLane(from + g, l, result)
      }
  }
  const sum = counts.reduce((a, b) => a + b, 0)
  const scale = 1 / Math.max(1, sum)
  return { losses, count: batchCount(batch), counts, gradient: gradient ? gradient.map((v) => v * scale) : null }
}

/** The engine `reference`; runs in the calling thread whatever `threads` says. */
export async function createReferenceEngine(layout: ParameterLayout, _options: { threads: number }): Promise<Engine> {
  return {
    name: 'reference',
    async run(parameters, members, batch, state, gradient, options) {
      const wanted = gradient !== null
      const result = runReference(layout, parameters, members, batch, state, wanted, undefined, undefined, options)
      if (gradient) gradient.set(result.gradient!)
      return { losses: result.losses, count: result.count, counts: result.counts }
    },
    async outputs(parameters, member, batch, state) {
      const all = new Float32Array(batch.groups * batch.steps * BANDS * HEAD_OUTPUTS * LANES)
      runReference(layout, parameters, [member], batch, state, false, (group, lane, { outputs }) => {
        for (const [t, bands] of outputs.entries())
          for (const [b, o] of bands.entries())
            for (const [i, v] of o.entries())
              all[(((group * batch.steps + t) * BANDS + b) * HEAD_OUTPUTS + i) * LANES + lane] = v
      })
      return all
    },
    close() {},
  }
}
