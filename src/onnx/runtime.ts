/**
 * The one file that touches onnxruntime-node. A model runs on one thread with no memory arena, so that its memory is
 * bounded and many models can share a machine; inputs and outputs are plain typed arrays.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
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

const elementType = (data: OnnxValue['data']) =>
  data instanceof Float32Array
    ? 'float32'
    : data instanceof BigInt64Array
      ? 'int64'
      : data instanceof Int32Array
        ? 'int32'
        : 'bool'

/**
 * Opens a model file. `threads` (default 1) is the number of threads one operator may use.
 * Works in worker threads; a worker must not be terminated while it loads or runs a model (onnxruntime-node then aborts
 * the process), but told to end. Throws VOICE_DAMAGED, naming the file, when it is missing or not a model that can run.
 */
export async function loadOnnx(path: string, { threads = 1 }: { threads?: number } = {}): Promise<OnnxModel> {
  let session: InferenceSession | undefined
  try {
    session = await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: 3,
    })
  } catch (cause) {
    throw new SparsewaveError('VOICE_DAMAGED', `${path} cannot be opened as an ONNX model: ${reason(cause)}`, { cause })
  }
  const { inputNames, outputNames } = session
  return {
    inputNames,
    outputNames,
    async run(inputs) {
      if (!session) throw new SparsewaveError('SYNTHESIS_FAILED', `${path} was run after it was released`)
      try {
        const feeds: Record<string, Tensor> = {}
        for (const [name, { data, dims }] of Object.entries(inputs))
          feeds[name] = new Tensor(elementType(data), data, dims)
        const results = await session.run(feeds)
        const outputs: Record<string, OnnxValue> = {}
        for (const name of outputNames) {
          const { data, dims } = results[name] as Tensor
          outputs[name] = { data: data as OnnxValue['data'], dims }
        }
        return outputs
      } catch (cause) {
        throw new SparsewaveError('SYNTHESIS_FAILED', `${path} failed to run: ${reason(cause)}`, { cause })
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
