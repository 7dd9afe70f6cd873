/** Models as the rest of the code sees them, whichever build of onnxruntime runs them: inputs and outputs are plain typed arrays. */
import { SparsewaveError } from '../errors.ts'

/** Row-major values; a Uint8Array holds booleans. A scalar has dims []. */
export interface OnnxValue {
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array
  readonly dims: readonly number[]
}

export interface OnnxModel {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /**
   * Runs the model on every input it has and returns all outputs by name. Throws SYNTHESIS_FAILED when the inputs
   * do not fit the model.
   */
  run(inputs: Readonly<Record<string, OnnxValue>>): Promise<Record<string, OnnxValue>>
  /** Frees the session; safe to call twice. */
  release(): Promise<void>
}

/** A model's file: its path, or its bytes and what errors call it. Browsers have bytes alone. */
export type ModelFile = string | { readonly name: string; readonly bytes: Uint8Array }

export const nameOf = (file: ModelFile): string => (typeof file === 'string' ? file : file.name)

/** A session of onnxruntime: what its builds have in common. */
export interface RuntimeSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Record<string, never>): Promise<Record<string, unknown>>
  release(): Promise<void>
}
type TensorClass = new (type: never, data: never, dims: readonly number[]) => unknown

const elementType = (data: OnnxValue['data']) =>
  data instanceof Float32Array
    ? 'float32'
    : data instanceof BigInt64Array
      ? 'int64'
      : data instanceof Int32Array
        ? 'int32'
        : 'bool'

/** A model over the session that `open` makes. Throws VOICE_DAMAGED, with the file's name, when it makes none. */
export async function openModel(
  name: string,
  Tensor: TensorClass,
  open: () => Promise<RuntimeSession>,
): Promise<OnnxModel> {
  let session: RuntimeSession | undefined
  try {
    session = await open()
  } catch (cause) {
    throw new SparsewaveError('VOICE_DAMAGED', `${name} cannot be opened as an ONNX model: ${reason(cause)}`, { cause })
  }
  const { inputNames, outputNames } = session
  return {
    inputNames,
    outputNames,
    async run(inputs) {
      if (!session) throw new SparsewaveError('SYNTHESIS_FAILED', `${name} was run after it was released`)
      try {
        const feeds: Record<string, unknown> = {}
        for (const [input, { data, dims }] of Object.entries(inputs))
          feeds[input] = new Tensor(elementType(data) as never, data as never, dims)
        const results = await session.run(feeds as Record<string, never>)
        const outputs: Record<string, OnnxValue> = {}
        for (const output of outputNames) {
          const { data, dims } = results[output] as OnnxValue
          outputs[output] = { data, dims }
        }
        return outputs
      } catch (cause) {
        throw new SparsewaveError('SYNTHESIS_FAILED', `${name} failed to run: ${reason(cause)}`, { cause })
      }
    },
    async release() {
      const held = session
      session = undefined
      await held?.release()
    },
  }
}

const reason = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!.slice(0, 300)
