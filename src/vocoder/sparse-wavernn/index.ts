/**
 * The Sparse WaveRNN vocoder: frames -> conditioning.onnx and frame parameters -> kernel -> samples. Conditioning runs on a
 * fixed grid and the kernel frame by frame, so that no sample depends on how a stream is cut.
 */
import { PQMF_DELAY } from '../../audio/pqmf.ts'
import { chooseEngine } from '../../engine.ts'
import { SparsewaveError } from '../../errors.ts'
import { createFrames, ENVELOPE_POINTS, type Frames, HOP, sliceFrames } from '../../frames.ts'
import {
  choosePrecision,
  type KernelModel,
  type KernelStream,
  type Precision,
  type StreamJob,
  type Temperature,
  type VocoderKernel,
} from '../../kernels/index.ts'
import type { Layers } from '../../layers/index.ts'
import { loadOnnx, type ModelFile, type OnnxModel } from '../../onnx/runtime.ts'
import type { Vocoder, VocoderStream } from '../vocoder.ts'
import { Conditioner, FIRST_WINDOW, type RunConditioning, WINDOW, type Window, WindowPool } from './conditioner.ts'
import { FRAME_FEATURES } from './config.ts'
import { type FrameAnalyzer, FrameParameters, layeredFrameParameters } from './frame-parameters.ts'
import { layeredConditioning } from './layered-conditioning.ts'
import { MicroBatcher } from './micro-batcher.ts'
import { parseWeights } from './weights.ts'

export interface SparseWavernnOptions {
  /** Bytes of vocoder.safetensors. */
  readonly weights: Uint8Array
  /** What errors call the weights' file. */
  readonly weightsName?: string
  /** conditioning.onnx, or an opened model of onnxruntime, which the vocoder then owns. */
  readonly conditioning: ModelFile | { readonly model: OnnxModel }
  /** Default: the one that src/engine.ts chooses. */
  readonly kernel?: VocoderKernel
  readonly temperature?: Temperature
  /** Default: `choosePrecision(kernel)`. */
  readonly precision?: Precision
  /**
   * Layers for the conditioning net and the frame parameters, which the vocoder then owns; null = onnxruntime and TypeScript, which also run
   * graphs that layers do not support. Default: those that src/engine.ts chooses.
   */
  readonly layers?: Layers | null
}

/**
 * Opens the vocoder. Throws WEIGHTS_INVALID for damaged weights, VOICE_DAMAGED when the conditioning net cannot be
 * opened, VOICE_MISMATCH when it does not fit the weights, KERNEL_* when the wished kernel cannot run.
 */
export async function createSparseWavernn(options: SparseWavernnOptions): Promise<Vocoder> {
  const weights = parseWeights(options.weights, options.weightsName)
  const kernel = options.kernel ?? chooseEngine().kernel
  const frameRate = await openFrameRate(options, 3 * weights.config.hidden)
  const model = kernel.createModel(weights, {
    temperature: options.temperature,
    precision: options.precision ?? choosePrecision(kernel).precision,
  })
  const batcher = new MicroBatcher(model)
  return {
    kind: 'sparse-wavernn',
    pushes: PUSHES,
    open: ({ seed }) => new SparseWavernnStream(model, batcher, frameRate, seed),
    close() {
      model.close()
      frameRate.close()
    },
  }
}

/** What is computed once a frame. */
interface FrameRate {
  readonly run: RunConditioning
  readonly parameters: FrameAnalyzer
  readonly windows: WindowPool
  close(): void
}

async function openFrameRate(options: SparseWavernnOptions, width: number): Promise<FrameRate> {
  const { conditioning } = options
  if (typeof conditioning === 'object' && 'model' in conditioning) return onOnnx(conditioning.model, width)
  const layers = options.layers === undefined ? chooseEngine().layers.open() : options.layers
  const net = layers && layeredConditioning(conditioning, layers)
  if (!layers || !net) {
    layers?.close()
    return onOnnx(await loadOnnx(conditioning), width)
  }
  if (net.width !== width) throw mismatch(`${net.width} gate terms a frame`, width)
  const parameters = layeredFrameParameters(layers)
  const close = () => {
    for (const part of [net, parameters, layers]) part.close()
  }
  return { run: net.run, parameters, windows: new WindowPool(width), close }
}

async function onOnnx(onnx: OnnxModel, width: number): Promise<FrameRate> {
  const run = conditioningOf(onnx, width)
  try {
    await run(new Float32Array(3 * FRAME_FEATURES), 1)
  } catch (cause) {
    await onnx.release()
    throw cause
  }
  return { run, parameters: new FrameParameters(), windows: new WindowPool(), close: () => void onnx.release() }
}

function conditioningOf(onnx: OnnxModel, width: number): RunConditioning {
  return async (features, frames) => {
    const { gates } = await onnx.run({ frames: { data: features, dims: [frames + 2, FRAME_FEATURES] } })
    if (!(gates?.data instanceof Float32Array) || gates.data.length !== frames * width)
      throw mismatch(gates ? `gates of shape [${gates.dims.join(', ')}]` : 'no gates', width)
    return gates.data
  }
}

const mismatch = (given: string, width: number): SparsewaveError =>
  new SparsewaveError(
    'VOICE_MISMATCH',
    `The conditioning net gives ${given} where the weights need [frames, ${width}].`,
  )

/** A frame more than the conditioner's first window needs, then a window at a time, then two. */
const PUSHES = [FIRST_WINDOW + 1, WINDOW, WINDOW, 2 * WINDOW]

class SparseWavernnStream implements VocoderStream {
  readonly #kernel: KernelStream
  readonly #batcher: MicroBatcher
  readonly #conditioner: Conditioner
  readonly #pool: WindowPool
  /** Windows to generate; frames before #done of the first one are generated. */
  readonly #windows: Window[] = []
  #done = 0
  /** Frames pushed. */
  #frames = 0
  #lastFrame: Frames | undefined
  /** Pushes run one after the other; after a failure all later ones fail with it. */
  #work: Promise<void> = Promise.resolve()
  #ended = false
  #closed = false
  /** The kernel stream is part of a batch. */
  #batched = false
  /** Samples generated and not yet read: #staging[#from .. #to]. */
  readonly #staging = new Float32Array(WINDOW * HOP)
  #from = 0
  #to = 0
  #toDrop = PQMF_DELAY
  #emitted = 0

  constructor(model: KernelModel, batcher: MicroBatcher, { run, parameters, windows }: FrameRate, seed: number) {
    this.#batcher = batcher
    this.#kernel = model.open(seed)
    this.#pool = windows
    this.#conditioner = new Conditioner(run, (window) => this.#windows.push(window), parameters, windows)
  }

  push(frames: Frames): Promise<void> {
    if (this.#ended || this.#closed) return Promise.reject(new Error('push after end or close'))
    if (frames.count === 0) return this.#work
    const own = createFrames(frames.count)
    own.f0.set(frames.f0.subarray(0, own.count))
    own.envelope.set(frames.envelope.subarray(0, own.count * ENVELOPE_POINTS))
    this.#frames += own.count
    this.#lastFrame = sliceFrames(own, own.count - 1, own.count)
    return this.#enqueue(async () => {
      for (let i = 0; i < own.count; i++) {
        const emitted = this.#conditioner.add(own, i)
        if (emitted) await emitted
      }
    })
  }

  end(): Promise<void> {
    if (this.#ended || this.#closed) return this.#work
    this.#ended = true
    const last = this.#lastFrame
    if (!last) return this.#work
    return this.#enqueue(async () => {
      // The last frame once more: the filter bank holds back its samples.
      await this.#conditioner.add(last, 0)
      await this.#conditioner.end()
    })
  }

  read(out: Float32Array): number {
    let written = 0
    for (;;) {
      written = this.#take(out, written)
      const piece = this.#piece(out.length - written)
      if (!piece) return written
      this.#kernel.generate(piece.frames, piece.from, piece.count, piece.out, piece.at)
      this.#made(piece.count)
    }
  }

  async readTogether(out: Float32Array): Promise<number> {
    let written = 0
    for (;;) {
      written = this.#take(out, written)
      const piece = this.#piece(out.length - written)
      if (!piece) return written
      this.#batched = true
      try {
        await this.#batcher.generate(piece, piece.count)
      } finally {
        this.#batched = false
        if (this.#closed) this.#kernel.close()
      }
      if (this.#closed) return written
      this.#made(piece.count)
    }
  }

  /** Moves generated samples to `out` from `written` on; returns how many it then holds. */
  #take(out: Float32Array, written: number): number {
    const count = Math.min(out.length - written, this.#to - this.#from, this.#frames * HOP - this.#emitted)
    for (let i = 0; i < count; i++) out[written + i] = Math.min(1, Math.max(-1, this.#staging[this.#from + i]!))
    this.#from += count
    this.#emitted += count
    return written + count
  }

  /** The next whole frames, at most those that `samples` more need; undefined when there are none. */
  #piece(samples: number): (StreamJob & { count: number }) | undefined {
    const wanted = Math.min(samples, this.#frames * HOP - this.#emitted)
    const window = this.#windows[0]
    if (this.#closed || wanted <= 0 || !window) return undefined
    const count = Math.min(Math.ceil((wanted + this.#toDrop) / HOP), window.count - this.#done)
    return { stream: this.#kernel, frames: window, from: this.#done, count, out: this.#staging, at: 0 }
  }

  /** The staging buffer holds `count` new frames. */
  #made(count: number): void {
    this.#done += count
    if (this.#done === this.#windows[0]!.count) {
      this.#pool.give(this.#windows.shift()!)
      this.#done = 0
    }
    this.#from = Math.min(this.#toDrop, count * HOP)
    this.#to = count * HOP
    this.#toDrop -= this.#from
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#windows.length = 0
    // The batch still uses the stream; readTogether closes it afterwards.
    if (!this.#batched) this.#kernel.close()
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work)
    // The caller of push or end sees the failure; an unawaited one must not end the process.
    this.#work.catch(() => {})
    return this.#work
  }
}
