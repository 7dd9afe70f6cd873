/**
 * Frames in, windows of gate terms and frame parameters out. The conditioning net always sees the same windows of a stream
 * (5 frames first, then 16, with one frame of context on each side, edges repeated), however the frames arrive.
 */
import type { Frames } from '../../frames.ts'
import type { FrameBlocks } from '../../kernels/index.ts'
import { BANDS, FRAME_FEATURES, LPC_ORDER } from './config.ts'
import {
  createFrameParameterBlock,
  type FrameAnalyzer,
  FrameParameters,
  writeFrameFeatures,
} from './frame-parameters.ts'

export const WINDOW = 16
/** The first window is short, so that sound can begin early. */
export const FIRST_WINDOW = 5

/** Runs the conditioning net: features [frames + 2, 66] -> gateTerms [frames, 3H], in `memory` where it is long enough and of use. */
export type RunConditioning = (features: Float32Array, frames: number, memory?: Float32Array) => Promise<Float32Array>

export interface Window extends FrameBlocks {
  gateTerms: Float32Array
  /** Frames that hold data. */
  count: number
}

const createWindow = (width: number): Window => ({
  gateTerms: new Float32Array(WINDOW * width),
  lpc: new Float32Array(WINDOW * BANDS * LPC_ORDER),
  gain: new Float32Array(WINDOW * BANDS),
  inverseLevel: new Float32Array(WINDOW * BANDS),
  lag: new Int32Array(WINDOW),
  phaseIncrement: new Float64Array(WINDOW),
  count: 0,
})

/** Windows that no stream needs stay here at most, 5 MB in the default size. */
const MOST_FREE = 64

/** Windows for all streams of a vocoder, used again and again: they would be most of the garbage of a stream. */
export class WindowPool {
  readonly #width: number
  readonly #free: Window[] = []

  /** `width`: gate terms a frame; 0 where the net brings memory of its own. */
  constructor(width = 0) {
    this.#width = width
  }

  take(): Window {
    const window = this.#free.pop() ?? createWindow(this.#width)
    window.count = 0
    return window
  }

  /** Takes a window back that nobody reads any more. */
  give(window: Window): void {
    if (this.#free.length < MOST_FREE) this.#free.push(window)
  }
}

export class Conditioner {
  readonly #run: RunConditioning
  readonly #emit: (window: Window) => void
  readonly #parameters: FrameAnalyzer
  readonly #block = createFrameParameterBlock()
  /** Rows: the frame before the window, its frames, the frame after it. */
  readonly #features = new Float32Array((WINDOW + 2) * FRAME_FEATURES)
  #rows = 0
  #size = FIRST_WINDOW
  readonly #pool: WindowPool
  #window: Window

  constructor(
    run: RunConditioning,
    emit: (window: Window) => void,
    parameters: FrameAnalyzer = new FrameParameters(),
    pool = new WindowPool(),
  ) {
    this.#run = run
    this.#emit = emit
    this.#parameters = parameters
    this.#pool = pool
    this.#window = pool.take()
  }

  /** Takes frame `i` of `frames`; emits a window when the frame after it is there, which is to be awaited before the next call. */
  add(frames: Frames, i: number): Promise<void> | undefined {
    if (this.#rows === 0) writeFrameFeatures(frames, i, this.#features, this.#rows++ * FRAME_FEATURES)
    writeFrameFeatures(frames, i, this.#features, this.#rows++ * FRAME_FEATURES)
    if (this.#rows === this.#size + 2) return this.#finish().then(() => this.#append(frames, i))
    this.#append(frames, i)
    return undefined
  }

  /** Emits the frames that wait, the last one repeated to fill their window. */
  async end(): Promise<void> {
    if (this.#window.count === 0) return
    for (; this.#rows < this.#size + 2; this.#rows++) this.#copyRow(this.#rows - 1, this.#rows)
    await this.#finish()
  }

  async #finish(): Promise<void> {
    const window = this.#window
    const size = this.#size
    window.gateTerms = await this.#run(this.#features.slice(0, (size + 2) * FRAME_FEATURES), size, window.gateTerms)
    this.#emit(window)
    this.#copyRow(size, 0)
    this.#copyRow(size + 1, 1)
    this.#rows = 2
    this.#size = WINDOW
    this.#window = this.#pool.take()
  }

  #copyRow(from: number, to: number): void {
    this.#features.copyWithin(to * FRAME_FEATURES, from * FRAME_FEATURES, (from + 1) * FRAME_FEATURES)
  }

  #append(frames: Frames, i: number): void {
    const w = this.#window
    const block = this.#block
    this.#parameters.compute(frames, i, block)
    w.lpc.set(block.lpc, w.count * BANDS * LPC_ORDER)
    w.gain.set(block.gain, w.count * BANDS)
    w.inverseLevel.set(block.inverseLevel, w.count * BANDS)
    w.lag[w.count] = block.lag
    w.phaseIncrement[w.count] = block.phaseIncrement
    w.count++
  }
}
