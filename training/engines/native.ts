/**
 * The native engine: C++ threads, 16 lanes a task, AMX, AVX-512 or AVX2 chosen at run time. SPARSEWAVE_TRAIN_ISA forces one.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { nearest, SparsewaveError } from '../../src/errors.ts'
import { PACKAGE_ROOT } from '../../src/root.ts'
import { BANDS, FRAME_FEATURES, HEAD_OUTPUTS, STEP_INPUTS } from '../../src/vocoder/sparse-wavernn/config.ts'
import type { MaskSet } from '../masks/mask.ts'
import { type AdamOptions, adamUpdate as portableAdam } from '../tasks/acoustic/adam.ts'
import { MASKED, type ParameterLayout } from '../tasks/sparse-wavernn/parameters.ts'
import {
  type Batch,
  batchCount,
  type Engine,
  LANES,
  memberGroups,
  type StepOptions,
  type StepResult,
} from './engine.ts'
import type { Product, Products } from './products.ts'

interface Addon {
  run(
    sizes: Int32Array,
    offsets: Float64Array,
    parameters: Float32Array,
    masks: Uint16Array[],
    examples: Float32Array,
    frames: Float32Array,
    weights: Float32Array,
    state: Float32Array,
    gradient: Float32Array | null,
    scale: number,
    outputs: Float32Array | null,
  ): Promise<Float64Array>
  adam(
    parameters: Float32Array,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    average: Float32Array,
    options: Float64Array,
  ): number
  product(sizes: Int32Array, weights: Float32Array, mask: Uint16Array, x: Float32Array, y: Float32Array): void
  isas(): { name: string; supported: boolean }[]
}

let addon: Addon | undefined

/** Loads the addon; throws ENGINE_UNAVAILABLE when it was not built (no C++ compiler). */
function load(): Addon {
  try {
    addon ??= createRequire(import.meta.url)(join(PACKAGE_ROOT, 'build/native/train.node')) as Addon
  } catch (cause) {
    throw new SparsewaveError('ENGINE_UNAVAILABLE', 'The native training engine is not built.', {
      remedy:
        'Install a C++17 compiler (g++ or clang++) and run `npm run build`, or set `engine: reference` (very slow).',
      cause,
    })
  }
  return addon
}

function isBuilt(): boolean {
  try {
    load()
    return true
  } catch {
    return false
  }
}

/** Names of the instruction sets this CPU can train with, fastest first. */
export const nativeIsas = (): string[] =>
  load()
    .isas()
    .filter((i) => i.supported)
    .map((i) => i.name)

function chooseIsa(wanted = process.env.SPARSEWAVE_TRAIN_ISA): number {
  const all = load().isas()
  if (!wanted) return all.findIndex((i) => i.supported)
  const index = all.findIndex((i) => i.name === wanted)
  if (index >= 0 && all[index]!.supported) return index
  const names = nativeIsas()
  const near = nearest(wanted, names)
  throw new SparsewaveError(
    index < 0 ? 'KERNEL_UNKNOWN' : 'KERNEL_UNAVAILABLE',
    `SPARSEWAVE_TRAIN_ISA is '${wanted}'; this CPU can run: ${names.join(', ')}.${index < 0 && near ? ` Did you mean '${near}'?` : ''}`,
    { remedy: 'Unset SPARSEWAVE_TRAIN_ISA to let sparsewave choose.' },
  )
}

/**
 * One Adam update with clipping, in place (all arrays of one length); returns the gradient's norm before clipping.
 * When it is not finite nothing changes. Without the addon it runs in TypeScript.
 */
export function adamUpdate(
  parameters: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  average: Float32Array,
  o: AdamOptions,
): number {
  if (!isBuilt()) {
    const state = {
      parameters: { all: parameters },
      first: { all: first },
      second: { all: second },
      average: { all: average },
    }
    return portableAdam(state, { all: gradient }, o)
  }
  const options = Float64Array.of(o.rate, o.beta1, o.beta2, o.epsilon, o.clip, o.average, o.step)
  return load().adam(parameters, gradient, first, second, average, options)
}

/** The addon's block-sparse products; undefined when it was not built. */
export function nativeProducts(): Products | undefined {
  if (!isBuilt()) return undefined
  const native = load()
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
  const native = load()
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
