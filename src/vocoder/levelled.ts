/**
 * A vocoder whose level at every frequency is brought towards the source-filter's on the same frames, above 3.5 kHz a little past it. A net that draws its own past
 * strays from the envelope that it was asked for; the source-filter cannot, and the level is all that is taken from it
 * (docs/decisions/109-levels-from-a-draft.md).
 */
import { type Frames, HOP } from '../frames.ts'
import { createSourceFilter, type EventEngine, LEVEL_SIZE, LEVEL_STEP } from './source-filter/index.ts'
import type { Vocoder, VocoderStream } from './vocoder.ts'

/** Samples that a stream holds back. */
const DELAY = LEVEL_SIZE - LEVEL_STEP
/** Most samples that are brought to their levels at a time. */
const SPAN = 16 * LEVEL_STEP

/** Owns `net` and `engine`. */
export function createLevelled(net: Vocoder, engine: EventEngine): Vocoder {
  const draft = createSourceFilter(engine)
  const [first = 1, ...others] = net.pushes
  return {
    kind: net.kind,
    // What is held back delays the first sound unless there is more at first.
    pushes: [first + (others[0] ?? first), ...others],
    open: ({ seed }) => new LevelledStream(net.open({ seed }), draft.open({ seed }), engine),
    close() {
      net.close()
      draft.close()
    },
  }
}

class LevelledStream implements VocoderStream {
  readonly #net: VocoderStream
  readonly #draft: VocoderStream
  readonly #engine: EventEngine
  /** The last DELAY samples that were handled and up to SPAN that are not; #netFill and #draftFill of these are there. */
  readonly #signal = new Float32Array(DELAY + SPAN)
  readonly #other = new Float32Array(DELAY + SPAN)
  #netFill = 0
  #draftFill = 0
  /** What the frames so far add up to: SPAN samples that are done, of which #from .. #to are not given out, and DELAY that are not. */
  readonly #sum = new Float32Array(SPAN + DELAY)
  #from = 0
  #to = 0
  /** Samples to drop, that lie before the stream's first. */
  #toDrop = DELAY
  #frames = 0
  #ended = false
  #closed = false
  #given = 0
  /** Samples of the net that were handled, and zeros after its last. */
  #handled = 0

  constructor(net: VocoderStream, draft: VocoderStream, engine: EventEngine) {
    this.#net = net
    this.#draft = draft
    this.#engine = engine
  }

  async push(frames: Frames): Promise<void> {
    this.#frames += frames.count
    await Promise.all([this.#net.push(frames), this.#draft.push(frames)])
  }

  async end(): Promise<void> {
    await Promise.all([this.#net.end(), this.#draft.end()])
    this.#ended = true
  }

  read(out: Float32Array): number {
    let written = 0
    for (;;) {
      written = this.#take(out, written)
      const room = this.#room(out.length - written)
      if (room === undefined || !this.#fed(room.length > 0 ? this.#net.read(room) : 0)) return written
    }
  }

  async readTogether(out: Float32Array): Promise<number> {
    let written = 0
    for (;;) {
      written = this.#take(out, written)
      const room = this.#room(out.length - written)
      if (room === undefined) return written
      const made = room.length > 0 ? await this.#net.readTogether(room) : 0
      if (this.#closed || !this.#fed(made)) return written
    }
  }

  close(): void {
    this.#closed = true
    this.#net.close()
    this.#draft.close()
  }

  /** Moves samples that are done to `out` from `written` on; returns how many it then holds. */
  #take(out: Float32Array, written: number): number {
    const count = Math.min(out.length - written, this.#to - this.#from, this.#frames * HOP - this.#given)
    for (let i = 0; i < count; i++) out[written + i] = Math.min(1, Math.max(-1, this.#sum[this.#from + i]!))
    this.#from += count
    this.#given += count
    return written + count
  }

  /** Where the net's next samples go, as many as `wanted` more samples need; undefined when nothing is wanted. */
  #room(wanted: number): Float32Array | undefined {
    const left = Math.min(wanted, this.#frames * HOP - this.#given)
    if (this.#closed || left <= 0) return undefined
    const target = Math.min(SPAN, Math.ceil((left + this.#toDrop) / LEVEL_STEP) * LEVEL_STEP)
    return this.#signal.subarray(DELAY + this.#netFill, DELAY + Math.max(target, this.#netFill))
  }

  /** Takes in `made` samples of the net, as many of the draft, and handles what is whole; false when that is nothing. */
  #fed(made: number): boolean {
    this.#netFill += made
    if (this.#netFill > this.#draftFill)
      this.#draftFill += this.#draft.read(this.#other.subarray(DELAY + this.#draftFill, DELAY + this.#netFill))
    // Zeros follow the last sample until it is done.
    if (this.#ended && this.#handled + this.#draftFill >= this.#frames * HOP) {
      const whole = Math.min(SPAN, Math.ceil((this.#draftFill + 1) / LEVEL_STEP) * LEVEL_STEP)
      this.#signal.fill(0, DELAY + this.#netFill, DELAY + whole)
      this.#other.fill(0, DELAY + this.#draftFill, DELAY + whole)
      this.#netFill = this.#draftFill = whole
    }
    let steps = Math.floor(Math.min(this.#netFill, this.#draftFill) / LEVEL_STEP)
    if (steps === 0) return made > 0
    const sum = this.#sum
    // All that was done has been given out.
    sum.copyWithin(0, this.#to, this.#to + DELAY)
    sum.fill(0, DELAY)
    const count = steps
    for (let at = 0; steps > 0; ) {
      const together = Math.min(steps, this.#engine.lanes)
      this.#engine.level(together, this.#signal.subarray(at), this.#other.subarray(at), sum.subarray(at))
      at += together * LEVEL_STEP
      steps -= together
    }
    const handled = count * LEVEL_STEP
    this.#signal.copyWithin(0, handled, DELAY + this.#netFill)
    this.#other.copyWithin(0, handled, DELAY + this.#draftFill)
    this.#netFill -= handled
    this.#draftFill -= handled
    this.#handled += handled
    this.#to = handled
    this.#from = Math.min(this.#toDrop, handled)
    this.#toDrop -= this.#from
    return true
  }
}
