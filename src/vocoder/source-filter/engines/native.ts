/** The native engines: C++ compiled for several instruction sets into one addon, several events at a time in single precision. */
import { loadAddon } from '../../../native-addon.ts'
import { BIN_POINT, BIN_WEIGHT, Shaper } from '../shaper.ts'
import type { EventEngine, Events } from './engine.ts'

type Handle = { readonly __handle: unique symbol }

interface Addon {
  isas(): { name: string; supported: boolean; lanes: number }[]
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
  level(engine: Handle, count: number, signal: Float32Array, draft: Float32Array, sum: Float32Array): void
  dispose(handle: Handle): void
}

const load = () => loadAddon<Addon>('filter')

/** Instruction sets that the addon was built for and the CPU has, fastest first; empty when the addon is not built. */
export const engineIsas = (): string[] =>
  (load()?.isas() ?? []).flatMap(({ name, supported }) => (supported ? [name] : []))

/** The engine of one instruction set; undefined when the addon is not built or the CPU lacks it. */
export function nativeEngine(isa: string): EventEngine | undefined {
  const addon = load()
  const isas = addon?.isas() ?? []
  const index = isas.findIndex(({ name, supported }) => name === isa && supported)
  if (!addon || index < 0) return undefined
  const { pulseRe, pulseIm, noiseRe, noiseIm } = new Shaper().shares
  const engine = addon.createEngine(index, BIN_POINT, BIN_WEIGHT, pulseRe, pulseIm, noiseRe, noiseIm)
  return {
    name: `native-${isa}`,
    lanes: isas[index]!.lanes,
    open(random) {
      const stream = addon.createStream(engine, random)
      return {
        add: ({ count, start, delay, period, length, voiced, envelope }: Events) =>
          addon.add(stream, count, start, delay, period, length, voiced, envelope),
        emit: (out, at, count) => addon.emit(stream, out, at, count),
        close: () => addon.dispose(stream),
      }
    },
    level: (count, signal, draft, sum) => addon.level(engine, count, signal, draft, sum),
    close: () => addon.dispose(engine),
  }
}
