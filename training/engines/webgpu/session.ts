/// <reference types="@webgpu/types" />
/**
 * An open device with its kernels, compiled once a device, the buffers of the last call, which the next one uses again, and those that
 * a run keeps. Counts what it moves and starts.
 */
import { allocate, type OpenDevice, OutOfDeviceMemory } from './device.ts'
import type { Call } from './net.ts'
import { RECURRENT_ROWS, SHADERS, type ShaderName, UNIFORM } from './shaders.ts'

export type Buffers = Readonly<Record<string, GPUBuffer>>
/** Floats by name of a buffer. */
export type Sizes = Readonly<Record<string, number>>

/** What has crossed between host and device, bytes, what was started there by kernel, and the memory it holds now, bytes. */
export interface Counters {
  sent: number
  fetched: number
  memory: number
  readonly kernels: Record<string, { dispatches: number; workgroups: number }>
}

/** Bytes between uniforms: the alignment every device takes. */
const UNIFORM_STRIDE = 256

interface Kernels {
  readonly layout: GPUBindGroupLayout
  readonly pipelines: Record<ShaderName, GPUComputePipeline>
}

/** What calls on buffers need each time they are recorded. */
interface Recorded {
  readonly buffers: Buffers
  readonly uniforms: GPUBuffer
  readonly groups: readonly GPUBindGroup[]
}

/** Memory of the host that the device reads, and whether it may be written again. */
interface Staging {
  readonly buffer: GPUBuffer
  mapped: Promise<undefined>
}

/** By device, and by kernels and the recurrent ones' rows. */
const compiled = new WeakMap<GPUDevice, Map<string, Promise<Kernels>>>()

/** Rows that a recurrent kernel's workgroup works on at a time: as many as its threads allow, and no round of them half empty. */
export function recurrentRows(invocations: number, features: number): number {
  const most = invocations / 4
  const rounds = Math.max(1, Math.ceil(features / most))
  // Whole eighths, which with four lanes each fill 32 threads.
  return Math.min(most, Math.max(8, Math.ceil(features / rounds / 8) * 8))
}

async function compile(
  device: GPUDevice,
  names: readonly ShaderName[],
  rows: Readonly<Record<string, number>>,
): Promise<Kernels> {
  const types: GPUBufferBindingType[] = [
    'uniform',
    ...Array<GPUBufferBindingType>(5).fill('read-only-storage'),
    ...Array<GPUBufferBindingType>(2).fill('storage'),
  ]
  const layout = device.createBindGroupLayout({
    entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
  })
  const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] })
  const made = await Promise.all(
    names.map(async (name) => {
      const code = SHADERS[name]
      const module = device.createShaderModule({ label: name, code })
      const constants: Record<string, number> = name in rows ? { ROWS: rows[name]! } : {}
      const compute = { module, entryPoint: 'main', constants }
      return [name, await device.createComputePipelineAsync({ label: name, layout: pipelineLayout, compute })] as const
    }),
  )
  return { layout, pipelines: Object.fromEntries(made) as Record<ShaderName, GPUComputePipeline> }
}

/** Bytes an engine may take of the device: SPARSEWAVE_WEBGPU_MEMORY in MiB, else what the device gives. */
function memoryLimit(): number {
  const mebibytes = Number(process.env.SPARSEWAVE_WEBGPU_MEMORY ?? Number.NaN)
  return mebibytes > 0 ? mebibytes * 2 ** 20 : Number.POSITIVE_INFINITY
}

const bytes = (sizes: Sizes, times: number): Record<string, number> =>
  Object.fromEntries(Object.entries(sizes).map(([name, n]) => [name, n * 4 * times]))
const bytesOf = (buffers: Buffers): number => Object.values(buffers).reduce((sum, { size }) => sum + size, 0)

export class Session {
  readonly open: OpenDevice
  readonly counters: Counters = { sent: 0, fetched: 0, memory: 0, kernels: {} }
  readonly #kernels: Kernels
  #buffers: Buffers = {}
  #kept: Buffers = {}
  #shape = ''
  #keptShape = ''
  /** By turns: one is written while the device reads the other. */
  #staging: Staging[] = []
  #turn = 0
  readonly #recorded = new WeakMap<readonly Call[], Recorded>()

  private constructor(open: OpenDevice, kernels: Kernels) {
    this.open = open
    this.#kernels = kernels
  }

  /** @param features of the net's state, whose kernels are compiled to fit; `names`: the kernels to compile */
  static async create(open: OpenDevice, features: number, names: readonly ShaderName[]): Promise<Session> {
    const shares = Object.entries(RECURRENT_ROWS).map(
      ([name, each]) => [name, recurrentRows(open.adapter.invocations, features / each)] as const,
    )
    const rows = Object.fromEntries(shares)
    const key = JSON.stringify([names, rows])
    const own = compiled.get(open.device) ?? new Map<string, Promise<Kernels>>()
    compiled.set(open.device, own)
    const pending = own.get(key) ?? compile(open.device, names, rows)
    own.set(key, pending)
    return new Session(open, await pending)
  }

  /** Buffers of the last call; none where they were given up. */
  get latest(): Buffers {
    return this.#buffers
  }

  /** Buffers of a call, the last ones where no size has changed. Throws OutOfDeviceMemory. */
  async buffers(shared: Sizes, slots: Sizes, slice: number): Promise<Buffers> {
    const wanted = JSON.stringify([shared, slots, slice])
    if (this.#shape === wanted) return this.#buffers
    this.#release()
    const limit = memoryLimit() - bytesOf(this.#kept)
    this.#buffers = await allocate(this.open.device, { ...bytes(shared, 1), ...bytes(slots, slice) }, limit)
    this.#shape = wanted
    this.counters.memory = bytesOf(this.#buffers) + bytesOf(this.#kept)
    return this.#buffers
  }

  /**
   * Buffers that stay until `keep` is asked for others; room is made at the cost of the calls' buffers. Throws OutOfDeviceMemory.
   */
  async keep(sizes: Sizes): Promise<Buffers> {
    const wanted = JSON.stringify(sizes)
    if (this.#keptShape === wanted) return this.#kept
    this.#keptShape = ''
    for (const buffer of Object.values(this.#kept)) buffer.destroy()
    this.#kept = {}
    try {
      this.#kept = await allocate(this.open.device, bytes(sizes, 1), memoryLimit() - bytesOf(this.#buffers))
    } catch (error) {
      if (!(error instanceof OutOfDeviceMemory)) throw error
      this.#release()
      this.#kept = await allocate(this.open.device, bytes(sizes, 1), memoryLimit())
    }
    this.#keptShape = wanted
    return this.#kept
  }

  #release(): void {
    for (const buffer of Object.values(this.#buffers)) buffer.destroy()
    this.#buffers = {}
    this.#shape = ''
  }

  /** Writes `data` from float or word `at` of a buffer on. */
  put(buffer: GPUBuffer, data: Float32Array | Uint32Array, at = 0): void {
    const { buffer: memory, byteOffset, byteLength } = data
    this.open.device.queue.writeBuffer(buffer, at * 4, memory as ArrayBuffer, byteOffset, byteLength)
    this.counters.sent += byteLength
  }

  /**
   * Copies arrays to the starts of buffers, in order with what is submitted. For much data: `put` takes new memory each time, which
   * costs more than the copy, and no memory that threads share.
   */
  async upload(copies: readonly (readonly [GPUBuffer, Float32Array])[]): Promise<void> {
    const { device } = this.open
    const size = copies.reduce((sum, [, { byteLength }]) => sum + byteLength, 0)
    const turn = this.#turn++ % 2
    if (this.#staging[turn]?.buffer.size !== size) {
      this.#staging[turn]?.buffer.destroy()
      const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC
      const buffer = device.createBuffer({ label: 'staging', size, usage, mappedAtCreation: true })
      this.#staging[turn] = { buffer, mapped: Promise.resolve(undefined) }
    }
    const staging = this.#staging[turn]!
    await staging.mapped
    const memory = staging.buffer.getMappedRange()
    let at = 0
    for (const [, data] of copies) {
      new Float32Array(memory, at, data.length).set(data)
      at += data.byteLength
    }
    staging.buffer.unmap()
    const encoder = device.createCommandEncoder()
    at = 0
    for (const [buffer, { byteLength }] of copies) {
      encoder.copyBufferToBuffer(staging.buffer, at, buffer, 0, byteLength)
      at += byteLength
    }
    device.queue.submit([encoder.finish()])
    this.counters.sent += size
    staging.mapped = staging.buffer.mapAsync(GPUMapMode.WRITE)
    // Told where it is awaited.
    staging.mapped.catch(() => {})
  }

  /** Records the calls in one pass of `encoder`. The same calls on the same buffers are prepared once. */
  record(encoder: GPUCommandEncoder, calls: readonly Call[], buffers: Buffers): void {
    const known = this.#recorded.get(calls)
    const { groups } = known?.buffers === buffers ? known : this.#prepare(calls, buffers, known)
    const pass = encoder.beginComputePass()
    for (const [i, { shader, groups: size }] of calls.entries()) {
      pass.setPipeline(this.#kernels.pipelines[shader])
      pass.setBindGroup(0, groups[i]!)
      pass.dispatchWorkgroups(...size)
      const counted = this.counters.kernels[shader] ?? { dispatches: 0, workgroups: 0 }
      counted.dispatches++
      counted.workgroups += size.reduce<number>((a, b) => a * (b ?? 1), 1)
      this.counters.kernels[shader] = counted
    }
    pass.end()
  }

  #prepare(calls: readonly Call[], buffers: Buffers, known: Recorded | undefined): Recorded {
    const { device } = this.open
    const words = new Uint32Array((calls.length * UNIFORM_STRIDE) / 4)
    for (const [i, call] of calls.entries()) writeUniform(words.buffer, i * UNIFORM_STRIDE, call)
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST
    const uniforms = known?.uniforms ?? device.createBuffer({ size: words.byteLength, usage })
    this.put(uniforms, words)
    const groups = calls.map(({ buffers: bound }, i) => {
      const w = bound.w ?? 'parameters'
      const of = (name: string) => ({ buffer: buffers[name]! })
      const resources = [
        { buffer: uniforms, offset: i * UNIFORM_STRIDE, size: UNIFORM_STRIDE },
        of(w),
        of('indices'),
        of(bound.x ?? w),
        of(bound.a ?? w),
        of(bound.b ?? w),
        of(bound.y ?? 'none'),
        of(bound.z ?? 'nothing'),
      ]
      const entries = resources.map((resource, binding) => ({ binding, resource }))
      return device.createBindGroup({ layout: this.#kernels.layout, entries })
    })
    const made = { buffers, uniforms, groups }
    this.#recorded.set(calls, made)
    return made
  }

  /**
   * Submits what the `writes` record, each by itself, so that none holds the device for long; returns the floats that they copy to the
   * buffer they are given.
   */
  async submit(
    floats: number,
    writes: readonly ((encoder: GPUCommandEncoder, readback: GPUBuffer) => void)[],
  ): Promise<Float32Array<ArrayBuffer>> {
    const { device } = this.open
    device.pushErrorScope('validation')
    const readback = device.createBuffer({
      size: floats * 4,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    })
    try {
      for (const write of writes) {
        const encoder = device.createCommandEncoder()
        write(encoder, readback)
        device.queue.submit([encoder.finish()])
      }
      const invalid = await device.popErrorScope()
      if (invalid) throw new Error(`webgpu: ${invalid.message}`)
      await readback.mapAsync(GPUMapMode.READ)
      if (this.open.failed !== undefined) throw new Error(`webgpu: ${this.open.failed}`)
      this.counters.fetched += floats * 4
      return new Float32Array(readback.getMappedRange().slice(0))
    } finally {
      readback.destroy()
    }
  }

  close(): void {
    this.#release()
    for (const buffer of Object.values(this.#kept)) buffer.destroy()
    for (const { buffer } of this.#staging) buffer.destroy()
    this.open.device.destroy()
  }
}

function writeUniform(data: ArrayBuffer, at: number, { uniform, matrices }: Call): void {
  const words = new Uint32Array(data, at, UNIFORM_STRIDE / 4)
  for (const [i, m] of matrices.entries()) words.set(m, 4 * i)
  for (const [i, name] of UNIFORM.slice(1).entries())
    if (name === 'scale') new Float32Array(data, at)[12 + i] = uniform[name] ?? 0
    else words[12 + i] = uniform[name] ?? 0
}
