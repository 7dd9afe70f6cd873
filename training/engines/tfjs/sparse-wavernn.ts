/**
 * The engine `tfjs`: the Sparse WaveRNN (docs/reference/net.md) forward and backward in TensorFlow.js operations, on any of its backends. All groups a
 * member sees run as one; activations are [features, positions x lanes]. Only the GRU goes step by step.
 */
import type { Rank, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import {
  BANDS,
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
  type EngineOptions,
  EXAMPLE_ROWS,
  LANES,
  memberGroups,
} from '../../net/engine.ts'
import type { MaskSet } from '../../net/mask.ts'
import { PADDED_OUTPUTS, type ParameterLayout, segment } from '../../net/vocoder-layout.ts'
import { loadTfjs, type Tf, type TfjsOptions } from '../tfjs.ts'
import { mixtureLoss } from './mixture.ts'
import { addBlocks, type TfMatrix, tfMatrix } from './products.ts'

const GATES = ['reset', 'update', 'candidate'] as const

/** Tensors that a run of one member leaves; the caller disposes of them. */
interface Made {
  /** [4]. */
  readonly losses: Tensor
  /** [groups, H, 16]. */
  readonly state: Tensor
  /** Gradients by segment, as `TfMatrix.gradient` gives them or as vectors. */
  readonly gradients: Record<string, Tensor>
  /** [groups, steps, 4, 12, 16]. */
  readonly outputs: Tensor
}

interface Options {
  readonly backward: boolean
  readonly dense: boolean
}

/** Runs groups [from, from + groups) with one member's masks. To be called in a `tf.tidy`. */
function runMember(
  tf: Tf,
  layout: ParameterLayout,
  parameters: Float32Array,
  masks: MaskSet,
  batch: Batch,
  [from, groups]: readonly [number, number],
  state: Float32Array,
  { backward, dense }: Options,
): Made {
  const { hidden: h, headHidden: k } = layout.config
  const { steps } = batch
  const frames = steps / STEPS_PER_FRAME
  const lanes = groups * LANES
  const n = steps * lanes
  const gradients: Record<string, Tensor> = {}

  const part = (name: string) => {
    const { offset, size } = segment(layout, name)
    return parameters.subarray(offset, offset + size)
  }
  const matrices = new Map<string, TfMatrix>()
  const matrix = (name: string): TfMatrix => {
    const made = matrices.get(name) ?? tfMatrix(tf, part(name), segment(layout, name), masks.get(name))
    matrices.set(name, made)
    return made
  }
  const column = (name: string) => tf.tensor2d(part(name), [segment(layout, name).size, 1])
  const affine = (name: string, x: Tensor2D, bias: string): Tensor2D => tf.add(matrix(name).forward(x), column(bias))
  const learn = (name: string, x: Tensor2D, dy: Tensor2D, bias?: string) => {
    gradients[name] = matrix(name).gradient(x, dy, dense && segment(layout, name).kept !== undefined)
    if (bias !== undefined) gradients[bias] = dy.sum(1)
  }
  /** [groups, positions, features, 16] as [features, positions x lanes]. */
  const rows = (data: Float32Array, positions: number, features: number): Tensor2D => {
    const size = positions * features * LANES
    return tf
      .tensor4d(data.subarray(from * size, (from + groups) * size), [groups, positions, features, LANES])
      .transpose([2, 1, 0, 3])
      .reshape([features, positions * lanes])
  }
  const slice = (x: Tensor2D, row: number, count: number): Tensor2D => tf.slice(x, [row, 0], [count, -1])
  const throughTanh = (dy: Tensor2D, y: Tensor2D): Tensor2D => tf.mul(dy, tf.sub(1, tf.square(y)))

  // Frame rate.
  const features = rows(batch.frames, frames + 2, FRAME_FEATURES)
  const first: Tensor2D = affine('conditioning.0.weight', features, 'conditioning.0.bias').tanh()
  const windows = tf.concat(
    [0, 1, 2].map((i) => tf.slice(first, [0, i * lanes], [-1, frames * lanes])),
    0,
  ) as Tensor2D
  const second: Tensor2D = affine('conditioning.1.weight', windows, 'conditioning.1.bias').tanh()
  const frameGates = affine('conditioning.2.weight', second, 'conditioning.2.bias')
  const gates = frameGates
    .reshape([3 * h, frames, 1, lanes])
    .tile([1, 1, STEPS_PER_FRAME, 1])
    .reshape<Tensor2D>([3 * h, n])

  // The GRU.
  const examples = rows(batch.examples, steps, EXAMPLE_ROWS)
  const x = slice(examples, 0, STEP_INPUTS.count)
  const sums = GATES.map((gate, i) =>
    tf.split(tf.add<Tensor2D>(matrix(`gru.input.${gate}`).forward(x), slice(gates, i * h, h)), steps, 1),
  )
  const recurrent = GATES.map((gate) => matrix(`gru.recurrent.${gate}`))
  const path: { before: Tensor2D; r: Tensor2D; z: Tensor2D; c: Tensor2D; q: Tensor2D }[] = []
  let now: Tensor2D = tf.tensor3d(state, [groups, h, LANES]).transpose([1, 0, 2]).reshape([h, lanes])
  const after: Tensor2D[] = []
  for (let t = 0; t < steps; t++) {
    const before = now
    const [toR, toZ, q] = recurrent.map((m) => m.forward(before)) as [Tensor2D, Tensor2D, Tensor2D]
    const r: Tensor2D = tf.sigmoid(tf.add(sums[0]![t]!, toR))
    const z: Tensor2D = tf.sigmoid(tf.add(sums[1]![t]!, toZ))
    const c: Tensor2D = tf.tanh(tf.add(sums[2]![t]!, tf.mul(r, q)))
    now = tf.add(tf.mul(z, before), tf.mul(tf.sub(1, z), c))
    path.push({ before, r, z, c, q })
    after.push(now)
  }
  const states = tf.concat(after, 1)

  // Heads.
  const targets = slice(examples, STEP_INPUTS.count, BANDS)
  const perGroup = frames * LANES
  const weights = tf
    .tensor3d(batch.weights.subarray(from * perGroup, (from + groups) * perGroup), [groups, frames, LANES])
    .transpose([1, 0, 2])
    .reshape([frames, 1, lanes])
    .tile([1, STEPS_PER_FRAME, 1])
    .reshape<Tensor1D>([n])
  const shared = affine('head.hidden', states, 'head.hidden.bias')
  const bands = Array.from({ length: BANDS }, (_, b) => {
    const inputs = tf.concat([x, slice(targets, 0, b)], 0)
    const active: Tensor2D = tf.relu(tf.add(slice(shared, b * k, k), matrix(`head.step.${b}.weight`).forward(inputs)))
    const raw = affine(`head.output.${b}.weight`, active, `head.output.${b}.bias`)
    const shift: Tensor2D = tf.matMul(column(`head.skip.${b}.weight`), inputs, true)
    const made = mixtureLoss(tf, {
      logits: slice(raw, 0, MIXTURES),
      means: tf.add(slice(raw, MIXTURES, MIXTURES), shift),
      scales: slice(raw, 2 * MIXTURES, MIXTURES),
      target: slice(targets, b, 1),
      weights,
    })
    return { inputs, active, ...made }
  })
  const outputs = tf
    .concat(
      bands.map((b) => b.outputs),
      0,
    )
    .reshape([BANDS, HEAD_OUTPUTS, steps, groups, LANES])
    .transpose([3, 2, 0, 1, 4])
  const losses = tf.stack(bands.map((b) => b.loss))
  const last = now.reshape([h, groups, LANES]).transpose([1, 0, 2])
  if (!backward) return { losses, state: last, outputs, gradients }

  const dshared = tf.concat(
    bands.map(({ inputs, active, dlogits, dmeans, dscales }, b) => {
      const padding = tf.zeros<Rank.R2>([PADDED_OUTPUTS - HEAD_OUTPUTS, n])
      const doutput = tf.concat([dlogits, dmeans, dscales, padding], 0)
      learn(`head.output.${b}.weight`, active, doutput, `head.output.${b}.bias`)
      gradients[`head.skip.${b}.weight`] = tf.matMul(inputs, dmeans.sum(0, true), false, true).flatten()
      const dactive: Tensor2D = tf.mul(matrix(`head.output.${b}.weight`).backward(doutput), tf.step(active))
      learn(`head.step.${b}.weight`, inputs, dactive)
      return dactive
    }),
    0,
  )
  learn('head.hidden', states, dshared, 'head.hidden.bias')
  const dstates = tf.split(matrix('head.hidden').backward(dshared), steps, 1) as Tensor2D[]
  let carry: Tensor2D = tf.zeros([h, lanes])
  const back: { dr: Tensor2D; dz: Tensor2D; dc: Tensor2D; dq: Tensor2D }[] = new Array(steps)
  for (let t = steps - 1; t >= 0; t--) {
    const { before, r, z, c, q } = path[t]!
    const d: Tensor2D = tf.add(carry, dstates[t]!)
    const dc = throughTanh(tf.mul(d, tf.sub(1, z)), c)
    const dr: Tensor2D = tf.mul(tf.mul(dc, q), tf.mul(r, tf.sub(1, r)))
    const dz: Tensor2D = tf.mul(tf.mul(d, tf.sub(before, c)), tf.mul(z, tf.sub(1, z)))
    const dq: Tensor2D = tf.mul(dc, r)
    carry = tf.addN([tf.mul(d, z), ...[dr, dz, dq].map((v, i) => recurrent[i]!.backward(v))])
    back[t] = { dr, dz, dc, dq }
  }
  const all = (key: 'dr' | 'dz' | 'dc' | 'dq') =>
    tf.concat(
      back.map((b) => b[key]),
      1,
    )
  const [dr, dz, dc, dq] = [all('dr'), all('dz'), all('dc'), all('dq')]
  const before = tf.concat(
    path.map((p) => p.before),
    1,
  )
  for (const [i, gate] of GATES.entries()) {
    learn(`gru.input.${gate}`, x, [dr, dz, dc][i]!)
    // The candidate's recurrent sum is gated before it joins the rest.
    learn(`gru.recurrent.${gate}`, before, [dr, dz, dq][i]!)
  }
  const dgates = tf
    .concat([dr, dz, dc], 0)
    .reshape([3 * h, frames, STEPS_PER_FRAME, lanes])
    .sum(2)
    .reshape<Tensor2D>([3 * h, frames * lanes])
  learn('conditioning.2.weight', second, dgates, 'conditioning.2.bias')
  const dsecond = throughTanh(matrix('conditioning.2.weight').backward(dgates), second)
  learn('conditioning.1.weight', windows, dsecond, 'conditioning.1.bias')
  const dwindows = matrix('conditioning.1.weight').backward(dsecond)
  const width = layout.config.conditioning
  const places = [0, 1, 2].map((i) =>
    tf.pad2d(slice(dwindows, i * width, width), [
      [0, 0],
      [i * lanes, (2 - i) * lanes],
    ]),
  )
  learn('conditioning.0.weight', features, throughTanh(tf.addN(places), first), 'conditioning.0.bias')
  return { losses, state: last, outputs, gradients }
}

/** Throws ENGINE_UNAVAILABLE when the `backend` is not there. */
export async function createTfjsEngine(
  layout: ParameterLayout,
  { threads, backend: wanted }: EngineOptions & TfjsOptions,
): Promise<Engine> {
  const { tf, backend } = await loadTfjs({ threads, wasm: true, ...(wanted ? { backend: wanted } : {}) })
  const compute = async (options: Options, ...rest: RunArguments): Promise<Made & { dispose(): void }> => {
    // Whoever else uses TensorFlow.js in this process may have set another.
    await tf.setBackend(backend)
    const made = tf.tidy(() => runMember(tf, layout, ...rest, options) as unknown as { [key: string]: Tensor })
    return { ...(made as unknown as Made), dispose: () => tf.dispose(made) }
  }
  return {
    name: `tfjs (${backend})`,
    async run(parameters, members, batch, state, gradient, options = {}) {
      const seen = members.map((_, m) => memberGroups(m, members.length, batch.groups, options))
      const counts = Float64Array.from(seen, ([from, groups]) => batchCount(batch, from, groups))
      const losses = new Float64Array(members.length * BANDS)
      const sums = gradient && new Float32Array(layout.size)
      const next = new Float32Array(state.length)
      let at = 0
      for (const [m, masks] of members.entries()) {
        const size = seen[m]![1] * layout.config.hidden * LANES
        const own = state.subarray(at, at + size)
        const dense = options.denseGradient ?? false
        const made = await compute({ backward: gradient !== null, dense }, parameters, masks, batch, seen[m]!, own)
        losses.set(await made.losses.data(), m * BANDS)
        next.set(await made.state.data(), at)
        at += size
        for (const [name, g] of Object.entries(made.gradients)) {
          const s = segment(layout, name)
          const to = sums!.subarray(s.offset, s.offset + s.size)
          const data = await g.data()
          if (s.rows > 1) addBlocks(to, data, s, masks.get(name))
          else for (const [i, v] of data.entries()) to[i]! += v
        }
        made.dispose()
      }
      state.set(next)
      const scale =
        1 /
        Math.max(
          1,
          counts.reduce((a, b) => a + b, 0),
        )
      gradient?.set(sums!.map((v) => v * scale))
      return { losses, count: batchCount(batch), counts }
    },
    async outputs(parameters, member, batch, state) {
      const made = await compute({ backward: false, dense: false }, parameters, member, batch, [0, batch.groups], state)
      const outputs = Float32Array.from(await made.outputs.data())
      state.set(await made.state.data())
      made.dispose()
      return outputs
    },
    close() {},
  }
}

type RunArguments = [Float32Array, MaskSet, Batch, readonly [number, number], Float32Array]
