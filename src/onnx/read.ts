/**
 * Reads model files without running them: named initializers, nodes and metadata. For training that goes on from a shipped voice, and for
 * the layers.
 */
import { SparsewaveError } from '../errors.ts'

/** Row-major values; a Uint8Array holds booleans, a Uint16Array the bits of f16. A scalar has dims []. */
export interface OnnxTensor {
  readonly data: OnnxData
  readonly dims: readonly number[]
}
export type OnnxData = Float32Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array

export interface OnnxContents {
  /** Initializers by name; f16 ones are widened to f32. Booleans are left out. */
  readonly initializers: Readonly<Record<string, OnnxTensor>>
  readonly nodes: readonly {
    readonly op: string
    readonly inputs: readonly string[]
    readonly outputs: readonly string[]
  }[]
  readonly metadata: Readonly<Record<string, string>>
}

interface Field {
  readonly field: number
  /** The value of a varint field. */
  readonly value: number
  /** The bytes of a length-delimited field. */
  readonly body: Uint8Array
}

const EMPTY = new Uint8Array(0)

/** The contents of a model file; `name` stands for it in errors. Throws VOICE_DAMAGED. */
export function decodeOnnx(bytes: Uint8Array, name: string): OnnxContents {
  try {
    const initializers: Record<string, OnnxTensor> = {}
    const nodes: OnnxContents['nodes'][number][] = []
    const metadata: Record<string, string> = {}
    for (const { field, body } of fields(bytes)) {
      if (field === 7)
        for (const f of fields(body)) {
          if (f.field === 5) addTensor(f.body, initializers)
          if (f.field === 1) nodes.push(nodeOf(f.body))
        }
      if (field === 14) {
        const [key, value] = [1, 2].map((n) => text([...fields(body)].find((f) => f.field === n)?.body ?? EMPTY))
        metadata[key!] = value!
      }
    }
    return { initializers, nodes, metadata }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SparsewaveError('VOICE_DAMAGED', `${name} is not a readable ONNX model: ${why}.`, { cause })
  }
}

function addTensor(body: Uint8Array, into: Record<string, OnnxTensor>): void {
  const dims: number[] = []
  let type = 0
  let name = ''
  let raw: Uint8Array = EMPTY
  for (const f of fields(body)) {
    if (f.field === 1) dims.push(f.value)
    else if (f.field === 2) type = f.value
    else if (f.field === 8) name = text(f.body)
    else if (f.field === 9) raw = f.body
  }
  // A copy: the bytes of a field need not be aligned.
  const buffer = new Uint8Array(raw).buffer
  if (type === 1) into[name] = { dims, data: new Float32Array(buffer) }
  else if (type === 10) into[name] = { dims, data: widened(new Uint16Array(buffer)) }
  else if (type === 7) into[name] = { dims, data: new BigInt64Array(buffer) }
  else if (type === 6) into[name] = { dims, data: new Int32Array(buffer) }
}

function nodeOf(body: Uint8Array): OnnxContents['nodes'][number] {
  const inputs: string[] = []
  const outputs: string[] = []
  let op = ''
  for (const f of fields(body)) {
    if (f.field === 1) inputs.push(text(f.body))
    else if (f.field === 2) outputs.push(text(f.body))
    else if (f.field === 4) op = text(f.body)
  }
  return { op, inputs, outputs }
}

/** Values of all f16 bits, made when first needed: models have millions. */
let halves: Float32Array | undefined

function widened(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, i) => fromHalf(i))
  const out = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) out[i] = halves[bits[i]!]!
  return out
}

/** The value of f16 bits. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const mantissa = bits & 1023
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25))
}

const text = (body: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(body)

/** The fields of a protobuf message. Throws Error when it is cut short or holds a wire type that models do not use. */
function* fields(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (at >= bytes.length || shift > 63n) throw new Error('a number is cut short')
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(BigInt.asIntN(64, value))
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const kind = key & 7
    const field = key >>> 3
    if (kind === 0) {
      yield { field, value: varint(), body: EMPTY }
      continue
    }
    const length = kind === 2 ? varint() : kind === 5 ? 4 : kind === 1 ? 8 : -1
    if (length < 0 || at + length > bytes.length) throw new Error('a field is cut short or of an unknown kind')
    yield { field, value: 0, body: bytes.subarray(at, at + length) }
    at += length
  }
}
