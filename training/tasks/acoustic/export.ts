/**
 * A checkpoint to one ONNX graph from symbol ids to frames, length regulation included. A rate divides the durations before they are
 * rounded to units, but leaves sounds of one and two units as they are.
 *
 * Inputs: `phonemes` i64 [1, P], ids with the silence 0 first and last (the caller puts them there); `rate` f32, 2 =
 * twice as fast; `pitch` f32, factor on F0; `speaker` f32 [speakers], shares of the speakers that sum to 1, in a model of several. Outputs: `durations` i64 [P] in frames of 5 ms; `length` i64, the
 * sum that they have at rate 1; `f0` f32 [T] in Hz, 0 =
 * unvoiced; `envelope` f32 [T, 64]; T = sum of durations.
 */
import type { AcousticManifest } from 'sparsewave/internal/acoustic/index'
import { NORMALIZATION_NAMES, SPEAKER_NAMES } from 'sparsewave/internal/acoustic/net/names'
import { decode, encode, placeUnits, predictDurations, predictPitch } from 'sparsewave/internal/acoustic/net/net'
import { encodeOnnx, OnnxBuilder, type OnnxGraph } from '../../export/onnx.ts'
import { replaceFile } from '../../net/checkpoint-files.ts'
import type { Checkpoint } from './checkpoint.ts'
import { ENVELOPE_POINTS, FRAMES_PER_UNIT, POSITION_SCALES, SHORTEST, SPEAKER_FIELDS } from './config.ts'
import { onnxOps } from './onnx-ops.ts'
import { openCheckpoint } from './open.ts'
import { type Sharpening, TIME_SPAN } from './sharpen.ts'

export interface ExportOptions {
  /** Store matrices as f16 (default): half the file; computed in f32 either way. */
  readonly half?: boolean
  /** Applied to every frame's envelope. */
  readonly sharpening?: Sharpening | undefined
}

/**
 * Exports the averaged parameters of a checkpoint file, of the newest checkpoint of a run's folder, or of a voice's, to
 * `outPath`. Throws CHECKPOINT_INVALID, VOICE_*.
 */
export function exportAcoustic(checkpoint: string, outPath: string, options: ExportOptions = {}): AcousticManifest {
  const read = openCheckpoint(checkpoint)
  const bytes = encodeOnnx(acousticGraph(read, options))
  replaceFile(outPath, bytes)
  return { symbols: read.config.symbols, speakers: read.config.speakers }
}

/** The graph of a checkpoint's averaged parameters. */
export function acousticGraph(checkpoint: Checkpoint, { half = true, sharpening }: ExportOptions = {}): OnnxGraph {
  const { config, normalization, average, update } = checkpoint
  const { pitchMean, pitchSpread, envelopeMean, envelopeSpread, speakerPitch } = normalization
  const count = config.speakers.length
  const g = new OnnxBuilder('acoustic')
  const ops = onnxOps(g, average, half)
  g.input('phonemes', 'i64', [1, 'symbols'])
  g.input('rate', 'f32', [])
  g.input('pitch', 'f32', [])
  if (count > 0) g.input('speaker', 'f32', [count])
  const float = (x: string) => g.node('Cast', [x], { to: 1 })
  const integer = (x: string, output?: string) => g.node('Cast', [x], { to: 7 }, output)
  const first = g.i64([0])
  const scalar = (x: string) => g.node('Squeeze', [x, first])
  const column = (x: string) => g.node('Unsqueeze', [x, g.i64([1])])
  const range = (count: string) => g.node('Range', [g.i64(0), count, g.i64(1)])
  const last = (x: string) => scalar(g.node('Gather', [x, g.i64([-1])]))

  const ids = g.node('Squeeze', ['phonemes', first])
  const symbols = scalar(g.node('Shape', [ids]))
  const index = range(symbols)
  const fromEnd = g.node('Sub', [g.node('Sub', [symbols, g.i64(1)]), index])
  // Order of the fields as in example.ts: scale outer, then start and end, then sine and cosine.
  const distances = POSITION_SCALES.flatMap((scale) =>
    [index, fromEnd].map((d) => g.node('Div', [float(d), g.f32(scale)])),
  )
  const sines = distances.flatMap((d) => [column(g.node('Sin', [d])), column(g.node('Cos', [d]))])
  // The speakers' rows of a table, weighted: [1, fields].
  const shares = count > 0 ? g.node('Unsqueeze', ['speaker', first]) : ''
  const mixed = (table: Float32Array, fields: number, name: string) =>
    g.node('MatMul', [shares, g.f32(table, [count, fields], name)])
  const speaker = count > 0 ? mixed(average[SPEAKER_NAMES.table]!, SPEAKER_FIELDS, SPEAKER_NAMES.table) : undefined
  const encoded = encode(ops, config, ids, g.node('Concat', sines, { axis: 1 }), speaker)

  const lnDurations = g.node('Squeeze', [predictDurations(ops, config, encoded), g.i64([1])])
  const exactUnits = g.node('Exp', [lnDurations])
  const rounded = (x: string) => g.node('Max', [g.node('Round', [x]), g.f32(1)])
  const own = rounded(exactUnits)
  const whole = g.node('Max', [
    g.node('Min', [own, g.f32(SHORTEST)]),
    g.node('Round', [g.node('Div', [exactUnits, 'rate'])]),
  ])
  const units = integer(whole)
  const ends = g.node('CumSum', [units, g.i64(0)])
  const unit = range(last(ends))
  // A unit's symbol is the number of symbols that end at or before it.
  const over = g.node('GreaterOrEqual', [column(unit), g.node('Unsqueeze', [ends, first])])
  const symbol = g.node('ReduceSum', [integer(over), g.i64([1])], { keepdims: 0 })
  const start = g.node('Gather', [g.node('Sub', [ends, units]), symbol])
  const within = g.node('Add', [float(g.node('Sub', [unit, start])), g.f32(0.5)])
  const length = g.node('Gather', [whole, symbol])
  const places = g.node(
    'Concat',
    [g.node('Div', [within, length]), g.node('Log', [length]), g.node('Div', [within, g.f32(10)])].map(column),
    { axis: 1 },
  )
  const placed = placeUnits(ops, config, g.node('Gather', [encoded, symbol]), places)

  const predicted = predictPitch(ops, config, placed, speaker)
  g.nodes('Split', [predicted, g.i64([FRAMES_PER_UNIT, FRAMES_PER_UNIT])], { axis: 1 }, ['melody', 'voicing'])
  const voiced = float(g.node('Greater', ['voicing', g.f32(0)]))
  const given = g.node('Concat', ['melody', voiced], { axis: 1 })
  const normalized = decode(ops, ops, config, placed, given, speaker)
  // Named, so that the normalisation can be read back from a package.
  const constant = (key: keyof typeof NORMALIZATION_NAMES, value: number | Float32Array) =>
    g.f32(value, undefined, NORMALIZATION_NAMES[key])
  const spread = g.node('Mul', [normalized, constant('envelopeSpread', envelopeSpread)])
  const smooth = g.node('Add', [spread, constant('envelopeMean', envelopeMean)])
  // A constant, or of several speakers' constants what the call's shares make of them.
  const chosen = (tables: readonly Float32Array[], shape: readonly number[], name: string) => {
    if (count === 0) return g.f32(tables[0]!, shape)
    const all = Float32Array.from(tables.flatMap((table) => [...table]))
    const row = mixed(all, tables[0]!.length, name)
    return shape.length > 1 ? g.node('Reshape', [row, g.i64(shape)]) : row
  }
  const envelope = sharpening
    ? sharpen(
        g,
        smooth,
        chosen(sharpening.matrices, [ENVELOPE_POINTS, ENVELOPE_POINTS], SPEAKER_NAMES.sharpening),
        chosen(sharpening.means, [ENVELOPE_POINTS], SPEAKER_NAMES.means),
        sharpening.time,
      )
    : smooth
  const flat = (x: string) => g.node('Reshape', [x, g.i64([-1])])
  const wide = g.node('Mul', [flat('melody'), constant('pitchSpread', pitchSpread)])
  const common = g.node('Add', [wide, constant('pitchMean', pitchMean)])
  const lnF0 =
    count > 0 ? g.node('Add', [common, flat(mixed(Float32Array.from(speakerPitch), 1, SPEAKER_NAMES.pitch))]) : common

  const sum = g.node('ReduceSum', [integer(own), first], { keepdims: 0 })
  g.output(g.node('Mul', [sum, g.i64(FRAMES_PER_UNIT)], {}, 'length'), 'i64', [])
  g.output(g.node('Mul', [units, g.i64(FRAMES_PER_UNIT)], {}, 'durations'), 'i64', ['symbols'])
  const isVoiced = g.node('Greater', [flat('voicing'), g.f32(0)])
  const hertz = g.node('Mul', [g.node('Exp', [lnF0]), 'pitch'])
  g.output(g.node('Where', [isVoiced, hertz, g.f32(0)], {}, 'f0'), 'f32', ['frames'])
  g.output(g.node('Identity', [envelope], {}, 'envelope'), 'f32', ['frames', ENVELOPE_POINTS])
  return g.graph({
    format: 'sparsewave-1',
    symbols: config.symbols,
    config: JSON.stringify(config),
    updates: String(update),
  })
}

/** `sharpen` of sharpen.ts as nodes. */
function sharpen(g: OnnxBuilder, envelope: string, weights: string, centre: string, time: number): string {
  const fine = g.node('MatMul', [g.node('Sub', [envelope, centre]), weights])
  const padded = g.node('Pad', [fine, g.i64([TIME_SPAN, 0, TIME_SPAN, 0])], { mode: 'edge' })
  const last = 2 * TIME_SPAN
  const shifted = Array.from({ length: last + 1 }, (_, i) => i)
    .filter((i) => i !== TIME_SPAN)
    .map((i) => {
      const end = i === last ? Number.MAX_SAFE_INTEGER : i - last
      return g.node('Slice', [padded, g.i64([i]), g.i64([end]), g.i64([0])])
    })
  const around = g.node('Mul', [g.node('Sum', shifted), g.f32(time / last)])
  const steep = g.node('Sub', [g.node('Mul', [fine, g.f32(1 + time)]), around])
  return g.node('Add', [steep, centre])
}
