/**
 * The native engine: C++ threads, 16 lanes a task, AMX, AVX-512 or AVX2 chosen at run time. SPARSEWAVE_TRAIN_ISA forces one.
 */

import { BANDS, FRAME_FEATURES, HEAD_OUTPUTS, STEP_INPUTS } from 'sparsewave/internal/vocoder/sparse-wavernn/config'
import { chooseIsa, findAddon, nativeIsas, requireAddon } from '../net/addon.ts'
import {
  type Batch,
  batchCount,
  type Engine,
  LANES,
  memberGroups,
  type StepOptions,
  type StepResult,
} from '../net/engine.ts'
import type { MaskSet } from '../net/mask.ts'
import { MASKED, type ParameterLayout } from '../net/vocoder-layout.ts'
import type { Product, Products } from './products.ts'

/** The addon's block-sparse products; undefined when it was not built. */
export function nativeProducts(): Products | undefined {
  const native = findAddon()
  if (!native) return undefined
  const isa = chooseIsa()
  const kinds = { forward: 0, backward: 1, accumulate: 2 }
  const call = (kind: keyof typeof kinds): Product => {
    return (weights, { rows, columns }, mask, x, y) => {
      const groups = x.length / (columns * LANES)
      native.product(Int32Array.of(kinds[kind], rows / 16, columns, groups, isa), weights, mask, x, y)
    }
  }
  return { name: 'native', forward: call('forward'), backward: call('backward'), accumulate: call('accumulate') }
}

/** The fastest ISA whose products are in single precision: what other engines are compared with. */
export const singlePrecisionIsa = (): string => nativeIsas().find((name) => name !== 'amx')!

/** The native engine with that ISA. */
export const createSinglePrecisionEngine = (layout: ParameterLayout, options: { threads: number }): Promise<Engine> =>
  createNativeEngine(layout, { ...options, isa: singlePrecisionIsa() })

/** `isa`: default SPARSEWAVE_TRAIN_ISA, else the fastest of this CPU. */
export async function createNativeEngine(
  layout: ParameterLayout,
  options: { threads: number; isa?: string },
): Promise<Engine> {
  const native = requireAddon()
  const isa = chooseIsa(options.isa)
  const { hidden, headHidden, conditioning } = layout.config
  const offsets = Float64Array.from([...layout.segments.map((s) => s.offset), layout.size])

  const run = async (
    parameters: Float32Array,
    members: readonly MaskSet[],
    batch: Batch,
    state: Float32Array,
    gradient: Float32Array | null,
    outputs: Float32Array | null,
    step: StepOptions,
  ): Promise<StepResult> => {
    const seen = members.map((_, m) => memberGroups(m, members.length, batch.groups, step))
    const counts = Float64Array.from(seen, ([from, groups]) => batchCount(batch, from, groups))
    const sum = counts.reduce((a, b) => a + b, 0)
    const sizes = Int32Array.of(
      hidden,
      headHidden,
      conditioning,
      STEP_INPUTS.count,
      FRAME_FEATURES,
      members.length,
      batch.groups,
      batch.steps,
      options.threads,
      isa,
      step.share === 'pairs' ? seen[0]![1] : 0,
      step.denseGradient ? 1 : 0,
    )
    const losses = await native.run(
      sizes,
      offsets,
      parameters,
      members.flatMap((m) => MASKED.map((name) => m.get(name)!)),
      batch.examples,
      batch.frames,
      batch.weights,
      state,
      gradient,
      1 / Math.max(1, sum),
      outputs,
    )
    return { losses, count: batchCount(batch), counts }
  }

  return {
    name: `native-${native.isas()[isa]!.name}`,
    run: (parameters, members, batch, state, gradient, step = {}) =>
      run(parameters, members, batch, state, gradient, null, step),
    async outputs(parameters, member, batch, state) {
      const outputs = new Float32Array(batch.groups * batch.steps * BANDS * HEAD_OUTPUTS * LANES)
      await run(parameters, [member], batch, state, null, outputs, {})
      return outputs
    },
    close() {},
  }
}
