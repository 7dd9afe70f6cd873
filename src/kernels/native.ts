/** The native kernels: one for each instruction set, chosen at run time. */
import { addonFor, addonIsas, type Handle, type ServeAddon, serveAddon } from '../serve-addon.ts'
import { BANDS, HEAD_OUTPUTS } from '../vocoder/sparse-wavernn/config.ts'
import { modelImage } from './image.ts'
import type { Isa } from './isas.ts'
import {
  type FrameBlocks,
  type KernelModel,
  type KernelStream,
  type Precision,
  STEP_PARTS,
  type VocoderKernel,
} from './kernel.ts'

/** The addon's instruction sets, fastest first, and whether this CPU has them; empty when the addon is not built. */
export const nativeIsas = (): { name: Isa; supported: boolean }[] =>
  addonIsas().map(({ name, supported }) => ({ name, supported }))

/** Vector extensions of the CPU as the addon sees them; empty when it is not built. */
export const nativeFeatures = (): string[] => serveAddon()?.features() ?? []

/** Applies the approximation of a kernel's models of that precision in place; the length is a multiple of 16. For tests. */
export function nativeActivate(
  isa: Isa,
  which: 'exp' | 'sigmoid' | 'tanh',
  values: Float32Array,
  precision?: Precision,
): void {
  const { addon, index } = addonFor(isa)!
  addon.vocoder.activate(index, ['exp', 'sigmoid', 'tanh'].indexOf(which), values, precision === 'int8' ? 1 : 0)
}

/**
 * GMAC/s of a precision's multiply-adds in registers alone, in CPU time of one core: what a kernel's speed is compared with. Undefined when
 * the CPU lacks the instruction set or what multiplies that precision. For benchmarks.
 */
export function nativePeak(isa: Isa, precision: Precision): number | undefined {
  const native = addonFor(isa)
  if (!native || !nativeKernel(isa)?.precisions.includes(precision)) return undefined
  const before = process.cpuUsage()
  const macs = native.addon.vocoder.peak(native.index, 5e6, ({ int8: 8, int16: 16, f32: 32 } as const)[precision])
  const { user, system } = process.cpuUsage(before)
  return macs / (user + system) / 1e3
}

/** The kernel of one instruction set; undefined when the addon is not built or the CPU lacks it. */
export function nativeKernel(isa: Isa): VocoderKernel | undefined {
  const native = addonFor(isa)
  if (!native) return undefined
  const { addon, index, found } = native
  return {
    name: `native-${isa}`,
    backend: 'native',
    isa,
    precisions: found.int8 ? ['int8', 'int16', 'f32'] : ['int16', 'f32'],
    createModel(weights, options): KernelModel {
      const { header, values, columns, integers } = modelImage(weights, options)
      const model = addon.vocoder.createModel(index, header, values, columns, integers)
      return {
        streamBytes: addon.vocoder.streamBytes(model),
        open: (seed) => new NativeStream(addon, addon.vocoder.createStream(model, seed)),
        generateMany: (jobs, count) => addon.vocoder.generateMany(model, jobs, count),
        outputs({ steps, inputs, gateTerms, residuals }) {
          const out = new Float32Array(steps * BANDS * HEAD_OUTPUTS)
          const stream = addon.vocoder.createStream(model, 0)
          addon.vocoder.outputs(stream, steps, inputs, gateTerms, residuals, out)
          addon.dispose(stream)
          return out
        },
        partTicks() {
          const ticks = new Float64Array(STEP_PARTS.length)
          addon.vocoder.partTicks(model, ticks)
          return ticks
        },
        close: () => addon.dispose(model),
      }
    },
  }
}

class NativeStream implements KernelStream {
  readonly #addon: ServeAddon
  /** The addon reads it in `generateMany`. */
  readonly handle: Handle

  constructor(addon: ServeAddon, handle: Handle) {
    this.#addon = addon
    this.handle = handle
  }

  generate(f: FrameBlocks, from: number, count: number, out: Float32Array, at: number): void {
    const { gateTerms, lpc, gain, inverseLevel, lag, phaseIncrement } = f
    this.#addon.vocoder.generate(
      this.handle,
      gateTerms,
      lpc,
      gain,
      inverseLevel,
      lag,
      phaseIncrement,
      from,
      count,
      out,
      at,
    )
  }

  close(): void {
    this.#addon.dispose(this.handle)
  }
}
