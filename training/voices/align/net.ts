/**
 * The aligner's net: mel frames to the probability of each symbol at each frame. Convolutions over time with skips around them, each
 * behind a normalisation of its row. Shapes and names are the same in training (train.ts) and here.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { SparsewaveError } from 'sparsewave/internal/errors'
import { availableLayers, type Layers, type Matrix } from 'sparsewave/internal/layers/index'
import { fromHalf } from 'sparsewave/internal/onnx/read'
import { BRITISH_SYMBOLS, PHONEMES } from 'sparsewave/internal/text/phonemes'
import { decodeSafetensors } from 'sparsewave/internal/vocoder/sparse-wavernn/safetensors'
import { TRAINING_ROOT } from '../../root.ts'
import { MEL_BANDS } from './features.ts'

export const ALIGNER_FORMAT = 'sparsewave-aligner-1'
/** Symbols that the net tells apart; class 0 is silence, class i + 1 the i-th symbol. */
export const ALIGNER_SYMBOLS = PHONEMES + BRITISH_SYMBOLS
export const CLASSES = [...ALIGNER_SYMBOLS].length + 1

export interface AlignerShape {
  readonly channels: number
  /** Frames that a convolution sees, odd. */
  readonly width: number
  /** Of each block: how many frames what its convolution sees lies apart. */
  readonly dilations: readonly number[]
}

export interface ParameterShape {
  readonly name: string
  readonly shape: readonly number[]
  /** Spread of initial values. */
  readonly spread: number
  /** Initial value where there is no spread. */
  readonly constant: number
}

/** Parameters of the net in order. */
export function alignerParameters({ channels, width, dilations }: AlignerShape): ParameterShape[] {
  const matrix = (name: string, w: number, rows: number, columns: number, gain: number): ParameterShape[] => [
    { name: `${name}.weight`, shape: [w, rows, columns], spread: gain / Math.sqrt(w * rows), constant: 0 },
    { name: `${name}.bias`, shape: [columns], spread: 0, constant: 0 },
  ]
  const norm = (name: string): ParameterShape[] => [
    { name: `${name}.scale`, shape: [channels], spread: 0, constant: 1 },
    { name: `${name}.shift`, shape: [channels], spread: 0, constant: 0 },
  ]
  return [
    ...matrix('in', width, MEL_BANDS, channels, 1.4),
    ...dilations.flatMap((_, i) => [
      ...norm(`block${i}.norm`),
      ...matrix(`block${i}.conv`, width, channels, channels, 1),
    ]),
    ...norm('out.norm'),
    ...matrix('out', 1, channels, CLASSES, 1),
  ]
}

export const NORM_EPSILON = 1e-5

/** The weights that ship. */
export const ALIGNER_FILE = path.join(TRAINING_ROOT, 'voices', 'align', 'aligner.safetensors')

export class AlignerNet {
  readonly shape: AlignerShape
  /** How long symbols last (durations.ts); undefined when the weights come without. */
  readonly durations: Float32Array | undefined
  readonly #layers: Layers
  readonly #values: ReadonlyMap<string, Float32Array>
  readonly #matrices: ReadonlyMap<string, Matrix>

  constructor(shape: AlignerShape, values: ReadonlyMap<string, Float32Array>, durations?: Float32Array) {
    this.shape = shape
    this.durations = durations
    this.#values = values
    const [fastest, ...others] = availableLayers()
    for (const layers of others) layers.close()
    if (!fastest)
      throw new SparsewaveError(
        'ENGINE_UNAVAILABLE',
        'There is neither a native nor a WebAssembly build of the layers.',
        {
          remedy: 'Run `npm run build` in the clone, or install the package again.',
        },
      )
    this.#layers = fastest
    const matrices = new Map<string, Matrix>()
    for (const { name, shape: dims } of alignerParameters(shape)) {
      if (!name.endsWith('.weight')) continue
      const base = name.slice(0, -'.weight'.length)
      matrices.set(base, fastest.matrix(values.get(name)!, values.get(`${base}.bias`)!, dims[0]!))
    }
    this.#matrices = matrices
  }

  /** Reads a weights file. Throws WEIGHTS_INVALID. */
  static read(file: string = ALIGNER_FILE): AlignerNet {
    let bytes: Uint8Array
    try {
      bytes = readFileSync(file)
    } catch (cause) {
      throw new SparsewaveError('WEIGHTS_INVALID', `The aligner's weights ${file} cannot be read.`, {
        remedy: 'Install sparsewave-training again.',
        cause,
      })
    }
    const { tensors, metadata } = decodeSafetensors(bytes, file)
    const fail = (why: string): never => {
      throw new SparsewaveError('WEIGHTS_INVALID', `${file} ${why}.`, { remedy: 'Install sparsewave-training again.' })
    }
    if (metadata.format !== ALIGNER_FORMAT || metadata.symbols !== ALIGNER_SYMBOLS)
      fail('is not a weights file of this aligner')
    const shape = JSON.parse(metadata.shape ?? '{}') as AlignerShape
    const values = new Map<string, Float32Array>()
    for (const { name, shape: dims } of alignerParameters(shape)) {
      const size = dims.reduce((a, b) => a * b, 1)
      const tensor = tensors.get(name)
      if (tensor?.data.length !== size) fail(`has no ${name} of ${size} values`)
      const { data } = tensor!
      values.set(
        name,
        data instanceof Uint16Array ? Float32Array.from(data, fromHalf) : Float32Array.from(data as Float32Array),
      )
    }
    const durations = tensors.get('durations')?.data
    if (!(durations instanceof Float32Array) || durations.length !== CLASSES * 4)
      fail('has no durations of its symbols')
    return new AlignerNet(shape, values, durations as Float32Array)
  }

  /** Natural-log probabilities [frames, CLASSES] of normalised mel frames [frames, MEL_BANDS]. */
  logProbabilities(mel: Float32Array): Float32Array {
    const frames = mel.length / MEL_BANDS
    const { channels, dilations, width } = this.shape
    const padding = (width - 1) / 2
    const value = (name: string) => this.#values.get(name)!
    let h = new Float32Array(frames * channels)
    this.#matrices.get('in')!.product(mel, frames, padding, h, { activation: 'relu' })
    const normed = new Float32Array(frames * channels)
    dilations.forEach((dilation, i) => {
      const name = `block${i}`
      this.#layers.norm(h, frames, NORM_EPSILON, value(`${name}.norm.scale`), value(`${name}.norm.shift`), normed)
      const matrix = this.#matrices.get(`${name}.conv`)!
      const next = new Float32Array(frames * channels)
      // Every dilation-th row is a convolution of its own.
      for (let first = 0; first < Math.min(dilation, frames); first++) {
        const count = Math.ceil((frames - first) / dilation)
        const rows = strided(normed, channels, first, dilation, count)
        const out = new Float32Array(count * channels)
        const residual = strided(h, channels, first, dilation, count)
        matrix.product(rows, count, padding, out, { activation: 'relu', residual })
        for (let r = 0; r < count; r++)
          next.set(out.subarray(r * channels, (r + 1) * channels), (first + r * dilation) * channels)
      }
      h = next
    })
    this.#layers.norm(h, frames, NORM_EPSILON, value('out.norm.scale'), value('out.norm.shift'), normed)
    const out = new Float32Array(frames * CLASSES)
    this.#matrices.get('out')!.product(normed, frames, 0, out)
    for (let f = 0; f < frames; f++) logSoftmax(out.subarray(f * CLASSES, (f + 1) * CLASSES))
    return out
  }

  close(): void {
    for (const matrix of this.#matrices.values()) matrix.close()
    this.#layers.close()
  }
}

function strided(x: Float32Array, channels: number, first: number, step: number, count: number): Float32Array {
  if (step === 1) return x
  const out = new Float32Array(count * channels)
  for (let r = 0; r < count; r++) {
    const at = (first + r * step) * channels
    out.set(x.subarray(at, at + channels), r * channels)
  }
  return out
}

function logSoftmax(row: Float32Array): void {
  let most = Number.NEGATIVE_INFINITY
  for (const v of row) if (v > most) most = v
  let sum = 0
  for (const v of row) sum += Math.exp(v - most)
  const shift = most + Math.log(sum)
  for (let i = 0; i < row.length; i++) row[i]! -= shift
}
