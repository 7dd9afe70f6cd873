/**
 * The one interface of the vocoder's compute (docs/reference/net.md, docs/explanation/kernels-and-precision.md). A kernel makes models of weights, a model opens
 * streams, a stream turns frames into samples. All state of a stream lies in the stream; samples do not depend on how the
 * frames are cut into calls.
 */
import { PANEL_FRAMES, PANEL_STREAMS } from '../vocoder/sparse-wavernn/layout.ts'
import type { VocoderWeights } from '../vocoder/sparse-wavernn/weights.ts'
import { ISAS, type Isa } from './isas.ts'

/** Values of SPARSEWAVE_KERNEL; 'native' is the fastest native one that the CPU has. */
export const KERNELS = ['reference', 'wasm', 'native', ...ISAS.map((isa) => `native-${isa}` as const)] as const
export type KernelName = (typeof KERNELS)[number]

/** What kernels are made of. */
export type Backend = 'native' | 'wasm' | 'reference'

/** Temperature of each band's logistic noise. */
export interface Temperature {
  /** [4] */
  readonly voiced: readonly number[]
  /** [4] */
  readonly unvoiced: readonly number[]
}

export const NEUTRAL_TEMPERATURE: Temperature = { voiced: [1, 1, 1, 1], unvoiced: [1, 1, 1, 1] }

/** What the products with h and x are made in: f32, or 8- or 16-bit integers with 32-bit sums (src/kernels/quantize.ts). */
export const PRECISIONS = ['int8', 'int16', 'f32'] as const
export type Precision = (typeof PRECISIONS)[number]

export interface ModelOptions {
  /** Default: NEUTRAL_TEMPERATURE. */
  readonly temperature?: Temperature | undefined
  /** Default: 'f32'. */
  readonly precision?: Precision | undefined
}

/** What the net needs of n consecutive frames. Arrays may be longer than n frames. */
export interface FrameBlocks {
  /** [n, 3H] gate terms c, order reset, update, candidate. */
  readonly gateTerms: Float32Array
  /** [n, 4, 8] prediction coefficients, band-major. */
  readonly lpc: Float32Array
  /** [n, 4] residual gain. */
  readonly gain: Float32Array
  /** [n, 4] 1 / band level. */
  readonly inverseLevel: Float32Array
  /** [n] pitch lag in steps, 0 = unvoiced. */
  readonly lag: Int32Array
  /** [n] cycles a step, 0 = unvoiced. */
  readonly phaseIncrement: Float64Array
}

/** Teacher-forced input: what the net is given instead of its own output. */
export interface TeacherForced {
  /** Steps, a multiple of 30. */
  readonly steps: number
  /** [steps, D] inputs x of each step. */
  readonly inputs: Float32Array
  /** [steps / 30, 3H] gate terms of each frame. */
  readonly gateTerms: Float32Array
  /** [steps, 4] the residuals e_b that later bands of the step see. */
  readonly residuals: Float32Array
}

/** `count` frames of one stream's work, see `KernelStream.generate`. */
export interface StreamJob {
  readonly stream: KernelStream
  readonly frames: FrameBlocks
  readonly from: number
  readonly out: Float32Array
  readonly at: number
}

/** What a step of the net is made of, as the native kernels time it (native/vocoder/stopwatch.h). */
export const STEP_PARTS = ['states', 'inputs', 'blocks', 'gates', 'heads', 'sampling', 'filter bank'] as const

/** Most jobs that `generateMany` takes, and most frames of each. */
export const PANEL = { streams: PANEL_STREAMS, frames: PANEL_FRAMES } as const

export interface VocoderKernel {
  readonly name: Exclude<KernelName, 'native'>
  readonly backend: Backend
  /** Of a native kernel. */
  readonly isa?: Isa
  /** What it makes its products in here, fastest first. */
  readonly precisions: readonly Precision[]
  /** Prepares weights for streaming. The weights are copied where the kernel needs its own layout. */
  createModel(weights: VocoderWeights, options?: ModelOptions): KernelModel
}

export interface KernelModel {
  /** Bytes of a stream's state beside the model; undefined where that is objects of JavaScript. */
  readonly streamBytes: number | undefined
  /** Opens a stream at its beginning: h, histories and filters at zero, step counter 0. */
  open(seed: number): KernelStream
  /**
   * Runs up to `PANEL.streams` different streams of this model over `count` <= `PANEL.frames` frames each, as a batch where
   * that is faster. Every stream makes the samples that it would make alone.
   */
  generateMany(jobs: readonly StreamJob[], count: number): void
  /**
   * Outputs o_b of a teacher-forced run from h = 0: [steps, 4, 12]; biases are in, means with their linear skip, log scales
   * not clipped. For tests and evaluation.
   */
  outputs(input: TeacherForced): Float32Array
  /**
   * Clock ticks that each of STEP_PARTS took since the last call; the first call starts the clock. For benchmarks; absent where the kernel
   * cannot say.
   */
  readonly partTicks?: () => Float64Array
  /** Frees memory outside the JavaScript heap; the model and its streams must not be used afterwards. Safe to call twice. */
  close(): void
}

/** `generateMany` for kernels that run streams one after the other. */
export function generateEach(jobs: readonly StreamJob[], count: number): void {
  for (const { stream, frames, from, out, at } of jobs) stream.generate(frames, from, count, out, at)
}

export interface KernelStream {
  /**
   * Runs the stream over `count` frames starting with frame `from` of `frames` and writes 120 samples a frame (24 kHz,
   * de-emphasised, not clipped) to `out` from `at` on. Allocates nothing.
   */
  generate(frames: FrameBlocks, from: number, count: number, out: Float32Array, at: number): void
  /** Frees the stream's memory. Safe to call twice. */
  close(): void
}
