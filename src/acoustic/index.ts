/**
 * The acoustic model: phonemes to frames. One ONNX file and its symbol table make a model; predictions depend on
 * nothing but the arguments.
 */
import { z } from 'zod'
import { chooseEngine } from '../engine.ts'
import { SparsewaveError } from '../errors.ts'
import { ENVELOPE_POINTS, type Frames } from '../frames.ts'
import type { Layers } from '../layers/index.ts'
import { nameOf } from '../onnx/model.ts'
import { loadOnnx, type ModelFile } from '../onnx/runtime.ts'
import { LayeredAcoustic, type Outputs } from './on-layers.ts'
import { atRate, netRate } from './tempo.ts'

/** The part of a voice's manifest that belongs to its acoustic model. */
export const acousticManifestSchema = z.strictObject({
  /** Symbols in the order of their ids; id = index + 1, and 0 is silence. */
  symbols: z.string().min(1),
  /** Its speakers, in the model's order; none in a model of one voice. */
  speakers: z.array(z.string()).default([]),
})
export type AcousticManifest = z.input<typeof acousticManifestSchema>

export interface Prediction {
  readonly frames: Frames
  /** Frames of each symbol that was used, the silence before and the silence after included; their sum is frames.count. */
  readonly durations: Int32Array
  /** The symbols that `durations` are of, between the silences: the input without those the model does not know. */
  readonly phonemes: string
}

/** Speakers and their shares in a voice, for example { heart: 0.6, emma: 0.4 }. They need not sum to 1. */
export type SpeakerShares = Readonly<Record<string, number>>

export interface PredictOptions {
  rate?: number | undefined
  pitch?: number | undefined
  speaker?: SpeakerShares | undefined
}

const INPUTS = ['phonemes', 'rate', 'pitch']
const OUTPUTS = ['durations', 'f0', 'envelope']

/** What frames are made of: ids [P] with the silence 0 at both ends; speakers' shares [speakers], which sum to 1. */
export interface Utterance {
  readonly ids: readonly number[]
  readonly rate: number
  /** Factor on F0. */
  readonly pitch: number
  readonly shares: Float32Array
}

interface Runner {
  run(utterance: Utterance): Promise<Outputs>
  close(): Promise<void> | void
}

export class AcousticModel {
  readonly #runner: Runner
  readonly #ids: ReadonlyMap<string, number>
  readonly #speakers: readonly string[]

  private constructor(runner: Runner, { symbols, speakers = [] }: AcousticManifest) {
    this.#runner = runner
    this.#ids = new Map(Array.from(symbols, (symbol, i) => [symbol, i + 1]))
    this.#speakers = speakers
  }

  /**
   * Opens acoustic.onnx on `layers`, which the model then owns (default: those that src/engine.ts chooses). With null, or where layers do not
   * support the graph, it runs in onnxruntime. Throws VOICE_DAMAGED when it cannot be opened, VOICE_MISMATCH when it is another model,
   * RUNTIME_MISSING when it needs onnxruntime and that is not installed.
   */
  static async load(
    file: ModelFile,
    manifest: AcousticManifest,
    { layers = chooseEngine().layers.open() }: { layers?: Layers | null } = {},
  ): Promise<AcousticModel> {
    const layered = layers ? await LayeredAcoustic.open(file, layers) : undefined
    if (!layered) layers?.close()
    return new AcousticModel(layered ?? (await onnxRunner(file, manifest.speakers ?? [])), manifest)
  }

  /**
   * Frames of a phoneme string (one character a symbol). `rate`: 2 = twice as fast; `pitch`: factor on F0; `speaker`: shares of the speakers,
   * the first alone by default. Symbols the model does not know are skipped. Throws INPUT_EMPTY when none is left.
   */
  async predict(phonemes: string, { rate = 1, pitch = 1, speaker }: PredictOptions = {}): Promise<Prediction> {
    const known = Array.from(phonemes).filter((symbol) => this.#ids.has(symbol))
    if (!known.some((symbol) => symbol.trim() !== ''))
      throw new SparsewaveError('INPUT_EMPTY', 'There are no phonemes to speak.')
    const ids = [0, ...known.map((symbol) => this.#ids.get(symbol)!), 0]
    const own = netRate(rate)
    const made = await this.#runner.run({ ids, rate: own, pitch, shares: this.#shares(speaker) })
    const { f0, envelope } = made
    const frames = { count: f0.length, f0, envelope }
    const speech = atRate({ frames, durations: made.durations }, made.length ?? f0.length * own, rate)
    return { ...speech, phonemes: known.join('') }
  }

  /** Shares in the model's order, summing to 1. */
  #shares(speaker: SpeakerShares | undefined): Float32Array {
    const shares = new Float32Array(this.#speakers.length)
    if (shares.length === 0) return shares
    const given = Object.entries(speaker ?? { [this.#speakers[0]!]: 1 })
    const total = given.reduce((sum, [, share]) => sum + share, 0)
    for (const [name, share] of given) {
      const at = this.#speakers.indexOf(name)
      if (at < 0) throw new SparsewaveError('VOICE_MISMATCH', `The acoustic model has no speaker '${name}'.`)
      shares[at] = share / total
    }
    return shares
  }

  /** Frees the model; safe to call twice. */
  async close(): Promise<void> {
    await this.#runner.close()
  }
}

async function onnxRunner(file: ModelFile, speakers: readonly string[]): Promise<Runner> {
  const model = await loadOnnx(file)
  const lacks = [
    ...[...INPUTS, ...(speakers.length > 0 ? ['speaker'] : [])].filter((name) => !model.inputNames.includes(name)),
    ...OUTPUTS.filter((name) => !model.outputNames.includes(name)),
  ]
  if (lacks.length > 0) {
    await model.release()
    throw new SparsewaveError(
      'VOICE_MISMATCH',
      `${nameOf(file)} is not an acoustic model: it has no ${lacks.join(', ')}.`,
    )
  }
  return {
    async run({ ids, rate, pitch, shares }) {
      const outputs = await model.run({
        phonemes: { data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] },
        rate: { data: Float32Array.of(rate), dims: [] },
        pitch: { data: Float32Array.of(pitch), dims: [] },
        ...(shares.length > 0 && { speaker: { data: shares, dims: [shares.length] } }),
      })
      const f0 = outputs.f0!.data as Float32Array
      const envelope = outputs.envelope!.data as Float32Array
      if (envelope.length !== f0.length * ENVELOPE_POINTS)
        throw new SparsewaveError('SYNTHESIS_FAILED', 'The acoustic model gave envelopes of another size.')
      return {
        durations: Int32Array.from(outputs.durations!.data as BigInt64Array, Number),
        // Packages of older versions do not say it.
        length: outputs.length && Number(outputs.length.data[0]),
        f0,
        envelope,
      }
    },
    close: () => model.release(),
  }
}
