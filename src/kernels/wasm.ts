/**
 * The WebAssembly SIMD kernel (wasm/vocoder.ts). One instance and one memory a model; streams are pieces of that memory
 * and are reused. Uses nothing of Node, so that it runs in browsers too.
 */
import { SparsewaveError } from '../errors.ts'
import { HOP } from '../frames.ts'
import { BANDS, HEAD_OUTPUTS, LPC_ORDER, STEP_INPUTS, STEPS_PER_FRAME } from '../vocoder/sparse-wavernn/config.ts'
import { Arena } from '../wasm/arena.ts'
import { type ModelImage, modelImage } from './image.ts'
import {
  type FrameBlocks,
  generateEach,
  type KernelModel,
  type KernelStream,
  type StreamJob,
  type TeacherForced,
  type VocoderKernel,
} from './kernel.ts'

interface Exports {
  heapBase(): number
  streamSize(model: number): number
  openStream(stream: number, model: number, seed: number): void
  generate(
    stream: number,
    gateTerms: number,
    lpc: number,
    gain: number,
    inverseLevel: number,
    lag: number,
    increment: number,
    out: number,
  ): void
  outputs(stream: number, gateTerms: number, x: number, residuals: number, out: number): void
  activate(which: number, data: number, n: number): void
}

const OUTPUT_STRIDE = 16

/** Makes the kernel of a compiled module. */
export function createWasmKernel(module: WebAssembly.Module): VocoderKernel {
  return {
    name: 'wasm',
    backend: 'wasm',
    precisions: ['int16', 'f32'],
    createModel(weights, options) {
      if (options?.precision === 'int8')
        throw new SparsewaveError('PRECISION_UNAVAILABLE', 'The WebAssembly kernel has no precision int8.')
      return new WasmModel(module, modelImage(weights, options))
    },
  }
}

/** Applies an approximation of the kernel in place; the length is a multiple of 4. For tests. */
export function wasmActivate(
  module: WebAssembly.Module,
  which: 'exp' | 'sigmoid' | 'tanh',
  values: Float32Array,
): void {
  const arena = new Arena()
  const exports = instantiate(module, arena)
  const at = arena.allocate(values.byteLength)
  arena.f32.set(values, at / 4)
  exports.activate(['exp', 'sigmoid', 'tanh'].indexOf(which), at, values.length)
  values.set(arena.f32.subarray(at / 4, at / 4 + values.length))
}

function instantiate(module: WebAssembly.Module, arena: Arena): Exports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory: arena.memory } })
  const typed = exports as unknown as Exports
  arena.start(typed.heapBase())
  return typed
}

class WasmModel implements KernelModel {
  readonly arena = new Arena()
  readonly exports: Exports
  readonly hidden: number
  readonly streamBytes: number
  /** Staging of one frame and of its samples. */
  readonly gateTerms: number
  readonly lpc: number
  readonly gain: number
  readonly inverseLevel: number
  readonly increment: number
  readonly samples: number
  readonly #model: number
  readonly #free: number[] = []
  /** Staging of a teacher-forced step. */
  readonly #forced: { readonly x: number; readonly e: number; readonly o: number }

  constructor(module: WebAssembly.Module, { header, values, columns, integers }: ModelImage) {
    const { arena } = this
    this.exports = instantiate(module, arena)
    this.hidden = header[0]!
    this.#model = arena.allocate(8 + header.byteLength + 4)
    const valuesAt = arena.allocate(values.byteLength)
    const columnsAt = arena.allocate(columns.byteLength)
    const integersAt = arena.allocate(integers.byteLength)
    this.gateTerms = arena.allocate(3 * this.hidden * 4)
    this.lpc = arena.allocate(BANDS * LPC_ORDER * 4)
    this.gain = arena.allocate(BANDS * 4)
    this.inverseLevel = arena.allocate(BANDS * 4)
    this.increment = arena.allocate(8)
    this.samples = arena.allocate(HOP * 4)
    this.#forced = {
      x: arena.allocate(STEP_INPUTS.count * 4),
      e: arena.allocate(BANDS * 4),
      o: arena.allocate(BANDS * OUTPUT_STRIDE * 4),
    }
    arena.f32.set(values, valuesAt / 4)
    arena.u16.set(columns, columnsAt / 2)
    arena.u16.set(new Uint16Array(integers.buffer), integersAt / 2)
    arena.i32[this.#model / 4] = valuesAt
    arena.i32[this.#model / 4 + 1] = columnsAt
    arena.i32.set(header, this.#model / 4 + 2)
    arena.i32[this.#model / 4 + 2 + header.length] = integersAt
    this.streamBytes = this.exports.streamSize(this.#model)
  }

  open(seed: number): KernelStream {
    return new WasmStream(this, this.openAddress(seed))
  }

  generateMany(jobs: readonly StreamJob[], count: number): void {
    generateEach(jobs, count)
  }

  openAddress(seed: number): number {
    const at = this.#free.pop() ?? this.arena.allocate(this.streamBytes)
    this.exports.openStream(at, this.#model, seed)
    return at
  }

  release(address: number): void {
    this.#free.push(address)
  }

  outputs({ steps, inputs, gateTerms, residuals }: TeacherForced): Float32Array {
    const { arena, exports } = this
    const D = STEP_INPUTS.count
    const stream = this.openAddress(0)
    const { x, e, o } = this.#forced
    const out = new Float32Array(steps * BANDS * HEAD_OUTPUTS)
    const width = 3 * this.hidden
    for (let t = 0; t < steps; t++) {
      const j = Math.floor(t / STEPS_PER_FRAME)
      if (t % STEPS_PER_FRAME === 0) arena.f32.set(gateTerms.subarray(j * width, (j + 1) * width), this.gateTerms / 4)
      arena.f32.set(inputs.subarray(t * D, (t + 1) * D), x / 4)
      arena.f32.set(residuals.subarray(t * BANDS, (t + 1) * BANDS), e / 4)
      exports.outputs(stream, this.gateTerms, x, e, o)
      for (let b = 0; b < BANDS; b++) {
        const from = o / 4 + b * OUTPUT_STRIDE
        out.set(arena.f32.subarray(from, from + HEAD_OUTPUTS), (t * BANDS + b) * HEAD_OUTPUTS)
      }
    }
    this.release(stream)
    return out
  }

  close(): void {}
}

class WasmStream implements KernelStream {
  readonly #model: WasmModel
  #address: number

  constructor(model: WasmModel, address: number) {
    this.#model = model
    this.#address = address
  }

  generate(f: FrameBlocks, from: number, count: number, out: Float32Array, at: number): void {
    if (this.#address < 0) throw new Error('generate after close')
    const m = this.#model
    const { f32, f64 } = m.arena
    const width = 3 * m.hidden
    for (let j = from; j < from + count; j++) {
      copy(f.gateTerms, j * width, f32, m.gateTerms / 4, width)
      copy(f.lpc, j * BANDS * LPC_ORDER, f32, m.lpc / 4, BANDS * LPC_ORDER)
      copy(f.gain, j * BANDS, f32, m.gain / 4, BANDS)
      copy(f.inverseLevel, j * BANDS, f32, m.inverseLevel / 4, BANDS)
      // As an argument it would be a number in a box.
      f64[m.increment / 8] = f.phaseIncrement[j]!
      m.exports.generate(this.#address, m.gateTerms, m.lpc, m.gain, m.inverseLevel, f.lag[j]!, m.increment, m.samples)
      copy(f32, m.samples / 4, out, at + (j - from) * HOP, HOP)
    }
  }

  close(): void {
    if (this.#address >= 0) this.#model.release(this.#address)
    this.#address = -1
  }
}

/** A loop, since views would be garbage. */
function copy(from: Float32Array, fromAt: number, to: Float32Array, toAt: number, count: number): void {
  for (let i = 0; i < count; i++) to[toAt + i] = from[fromAt + i]!
}
