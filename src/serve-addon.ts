/**
 * The addon that speaks (native/addon.cpp): the vocoder's kernels, the source-filter engine and the layers, each compiled for several
 * instruction sets. Arrays are checked by the addon.
 */
import type { Isa } from './kernels/isas.ts'
import type { StreamJob } from './kernels/kernel.ts'
import { tryAddon } from './native-addon.ts'

/** An object of the addon, freed by `dispose` or with its last reference. */
export type Handle = { readonly __handle: unique symbol }

/** An instruction set that the addon was built for; functions take it by its place in `isas()`. */
export interface AddonIsa {
  readonly name: Isa
  /** Whether this CPU has it. */
  readonly supported: boolean
  /** Whether it multiplies 8-bit integers here. */
  readonly int8: boolean
  /** Events that its source-filter engine shapes at a time. */
  readonly lanes: number
}

export interface VocoderAddon {
  createModel(isa: number, header: Int32Array, values: Float32Array, columns: Uint16Array, integers: Int16Array): Handle
  createStream(model: Handle, seed: number): Handle
  streamBytes(model: Handle): number
  generate(
    stream: Handle,
    gateTerms: Float32Array,
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
  /** The jobs' streams have a `handle`. */
  generateMany(model: Handle, jobs: readonly StreamJob[], count: number): void
  outputs(
    stream: Handle,
    steps: number,
    inputs: Float32Array,
    gateTerms: Float32Array,
    residuals: Float32Array,
    out: Float32Array,
  ): void
  activate(isa: number, which: number, values: Float32Array, int8: 0 | 1): void
  peak(isa: number, rounds: number, bits: 8 | 16 | 32): number
  /** Ticks by part since the last call, in the order of STEP_PARTS; the first call starts the clock. */
  partTicks(model: Handle, out: Float64Array): void
}

export interface SourceFilterAddon {
  createEngine(
    isa: number,
    point: Uint8Array,
    weight: Float64Array,
    pulseRe: Float64Array,
    pulseIm: Float64Array,
    noiseRe: Float64Array,
    noiseIm: Float64Array,
  ): Handle
  createStream(engine: Handle, random: number): Handle
  add(
    stream: Handle,
    count: number,
    start: Float64Array,
    delay: Float64Array,
    period: Float64Array,
    length: Int32Array,
    voiced: Uint8Array,
    envelope: Float32Array,
  ): void
  emit(stream: Handle, out: Float32Array, at: number, count: number): void
  matchLevels(
    engine: Handle,
    count: number,
    signal: Float32Array,
    target: Float32Array,
    sum: Float32Array,
    upper: number,
    residual: number,
    overshoot: number,
  ): void
}

export interface LayersAddon {
  createEngine(isa: number): Handle
  createMatrix(engine: Handle, weight: Float32Array, bias: Float32Array, k: number, n: number): Handle
  product(
    matrix: Handle,
    x: Float32Array,
    rows: number,
    width: number,
    padding: number,
    activation: number,
    residual: Float32Array | null,
    out: Float32Array,
  ): void
  norm(
    engine: Handle,
    x: Float32Array,
    rows: number,
    channels: number,
    epsilon: number,
    scale: Float32Array,
    shift: Float32Array,
    out: Float32Array,
  ): void
  attention(engine: Handle, qkv: Float32Array, rows: number, channels: number, heads: number, out: Float32Array): void
  createPredictor(
    engine: Handle,
    point: Uint8Array,
    weight: Float64Array,
    correlation: Float64Array,
    whitening: number,
    floor: number,
  ): Handle
  predict(
    predictor: Handle,
    envelopes: Float32Array,
    index: number,
    lpc: Float32Array,
    gain: Float32Array,
    inverseLevel: Float32Array,
  ): void
}

export interface ServeAddon {
  readonly vocoder: VocoderAddon
  readonly sourceFilter: SourceFilterAddon
  readonly layers: LayersAddon
  /** Fastest first. */
  isas(): AddonIsa[]
  /** Vector extensions that the CPU has and the system allows. */
  features(): string[]
  /** Frees an object. Safe to call twice. */
  dispose(handle: Handle): void
}

/** Undefined when the addon is not built or cannot be loaded. */
export const serveAddon = (): ServeAddon | undefined => tryAddon<ServeAddon>('serve').addon

/** Instruction sets that the addon was built for, fastest first; empty when it is not built. */
export const addonIsas = (): AddonIsa[] => serveAddon()?.isas() ?? []

/** Those that this CPU has. */
export const nativeIsas = (): Isa[] => addonIsas().flatMap(({ name, supported }) => (supported ? [name] : []))

/** The addon and an instruction set's place in it; undefined when the addon is not built or the CPU lacks the set. */
export function addonFor(isa: Isa): { addon: ServeAddon; index: number; found: AddonIsa } | undefined {
  const addon = serveAddon()
  const isas = addonIsas()
  const index = isas.findIndex(({ name, supported }) => name === isa && supported)
  return addon && index >= 0 ? { addon, index, found: isas[index]! } : undefined
}
