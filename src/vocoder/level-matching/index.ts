/**
 * Spectral level matching: a vocoder whose level at every frequency is brought towards that of the source-filter signal of the same
 * frames, in the upper part a little past it. A net that feeds on its own output strays from the envelope that it was asked for. The
 * source-filter vocoder cannot stray, and its level is all that is taken from it (docs/decisions/109-levels-from-a-draft.md).
 */
import { type Frames, HOP, SAMPLE_RATE } from '../../frames.ts'
import { createSourceFilter, type EventEngine, LEVEL_SIZE, LEVEL_STEP } from '../source-filter/index.ts'
import type { Vocoder, VocoderStream } from '../vocoder.ts'
import { type LevelMatching, levelMatchingSchema } from './parameters.ts'

export { type LevelMatching, levelMatchingSchema } from './parameters.ts'

/** Samples that a stream holds back. */
const DELAY = LEVEL_SIZE - LEVEL_STEP
/** Most samples that are matched at a time. */
const SPAN = 16 * LEVEL_STEP

/** What the engine matches frames with. */
type Bounds = Parameters<EventEngine['matchLevels']>[4]

/** Owns `net` and `engine`. */
export function createLevelMatched(
  net: Vocoder,
  engine: EventEngine,
  { crossover, residual, overshoot }: LevelMatching = levelMatchingSchema.parse(undefined),
): Vocoder {
  const target = createSourceFilter(engine)
  const bounds = { upper: Math.round((crossover * LEVEL_SIZE) / SAMPLE_RATE), residual, overshoot }
  const [first = 1, ...others] = net.pushes
  return {
    kind: net.kind,
    // What is held back delays the first sound unless there is more at first.
    pushes: [first + (others[0] ?? first), ...others],
    open: ({ seed }) => new LevelMatchedStream(net.open({ seed }), target.open({ seed }), engine, bounds),
    close() {
      net.close()
      target.close()
    },
  }
}

class LevelMatchedStream implements VocoderStream {
  readonly #net: VocoderStream
  readonly #target: VocoderStream
  readonly #engine: EventEngine
  readonly #bounds: Bounds
  /** The last DELAY samples that were matched and up to SPAN new ones, of which #netFill and #targetFill are there. */
  readonly #netSamples = new Float32Array(DELAY + SPAN)
  readonly #targetSamples = new Float32Array(DELAY + SPAN)
  #netFill = 0
  #targetFill = 0
  /** Sum of the frames so far: SPAN finished samples, of which #from .. #to are still to be read, and DELAY unfinished ones. */
  readonly #sum = new Float32Array(SPAN + DELAY)
  #from = 0
  #to = 0
  /** Samples before the stream's first, which are dropped. */
  #toDrop = DELAY
  #frames = 0
  #ended = false
  #closed = false
  /** Samples that were read from this stream. */
  #emitted = 0
  /** Samples of the net that were matched, with the zeros after its last. */
  #matched = 0

  constructor(net: VocoderStream, target: VocoderStream, engine: EventEngine, bounds: Bounds) {
    this.#net = net
    this.#target = target
    this.#engine = engine
    this.#bounds = bounds
  }

  async push(frames: Frames): Promise<void> {
    this.#frames += frames.count
    await Promise.all([this.#net.push(frames), this.#target.push(frames)])
  }

  async end(): Promise<void> {
    await Promise.all([this.#net.end(), this.#target.end()])
    this.#ended = true
  }

  read(out: Float32Array): number {
    let written = 0
    for (;;) {
      written = this.#take(out, written)
      const input = this.#input(out.length - written)
      if (input === undefined || !this.#match(input.length > 0 ? this.#net.read(input) : 0)) return written
    }
  }

  async readTogether(out: Float32Array): Promise<number> {
    let written = 0
    for (;;) {
      written = this.#take(out, written)
      const input = this.#input(out.length - written)
      if (input === undefined) return written
      const count = input.length > 0 ? await this.#net.readTogether(input) : 0
      if (this.#closed || !this.#match(count)) return written
    }
  }

  close(): void {
    this.#closed = true
    this.#net.close()
    this.#target.close()
  }

  /** Moves finished samples to `out` from `written` on; returns how many it then holds. */
  #take(out: Float32Array, written: number): number {
    const count = Math.min(out.length - written, this.#to - this.#from, this.#frames * HOP - this.#emitted)
    for (let i = 0; i < count; i++) out[written + i] = Math.min(1, Math.max(-1, this.#sum[this.#from + i]!))
    this.#from += count
    this.#emitted += count
    return written + count
  }

  /** Where the net's next samples go, as many as `wanted` more samples need; undefined when nothing is wanted. */
  #input(wanted: number): Float32Array | undefined {
    const left = Math.min(wanted, this.#frames * HOP - this.#emitted)
    if (this.#closed || left <= 0) return undefined
    const needed = Math.min(SPAN, Math.ceil((left + this.#toDrop) / LEVEL_STEP) * LEVEL_STEP)
    return this.#netSamples.subarray(DELAY + this.#netFill, DELAY + Math.max(needed, this.#netFill))
  }

  /** Takes `count` new samples of the net, as many of the target, and matches whole frames; false when nothing came of it. */
  #match(count: number): boolean {
    this.#netFill += count
    if (this.#netFill > this.#targetFill)
      this.#targetFill += this.#target.read(
        this.#targetSamples.subarray(DELAY + this.#targetFill, DELAY + this.#netFill),
      )
    // Zeros follow the last sample until it is finished.
    if (this.#ended && this.#matched + this.#targetFill >= this.#frames * HOP) {
      const whole = Math.min(SPAN, Math.ceil((this.#targetFill + 1) / LEVEL_STEP) * LEVEL_STEP)
      this.#netSamples.fill(0, DELAY + this.#netFill, DELAY + whole)
      this.#targetSamples.fill(0, DELAY + this.#targetFill, DELAY + whole)
      this.#netFill = this.#targetFill = whole
    }
    let steps = Math.floor(Math.min(this.#netFill, this.#targetFill) / LEVEL_STEP)
    if (steps === 0) return count > 0
    const sum = this.#sum
    // All finished samples have been read.
    sum.copyWithin(0, this.#to, this.#to + DELAY)
    sum.fill(0, DELAY)
    const finished = steps * LEVEL_STEP
    for (let at = 0; steps > 0; ) {
      const together = Math.min(steps, this.#engine.lanes)
      const [net, target] = [this.#netSamples.subarray(at), this.#targetSamples.subarray(at)]
      this.#engine.matchLevels(together, net, target, sum.subarray(at), this.#bounds)
      at += together * LEVEL_STEP
      steps -= together
    }
    this.#netSamples.copyWithin(0, finished, DELAY + this.#netFill)
    this.#targetSamples.copyWithin(0, finished, DELAY + this.#targetFill)
    this.#netFill -= finished
    this.#targetFill -= finished
    this.#matched += finished
    this.#to = finished
    this.#from = Math.min(this.#toDrop, finished)
    this.#toDrop -= this.#from
    return true
  }
}
