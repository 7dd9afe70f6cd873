/// <reference types="@webgpu/types" />
/**
 * Adapters and devices of WebGPU through the npm package `webgpu` (Dawn), an optional dependency. Nothing is loaded before it is asked for.
 */
import { SparsewaveError } from 'sparsewave/internal/errors'
import { probeAdapters } from './probe.ts'

interface Dawn {
  create(flags: string[]): GPU
  globals: object
}

let gpu: Promise<GPU> | undefined

/**
 * SPARSEWAVE_WEBGPU_ADAPTER names the adapter where there are several. Dawn clamps every index into a buffer, which takes some 6 % of an
 * update and saves nothing here: this process runs no kernels but our own, whose indices follow from sizes that buffers were made for,
 * from masks checked before they are sent and from labels of ours. SPARSEWAVE_WEBGPU_CHECKS=1 leaves the clamps in.
 */
function flags(): string[] {
  const name = process.env.SPARSEWAVE_WEBGPU_ADAPTER
  const checks = process.env.SPARSEWAVE_WEBGPU_CHECKS === '1'
  return [...(name ? [`adapter=${name}`] : []), ...(checks ? [] : ['enable-dawn-features=disable_robustness'])]
}

async function load(): Promise<GPU> {
  // A name the compiler cannot follow: the package may be absent.
  const name: string = 'webgpu'
  const dawn = (await import(name)) as Dawn
  // Constants such as GPUBufferUsage.
  Object.assign(globalThis, dawn.globals)
  return dawn.create(flags())
}

function notLoaded(cause: unknown): SparsewaveError {
  const { code, message } = cause as NodeJS.ErrnoException
  const absent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
  return new SparsewaveError(
    'ENGINE_UNAVAILABLE',
    absent
      ? 'The package `webgpu` is not installed.'
      : `The package \`webgpu\` does not load here: ${message.split('\n')[0]}.`,
    { remedy: 'Run `npm install webgpu`, or train with another engine.', cause },
  )
}

/** WebGPU of this process. Throws ENGINE_UNAVAILABLE when the package is absent or does not load. */
async function instance(): Promise<GPU> {
  try {
    gpu ??= load()
    return await gpu
  } catch (cause) {
    gpu = undefined
    throw notLoaded(cause)
  }
}

const REMEDY =
  'Install the GPU’s Vulkan driver and the loader libvulkan1 (Linux; `vulkaninfo --summary` lists devices). Mesa’s lavapipe is ' +
  'not enough for Dawn; for a software device point VK_ICD_FILENAMES at the vk_swiftshader_icd.json of Chromium.'

const none = (refused: readonly string[], cause?: unknown) =>
  new SparsewaveError(
    'ENGINE_UNAVAILABLE',
    `WebGPU finds no adapter that it can use here${refused.length > 0 ? ` (${refused.join('; ')})` : ''}.`,
    { remedy: REMEDY, cause },
  )

/** An error about the adapter that SPARSEWAVE_WEBGPU_ADAPTER names. */
const misnamed = (adapters: readonly string[], cause?: unknown) =>
  new SparsewaveError(
    'ENGINE_UNAVAILABLE',
    `SPARSEWAVE_WEBGPU_ADAPTER is '${process.env.SPARSEWAVE_WEBGPU_ADAPTER}'; the adapters here are: ${adapters.join(', ')}.`,
    { remedy: 'Name one of them as it is written, without what is in brackets, or unset the variable.', cause },
  )

async function probe() {
  try {
    return await probeAdapters(flags())
  } catch (cause) {
    throw notLoaded(cause)
  }
}

async function findAdapter(): Promise<GPUAdapter> {
  const all = await instance()
  let adapter: GPUAdapter | null = null
  let cause: unknown
  try {
    adapter = await all.requestAdapter({ powerPreference: 'high-performance' })
  } catch (error) {
    // Dawn refuses names so.
    cause = error
  }
  if (adapter) return adapter
  const { adapters, refused } = await probe()
  throw adapters.length > 0 && process.env.SPARSEWAVE_WEBGPU_ADAPTER ? misnamed(adapters, cause) : none(refused, cause)
}

/** What `doctor` says: the adapters, the one that is used first, and why others cannot be. Throws ENGINE_UNAVAILABLE. */
export async function describeAdapters(): Promise<string> {
  const { adapters, chosen, refused } = await probe()
  if (chosen === undefined)
    throw adapters.length > 0 && process.env.SPARSEWAVE_WEBGPU_ADAPTER ? misnamed(adapters) : none(refused)
  return [
    `takes ${chosen}${isSoftware(chosen) ? ', on the processor: for checks' : ''}`,
    `adapters: ${adapters.join(', ')}`,
    ...refused.map((why) => `not usable: ${why}`),
  ].join('; ')
}

/** The adapter that an engine would take; undefined where there is none. */
export async function findAdapterInUse(): Promise<Pick<AdapterDescription, 'name' | 'software'> | undefined> {
  // Nobody asked for a GPU, so whatever is wrong with it is no error here.
  const name = await probeAdapters(flags()).then(
    ({ chosen }) => chosen,
    () => undefined,
  )
  return name === undefined ? undefined : { name, software: isSoftware(name) }
}

export interface AdapterDescription {
  readonly name: string
  /** Runs on the processor. */
  readonly software: boolean
  /** Largest buffer an engine may bind, bytes. */
  readonly binding: number
  /** Threads of a workgroup, at most. */
  readonly invocations: number
}

const isSoftware = (name: string): boolean => /swiftshader|llvmpipe|lavapipe|basic render/i.test(name)

function describe({ info, limits }: GPUAdapter): AdapterDescription {
  const name = [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '').join(' ')
  return {
    name,
    software: info.isFallbackAdapter || isSoftware(name),
    binding: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    // In powers of two, which every device takes.
    invocations:
      2 **
      Math.floor(Math.log2(Math.min(limits.maxComputeInvocationsPerWorkgroup, 4 * limits.maxComputeWorkgroupSizeY))),
  }
}

export interface OpenDevice {
  readonly device: GPUDevice
  readonly adapter: AdapterDescription
  /** Why the device went away; undefined while it is there. */
  lost: string | undefined
  /** What failed without a call that waits for it, such as a write past a buffer's end: nothing the device says after it can be believed. */
  failed?: string
}

/** A device with the adapter's largest buffers. Throws ENGINE_UNAVAILABLE. */
export async function openDevice(): Promise<OpenDevice> {
  const adapter = await findAdapter()
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeY } = adapter.limits
  try {
    const device = await adapter.requestDevice({
      requiredLimits: {
        maxStorageBufferBindingSize,
        maxBufferSize,
        maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeY,
      },
    })
    const open: OpenDevice = { device, adapter: describe(adapter), lost: undefined }
    device.onuncapturederror = ({ error }) => {
      open.failed ??= error.message
    }
    device.lost.then(({ message, reason }) => {
      open.lost = message || reason
    })
    return open
  } catch (cause) {
    throw new SparsewaveError(
      'ENGINE_UNAVAILABLE',
      `${describe(adapter).name} gives no device: ${(cause as Error).message}.`,
      { remedy: REMEDY, cause },
    )
  }
}

/** Raised by `allocate`; the caller asks for less. */
export class OutOfDeviceMemory extends Error {}

/** Makes buffers of so many bytes by name, all or none. Throws OutOfDeviceMemory, also above `limit` bytes together. */
export async function allocate<K extends string>(
  device: GPUDevice,
  sizes: Readonly<Record<K, number>>,
  limit = Number.POSITIVE_INFINITY,
): Promise<Record<K, GPUBuffer>> {
  const entries = Object.entries(sizes) as [K, number][]
  if (entries.reduce((sum, [, size]) => sum + size, 0) > limit) throw new OutOfDeviceMemory()
  device.pushErrorScope('out-of-memory')
  device.pushErrorScope('validation')
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const made = entries.map(([name, size]) => [name, device.createBuffer({ label: name, size, usage })] as const)
  const [invalid, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()])
  if (!invalid && !memory) return Object.fromEntries(made) as Record<K, GPUBuffer>
  for (const [, buffer] of made) buffer.destroy()
  if (memory) throw new OutOfDeviceMemory()
  throw new Error(`webgpu: ${invalid!.message}`)
}
