/**
 * Writes ONNX models (opset 17, IR 8) byte by byte: the protobuf wire format of the few messages a model needs.
 * The encoding is a pure function of the graph, so that equal graphs give equal files and equal checksums.
 * Field numbers: onnx.proto3 of the ONNX project.
 */
import { bytesOf, joinBytes } from 'sparsewave/internal/arrays'
import type { OnnxData, OnnxTensor } from 'sparsewave/internal/onnx/read'

export type { OnnxData, OnnxTensor }
export const OPSET = 17
export const IR_VERSION = 8

export type OnnxType = 'f32' | 'f16' | 'i64' | 'i32' | 'bool'

/** An input or output; a string dimension is symbolic (its size is known when the model runs). */
export interface OnnxValueInfo {
  readonly name: string
  readonly type: OnnxType
  readonly dims: readonly (number | string)[]
}

/** Integers and lists of integers are INT(S); a real number is written { float: 0.5 } and lists { floats: [..] }. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: OnnxTensor }

export interface OnnxNode {
  readonly op: string
  /** Names of values; '' leaves an optional input out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
}

export interface OnnxGraph {
  readonly name: string
  /** In an order where every value is made before it is used. */
  readonly nodes: readonly OnnxNode[]
  readonly initializers: Readonly<Record<string, OnnxTensor>>
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  /** Free key-value pairs kept in the file. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Collects a graph node by node: `node` adds an operation and returns its output's name, `f32` and `i64` add
 * initializers and return theirs.
 *
 * @example
 * const g = new OnnxBuilder('double')
 * g.input('x', 'f32', ['n'])
 * g.output(g.node('Mul', ['x', g.f32([2])], {}, 'y'), 'f32', ['n'])
 * const bytes = encodeOnnx(g.graph())
 */
export class OnnxBuilder {
  readonly #name: string
  readonly #nodes: OnnxNode[] = []
  readonly #initializers: Record<string, OnnxTensor> = {}
  readonly #inputs: OnnxValueInfo[] = []
  readonly #outputs: OnnxValueInfo[] = []
  #next = 0

  constructor(name: string) {
    this.#name = name
  }

  input(name: string, type: OnnxType, dims: readonly (number | string)[]): string {
    this.#inputs.push({ name, type, dims })
    return name
  }

  output(name: string, type: OnnxType, dims: readonly (number | string)[]): void {
    this.#outputs.push({ name, type, dims })
  }

  /** Adds a node with one output, named `output` or by a running number. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    output?: string,
  ): string {
    return this.nodes(op, inputs, attributes, [output ?? this.#fresh(op)])[0]!
  }

  /** Adds a node with the outputs named. */
  nodes(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
    outputs: readonly string[],
  ): readonly string[] {
    this.#nodes.push({ op, inputs, outputs, attributes })
    return outputs
  }

  initializer(tensor: OnnxTensor, name = this.#fresh('const')): string {
    this.#initializers[name] = tensor
    return name
  }

  /** An f32 initializer; without `dims` a vector, or a scalar when `values` is a number. */
  f32(values: number | ArrayLike<number>, dims?: readonly number[], name?: string): string {
    const data = typeof values === 'number' ? Float32Array.of(values) : Float32Array.from(values)
    return this.initializer({ data, dims: dims ?? (typeof values === 'number' ? [] : [data.length]) }, name)
  }

  /** Values stored as f16 and read as f32: half the file, for weights that stand 11 bits. */
  half(values: Float32Array, dims: readonly number[], name?: string): string {
    const stored = this.initializer({ data: Uint16Array.from(values, toHalf), dims }, name)
    return this.node('Cast', [stored], { to: ELEMENT_TYPE.f32 })
  }

  /** An i64 initializer; without `dims` a vector, or a scalar when `values` is a number. */
  i64(values: number | readonly number[], dims?: readonly number[], name?: string): string {
    const data = BigInt64Array.from((typeof values === 'number' ? [values] : values).map(BigInt))
    return this.initializer({ data, dims: dims ?? (typeof values === 'number' ? [] : [data.length]) }, name)
  }

  graph(metadata: Readonly<Record<string, string>> = {}): OnnxGraph {
    return {
      name: this.#name,
      nodes: this.#nodes,
      initializers: this.#initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
      metadata,
    }
  }

  #fresh(stem: string): string {
    return `${stem.toLowerCase()}_${this.#next++}`
  }
}

/** The model file's bytes. Throws RangeError when a tensor's data does not fill its dims. */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
  const body = [
    ...graph.nodes.map((n) => message(1, encodeNode(n))),
    text(2, graph.name),
    ...Object.entries(graph.initializers).map(([name, t]) => message(5, encodeTensor(t, name))),
    ...graph.inputs.map((v) => message(11, encodeValueInfo(v))),
    ...graph.outputs.map((v) => message(12, encodeValueInfo(v))),
  ]
  return joinBytes([
    integer(1, IR_VERSION),
    text(2, 'sparsewave'),
    message(7, joinBytes(body)),
    message(8, joinBytes([text(1, ''), integer(2, OPSET)])),
    ...Object.entries(graph.metadata ?? {}).map(([k, v]) => message(14, joinBytes([text(1, k), text(2, v)]))),
  ])
}

const ELEMENT_TYPE: Record<OnnxType, number> = { f32: 1, i32: 6, i64: 7, bool: 9, f16: 10 }

function typeOf(data: OnnxData): OnnxType {
  if (data instanceof Float32Array) return 'f32'
  if (data instanceof BigInt64Array) return 'i64'
  if (data instanceof Uint16Array) return 'f16'
  return data instanceof Int32Array ? 'i32' : 'bool'
}

function encodeTensor({ data, dims }: OnnxTensor, name: string): Uint8Array {
  const size = dims.reduce((a, b) => a * b, 1)
  if (size !== data.length)
    throw new RangeError(`tensor ${name}: dims [${dims}] need ${size} values, not ${data.length}`)
  return joinBytes([
    ...dims.map((d) => integer(1, d)),
    integer(2, ELEMENT_TYPE[typeOf(data)]),
    text(8, name),
    message(9, bytesOf(data)),
  ])
}

function encodeNode(node: OnnxNode): Uint8Array {
  return joinBytes([
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(3, node.outputs[0] ?? ''),
    text(4, node.op),
    ...Object.entries(node.attributes ?? {}).map(([name, a]) => message(5, encodeAttribute(name, a))),
  ])
}

function encodeAttribute(name: string, value: OnnxAttribute): Uint8Array {
  const typed = (type: number, ...fields: Uint8Array[]) => joinBytes([text(1, name), ...fields, integer(20, type)])
  if (typeof value === 'number') return typed(2, integer(3, value))
  if (typeof value === 'string') return typed(3, text(4, value))
  if ('float' in value) return typed(1, real(2, value.float))
  if ('tensor' in value) return typed(4, message(5, encodeTensor(value.tensor, '')))
  if ('floats' in value) return typed(6, ...value.floats.map((v) => real(7, v)))
  return typed(7, ...value.map((v) => integer(8, v)))
}

function encodeValueInfo({ name, type, dims }: OnnxValueInfo): Uint8Array {
  const shape = dims.map((d) => message(1, typeof d === 'number' ? integer(1, d) : text(2, d)))
  const tensor = joinBytes([integer(1, ELEMENT_TYPE[type]), message(2, joinBytes(shape))])
  return joinBytes([text(1, name), message(2, message(1, tensor))])
}

/** The bits of the f16 nearest to a value, ties to even; beyond its range infinity. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  // Exponent of the unit in the last place: 10 bits below the leading one, not below that of the subnormals.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const units = size / 2 ** (exponent - 10)
  const low = Math.floor(units)
  const rest = units - low
  const mantissa = rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low
  // A mantissa that rounds up to the next power of two carries into the exponent by itself.
  return sign | (((exponent + 14) << 10) + mantissa)
}

// Protobuf wire format: key = field number * 8 + wire type (0 varint, 2 length-delimited, 5 four bytes).

function varint(value: number): number[] {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    const more = rest > 127n
    bytes.push(Number(rest & 127n) | (more ? 128 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return bytes
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8), ...varint(value)])
}

function real(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setFloat32(0, value, true)
  return joinBytes([Uint8Array.from(varint(field * 8 + 5)), bytes])
}

function message(field: number, body: Uint8Array): Uint8Array {
  return joinBytes([Uint8Array.from([...varint(field * 8 + 2), ...varint(body.length)]), body])
}

function text(field: number, value: string): Uint8Array {
  return message(field, new TextEncoder().encode(value))
}
