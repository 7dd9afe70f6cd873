/**
 * The safetensors format (Hugging Face, public spec): 8 bytes header length, JSON header, tensor data, little-endian.
 * What was decoded is complete: every tensor lies inside the file, without overlap, and has the size its shape says.
 */
import { bytesOf } from '../../arrays.ts'
import { SparsewaveError } from '../../errors.ts'

const TYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I8: Int8Array,
  U8: Uint8Array,
  U16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
} as const

export type Dtype = keyof typeof TYPES
export type TensorData = Float32Array | Float64Array | Int8Array | Uint8Array | Uint16Array | Int32Array | Uint32Array

export interface Tensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly data: TensorData
}

export interface NamedTensor extends Tensor {
  readonly name: string
}

/** Headers beyond this are taken for damage. */
const MAX_HEADER = 16 * 1024 * 1024

/** Encodes tensors in the order given; data starts on a multiple of 64 bytes, each tensor on a multiple of 8. */
export function encodeSafetensors(tensors: readonly NamedTensor[], metadata: Record<string, string> = {}): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const { name, dtype, shape, data } of tensors) {
    if (shape.reduce((a, b) => a * b, 1) !== data.length)
      throw new Error(`${name}: shape ${shape} does not fit ${data.length} values`)
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const headerLength = Math.ceil((json.length + 8) / 64) * 64 - 8
  const bytes = new Uint8Array(8 + headerLength + offset)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.fill(0x20, 8, 8 + headerLength)
  bytes.set(json, 8)
  let at = 8 + headerLength
  for (const { data } of tensors) {
    bytes.set(bytesOf(data), at)
    at += data.byteLength
  }
  return bytes
}

/** Decodes a file's bytes; `name` is used in errors. Throws WEIGHTS_INVALID. */
export function decodeSafetensors(
  bytes: Uint8Array,
  name: string,
): { tensors: Map<string, Tensor>; metadata: Record<string, string> } {
  const fail = (why: string): never => {
    throw new SparsewaveError('WEIGHTS_INVALID', `${name}: ${why}`)
  }
  if (bytes.length < 8) fail('the file is too short to be safetensors.')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(Math.min(MAX_HEADER, bytes.length - 8))) fail('its header is longer than the file.')
  const start = 8 + Number(length)
  let header: Record<string, unknown>
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start)))
  } catch {
    return fail('its header is not JSON.')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) fail('its header is not an object.')
  const metadata: Record<string, string> = {}
  const tensors = new Map<string, Tensor>()
  const spans: { begin: number; end: number; tensor: string }[] = []
  for (const [tensor, value] of Object.entries(header)) {
    const info = value as { dtype?: unknown; shape?: unknown; data_offsets?: unknown } | null
    if (typeof info !== 'object' || info === null) return fail(`the entry ${tensor} is not an object.`)
    if (tensor === '__metadata__') {
      for (const [key, text] of Object.entries(info)) metadata[key] = String(text)
      continue
    }
    const { dtype, shape, data_offsets: offsets } = info
    if (typeof dtype !== 'string' || !Object.hasOwn(TYPES, dtype))
      return fail(`${tensor} has the unsupported type ${dtype}.`)
    const natural = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0
    if (!Array.isArray(shape) || !shape.every(natural)) return fail(`${tensor} has no valid shape.`)
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(natural))
      return fail(`${tensor} has no valid offsets.`)
    const type = TYPES[dtype as Dtype]
    const [begin, end] = offsets as [number, number]
    const size = shape.reduce((a, b) => a * b, 1) * type.BYTES_PER_ELEMENT
    if (end - begin !== size) fail(`${tensor} has ${end - begin} bytes where its shape needs ${size}.`)
    if (start + end > bytes.length) fail(`${tensor} ends beyond the file.`)
    spans.push({ begin, end, tensor })
    // A copy, so that the data is aligned for its type.
    const data = new type(new Uint8Array(bytes.subarray(start + begin, start + end)).buffer)
    tensors.set(tensor, { dtype: dtype as Dtype, shape, data })
  }
  spans.sort((a, b) => a.begin - b.begin)
  let covered = 0
  for (const { begin, end, tensor } of spans) {
    if (begin !== covered) fail(`${tensor} overlaps another tensor or leaves a gap.`)
    covered = end
  }
  if (start + covered !== bytes.length) fail('there is data that no tensor names.')
  return { tensors, metadata }
}
