/**
 * The acoustic model: phonemes to frames. One ONNX file and its symbol table make a model; predictions depend on
 * nothing but the arguments.
 */
import { z } from 'zod'
import { SparsewaveError } from '../errors.ts'
import { ENVELOPE_POINTS, type Frames } from '../frames.ts'
import { loadOnnx, type OnnxModel } from '../onnx/runtime.ts'

/** The part of a voice's manifest that belongs to its acoustic model. */
export const acousticManifestSchema = z.strictObject({
  /** Symbols in the order of their ids; id = index + 1, and 0 is silence. */
  symbols: z.string().min(1),
})
export type AcousticManifest = z.output<typeof acousticManifestSchema>

export interface Prediction {
  readonly frames: Frames
  /** Frames of each symbol that was used, the silence before and the silence after included; their sum is frames.count. */
  readonly durations: Int32Array
  /** The symbols that `durations` are of, between the silences: the input without those the model does not know. */
  readonly phonemes: string
}

const INPUTS = ['phonemes', 'rate', 'pitch']
const OUTPUTS = ['durations', 'f0', 'envelope']

export class AcousticModel {
  readonly #model: OnnxModel
  readonly #ids: ReadonlyMap<string, number>

  private constructor(model: OnnxModel, ids: ReadonlyMap<string, number>) {
    this.#model = model
    this.#ids = ids
  }

  /** Opens acoustic.onnx. Throws VOICE_DAMAGED when it cannot be opened, VOICE_MISMATCH when it is another model. */
  static async load(path: string, manifest: AcousticManifest): Promise<AcousticModel> {
    const model = await loadOnnx(path)
    const lacks = [
      ...INPUTS.filter((name) => !model.inputNames.includes(name)),
      ...OUTPUTS.filter((name) => !model.outputNames.includes(name)),
    ]
    if (lacks.length > 0) {
      await model.release()
      throw new SparsewaveError('VOICE_MISMATCH', `${path} is not an acoustic model: it has no ${lacks.join(', ')}.`)
    }
    return new AcousticModel(model, new Map(Array.from(manifest.symbols, (symbol, i) => [symbol, i + 1])))
  }

  /**
   * Frames of a phoneme string (one character a symbol). `rate`: 2 = twice as fast; `pitch`: factor on F0. Symbols
   * the model does not know are skipped. Throws INPUT_EMPTY when none is left.
   */
  async predict(
    phonemes: string,
    { rate = 1, pitch = 1 }: { rate?: number; pitch?: number } = {},
  ): Promise<Prediction> {
    const known = Array.from(phonemes).filter((symbol) => this.#ids.has(symbol))
    if (!known.some((symbol) => symbol.trim() !== ''))
      throw new SparsewaveError('INPUT_EMPTY', 'There are no phonemes to speak.')
    const ids = BigInt64Array.from([0, ...known.map((symbol) => this.#ids.get(symbol)!), 0].map(BigInt))
    const outputs = await this.#model.run({
      phonemes: { data: ids, dims: [1, ids.length] },
      rate: { data: Float32Array.of(rate), dims: [] },
      pitch: { data: Float32Array.of(pitch), dims: [] },
    })
    const f0 = outputs.f0!.data as Float32Array
    const envelope = outputs.envelope!.data as Float32Array
    if (envelope.length !== f0.length * ENVELOPE_POINTS)
      throw new SparsewaveError('SYNTHESIS_FAILED', 'The acoustic model gave envelopes of another size.')
    return {
      frames: { count: f0.length, f0, envelope },
      durations: Int32Array.from(outputs.durations!.data as BigInt64Array, Number),
      phonemes: known.join(''),
    }
  }

  /** Frees the model; safe to call twice. */
  close(): Promise<void> {
    return this.#model.release()
  }
}
