/**
 * The native kernels: C++ compiled for several ISAs into one addon, chosen at run time. A thin wrapper: shapes are checked
 * by the addon.
 */
import { tryAddon } from '../native-addon.ts'
import { BANDS, HEAD_OUTPUTS } from '../vocoder/sparse-wavernn/config.ts'
import { modelImage } from './image.ts'
import type { FrameBlocks, KernelModel, KernelStream, Precision, StreamJob, VocoderKernel } from './kernel.ts'

export type Isa = 'avx512' | 'avx2' | 'neon' | 'baseline'
type Handle = { readonly __handle: unique symbol }

interface Addon {
  createModel(isa: number, header: Int32Array, values: Float32Array, columns: Uint16Array, integers: Int16Array): Handle
  createStream(model: Handle, seed: number): Handle
  streamBytes(model: Handle): number
  generate(
    stream: Handle,
    gates: Float32Array,
    lpc: Float32Array,
    gain: Float32Array,
    inverseLevel: Float32Array,
    lag: Int32Array,
    phaseIncrement: Float64Array,
    from: number,
    count: number,
    out: Float32Array,
    at: number,
  ): void
  /** The jobs' streams are `NativeStream`s. */
  generateMany(model: Handle, jobs: readonly StreamJob[], count: number): void
  outputs(
    stream: Handle,
    steps: number,
    inputs: Float32Array,
    gates: Float32Array,
    residuals: Float32Array,
    out: Float32Array,
  ): void
  activate(isa: number, which: number, values: Float32Array): void
  peak(isa: number, rounds: number, bits: 8 | 16 | 32): number
  dispose(handle: Handle): void
  /** `int8`: whether the CPU multiplies 8-bit integers with it. */
  isas(): { name: Isa; supported: boolean; int8: boolean }[]
  features(): string[]
}

const load = () => tryAddon<Addon>('infer')

/** The addon's instruction sets, fastest first, and whether this CPU has them; empty when the addon is not built. */
export const nativeIsas = (): { name: Isa; supported: boolean }[] => load().addon?.isas() ?? []

/** Vector extensions of the CPU as the addon sees them; empty when it is not built. */
export const nativeFeatures = (): string[] => load().addon?.features() ?? []

/** Applies a kernel's approximation in place; the length is a multiple of 16. For tests. */
export function nativeActivate(isa: Isa, which: 'exp' | 'sigmoid' | 'tanh', values: Float32Array): void {
  const { addon } = load()
  addon!.activate(isaIndex(addon!, isa), ['exp', 'sigmoid', 'tanh'].indexOf(which), values)
}

/**
 * GMAC/s of a precision's multiply-adds in registers alone, in CPU time of one core: what a kernel's speed is stated against. Undefined when
 * the CPU lacks the ISA or what multiplies that precision. For benchmarks.
 */
export function nativePeak(isa: Isa, precision: Precision): number | undefined {
  const { addon } = load()
  if (!addon || !nativeKernel(isa)?.precisions.includes(precision)) return undefined
  const before = process.cpuUsage()
  const macs = addon.peak(isaIndex(addon, isa), 5e6, ({ int8: 8, int16: 16, f32: 32 } as const)[precision])
  const { user, system } = process.cpuUsage(before)
  return macs / (user + system) / 1e3
}

const isaIndex = (addon: Addon, isa: Isa): number => addon.isas().findIndex((i) => i.name === isa)

/** The kernel of one instruction set; undefined when the addon is not built or the CPU lacks it. */
export function nativeKernel(isa: Isa): VocoderKernel | undefined {
  const { addon } = load()
  if (!addon?.isas().some((i) => i.name === isa && i.supported)) return undefined
  const index = isaIndex(addon, isa)
  return {
    name: `native-${isa}`,
    precisions: addon.isas()[index]!.int8 ? ['int8', 'int16', 'f32'] : ['int16', 'f32'],
    createModel(weights, options): KernelModel {
      const { header, values, columns, integers } = modelImage(weights, options)
      const model = addon.createModel(index, header, values, columns, integers)
      return {
        streamBytes: addon.streamBytes(model),
        open: (seed) => new NativeStream(addon, addon.createStream(model, seed)),
        generateMany: (jobs, count) => addon.generateMany(model, jobs, count),
        outputs({ steps, inputs, gates, residuals }) {
          const out = new Float32Array(steps * BANDS * HEAD_OUTPUTS)
          const stream = addon.createStream(model, 0)
          addon.outputs(stream, steps, inputs, gates, residuals, out)
          addon.dispose(stream)
          return out
        },
        close: () => addon.dispose(model),
      }
    },
  }
}

class NativeStream implements KernelStream {
  readonly #addon: Addon
  /** The addon reads it in `generateMany`. */
  readonly handle: Handle

  constructor(addon: Addon, handle: Handle) {
    this.#addon = addon
    this.handle = handle
  }

  generate(f: FrameBlocks, from: number, count: number, out: Float32Array, at: number): void {
    const { gates, lpc, gain, inverseLevel, lag, phaseIncrement } = f
    this.#addon.generate(this.handle, gates, lpc, gain, inverseLevel, lag, phaseIncrement, from, count, out, at)
  }

  close(): void {
    this.#addon.dispose(this.handle)
  }
}
