/**
 * The Sparse WaveRNN as a sequence of kernel calls (docs/reference/net.md).
 */
import { BANDS, FRAME_FEATURES, STEP_INPUTS, STEPS_PER_FRAME } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { type Batch, batchCount, EXAMPLE_ROWS, LANES } from '../../net/engine.ts'
import { type ParameterLayout, segment } from '../../net/vocoder-layout.ts'
import { type Call, Calls, type DeviceNet, type PassOptions, place, rows } from './net.ts'
import { FLAGS, MIXTURE_ROWS } from './shaders.ts'

export const sparseWavernnNet = (layout: ParameterLayout): DeviceNet<Batch> => ({
  layout,
  shaders: [
    ...(['forward', 'gruForward', 'mixture', 'losses'] as const),
    ...(['backward', 'gruBackward', 'frameSums', 'windows', 'accumulate', 'addParts'] as const),
  ],
  lossParts: BANDS,
  stateFeatures: layout.config.hidden,
  steps(batch) {
    if (batch.steps % STEPS_PER_FRAME !== 0 || batch.frames.length % (FRAME_FEATURES * LANES) !== 0)
      throw new Error('a batch holds whole frames')
    return batch.steps
  },
  groups: ({ groups }) => groups,
  count: batchCount,
  arrays: (batch) => ({ examples: batch.examples, frames: batch.frames, weights: batch.weights }),
  slotSizes: (steps, backward) => slotSizes(layout, steps, backward),
  passes: (o) => passes(layout, o),
})

/** Floats of one slot in each buffer. */
function slotSizes({ config }: ParameterLayout, steps: number, backward: boolean): Record<string, number> {
  const { hidden: h, headHidden: k, conditioning: c } = config
  const frames = steps / STEPS_PER_FRAME
  const back = (rows: number) => (backward ? rows * LANES : LANES)
  return {
    c0: (frames + 2) * c * LANES,
    c1: frames * c * LANES,
    gates: frames * 3 * h * LANES,
    gru: steps * 4 * h * LANES,
    states: (steps + 1) * h * LANES,
    hidden: steps * BANDS * k * LANES,
    outputs: steps * BANDS * 16 * LANES,
    mixture: steps * MIXTURE_ROWS * LANES,
    losses: BANDS,
    dhidden: back(steps * BANDS * k),
    dstates: back(steps * h),
    dgru: back(steps * 4 * h),
    // With room for a value of each block of the recurrent matrices, even were all kept.
    carry: back(h + (3 * h * h) / 16),
    dgates: back(frames * 3 * h),
    dc1: back(frames * c),
    dwindows: back(frames * 3 * c),
    dc0: back((frames + 2) * c),
  }
}

function passes(layout: ParameterLayout, o: PassOptions): Call[] {
  const { hidden: h, headHidden: k, conditioning: c } = layout.config
  const { slots, steps } = o
  const frames = steps / STEPS_PER_FRAME
  const calls = new Calls(layout, o)

  const features = rows('frames', FRAME_FEATURES, frames + 2, 0, { byGroup: true })
  const c0 = rows('c0', c, frames + 2)
  const c1 = rows('c1', c, frames)
  const step = rows('examples', EXAMPLE_ROWS, steps, 0, { byGroup: true })
  const gateRows = (buffer: string, size: number, positions: number, gate: number) =>
    rows(buffer, size, positions, gate * h)
  const after = { ...rows('states', h, steps + 1), offset: h * LANES }
  const recurrent = ['reset', 'update', 'candidate'].map((gate) => `gru.recurrent.${gate}`)
  const bandHidden = (buffer: string, b: number) => rows(buffer, BANDS * k, steps, b * k)

  calls.forward('conditioning.0.weight', frames + 2, features, c0, FLAGS.tanh, 'conditioning.0.bias')
  calls.forward('conditioning.1.weight', frames, c0, c1, FLAGS.tanh, 'conditioning.1.bias')
  calls.forward('conditioning.2.weight', frames, c1, rows('gates', 3 * h, frames), 0, 'conditioning.2.bias')
  for (const [i, gate] of ['reset', 'update', 'candidate'].entries())
    calls.forward(
      `gru.input.${gate}`,
      steps,
      step,
      gateRows('gru', 4 * h, steps, i),
      0,
      undefined,
      gateRows('gates', 3 * h, frames, i),
    )
  calls.add('gruForward', [slots, 1], { y: 'gru', z: 'states' }, { steps, rows: h, cols: h }, recurrent)
  calls.forward('head.hidden', steps, after, bandHidden('hidden', 0), 0, 'head.hidden.bias')
  for (let b = 0; b < BANDS; b++) {
    calls.forward(`head.step.${b}.weight`, steps, step, bandHidden('hidden', b), FLAGS.add | FLAGS.relu)
    const outputs = rows('outputs', BANDS * 16, steps, b * 16)
    calls.forward(`head.output.${b}.weight`, steps, bandHidden('hidden', b), outputs, 0, `head.output.${b}.bias`)
  }
  const skips = Array.from({ length: BANDS }, (_, b) => segment(layout, `head.skip.${b}.weight`).offset)
  calls.list.push({
    shader: 'mixture',
    groups: [steps, 1, slots],
    buffers: { x: 'examples', a: 'weights', y: 'mixture', z: 'outputs' },
    uniform: { slots, table: o.table, steps, rows: STEP_INPUTS.count, ...place('x', step), aSlot: frames * LANES },
    matrices: [skips],
  })
  calls.add('losses', [slots * BANDS, 1], { x: 'mixture', y: 'losses' }, { steps })
  if (!o.backward) return calls.list

  for (let b = 0; b < BANDS; b++) {
    const doutputs = rows('mixture', MIXTURE_ROWS, steps, b * 16)
    const dhidden = bandHidden('dhidden', b)
    calls.backward(`head.output.${b}.weight`, steps, doutputs, dhidden, FLAGS.throughRelu, bandHidden('hidden', b))
    calls.accumulate(`head.output.${b}.weight`, steps, bandHidden('hidden', b), doutputs)
    calls.accumulate(`head.output.${b}.bias`, steps, undefined, doutputs)
    calls.accumulate(`head.step.${b}.weight`, steps, step, dhidden)
    calls.accumulate(`head.skip.${b}.weight`, steps, step, rows('mixture', MIXTURE_ROWS, steps, 64 + b), FLAGS.vector)
  }
  calls.accumulate('head.hidden', steps, after, bandHidden('dhidden', 0))
  calls.accumulate('head.hidden.bias', steps, undefined, bandHidden('dhidden', 0))
  calls.backward('head.hidden', steps, bandHidden('dhidden', 0), rows('dstates', h, steps))
  const gru = { x: 'states', a: 'dstates', b: 'gru', y: 'dgru', z: 'carry' } as const
  calls.add('gruBackward', [slots, 1], gru, { steps, rows: h, cols: h, each: (3 * h * h) / 16 }, recurrent)
  for (const [i, gate] of ['reset', 'update', 'candidate'].entries()) {
    calls.accumulate(`gru.input.${gate}`, steps, step, gateRows('dgru', 4 * h, steps, i))
    // The candidate's recurrent sum is gated before it joins the rest.
    const dy = gateRows('dgru', 4 * h, steps, gate === 'candidate' ? 3 : i)
    calls.accumulate(`gru.recurrent.${gate}`, steps, rows('states', h, steps + 1), dy)
  }
  calls.add('frameSums', [frames, (3 * h) / 16, slots], { x: 'dgru', y: 'dgates' }, { rows: h, steps: frames })
  const dgates = rows('dgates', 3 * h, frames)
  const dc1 = rows('dc1', c, frames)
  calls.accumulate('conditioning.2.weight', frames, c1, dgates)
  calls.accumulate('conditioning.2.bias', frames, undefined, dgates)
  calls.backward('conditioning.2.weight', frames, dgates, dc1, FLAGS.throughTanh, c1)
  calls.accumulate('conditioning.1.weight', frames, c0, dc1)
  calls.accumulate('conditioning.1.bias', frames, undefined, dc1)
  calls.backward('conditioning.1.weight', frames, dc1, rows('dwindows', 3 * c, frames))
  calls.add('windows', [frames + 2, c / 16, slots], { x: 'dwindows', a: 'c0', y: 'dc0' }, { rows: c, steps: frames })
  const dc0 = rows('dc0', c, frames + 2)
  calls.accumulate('conditioning.0.weight', frames + 2, features, dc0)
  calls.accumulate('conditioning.0.bias', frames + 2, undefined, dc0)
  calls.addParts()
  return calls.list
}
