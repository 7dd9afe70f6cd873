/** The native engines: several events at a time in single precision, one for each instruction set. */
import type { Isa } from '../../../kernels/isas.ts'
import { addonFor } from '../../../serve-addon.ts'
import { BIN_POINT, BIN_WEIGHT, Shaper } from '../shaper.ts'
import type { EventEngine, Events } from './engine.ts'

/** The engine of one instruction set; undefined when the addon is not built or the CPU lacks it. */
export function nativeEngine(isa: Isa): EventEngine | undefined {
  const native = addonFor(isa)
  if (!native) return undefined
  const { index, found } = native
  const { dispose, sourceFilter } = native.addon
  const { pulseRe, pulseIm, noiseRe, noiseIm } = new Shaper().spectra
  const engine = sourceFilter.createEngine(index, BIN_POINT, BIN_WEIGHT, pulseRe, pulseIm, noiseRe, noiseIm)
  return {
    name: `native-${isa}`,
    lanes: found.lanes,
    open(random) {
      const stream = sourceFilter.createStream(engine, random)
      return {
        add: ({ count, start, delay, period, length, voiced, envelope }: Events) =>
          sourceFilter.add(stream, count, start, delay, period, length, voiced, envelope),
        emit: (out, at, count) => sourceFilter.emit(stream, out, at, count),
        close: () => dispose(stream),
      }
    },
    matchLevels: (count, signal, target, sum, { upper, residual, overshoot }) =>
      sourceFilter.matchLevels(engine, count, signal, target, sum, upper, residual, overshoot),
    close: () => dispose(engine),
  }
}
