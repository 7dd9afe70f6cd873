/**
 * The acoustic net: symbols -> (encoder) -> ln durations; repeated to 25 ms units -> pitch and voicing; both -> (decoder,
 * then a few light layers at 5 ms) -> envelope. FastSpeech 2 (Ren et al. 2021) in outline, at the corpus's own grid.
 * Each function is one stage over `Ops`; what joins them (repetition, thresholds) is each user's own.
 * Where there are speakers, every stage adds a linear function of the speaker's values [.., 1, SPEAKER_FIELDS].
 */
import { ENVELOPE_POINTS } from '../../frames.ts'
import {
  type AcousticConfig,
  FRAMES_PER_UNIT,
  PITCH_FIELDS,
  POSITION_FIELDS,
  SPEAKER_FIELDS,
  UNIT_FIELDS,
} from './config.ts'
import { type Ops, type Parameter, ParameterCollector } from './ops.ts'

function block<T>(ops: Ops<T>, x: T, name: string, channels: number, kernel: number): T {
  const inner = ops.relu(ops.conv(ops.norm(x, `${name}.norm`, channels), `${name}.conv`, kernel, channels, channels))
  return ops.add(x, ops.linear(ops.dropout(inner, channels), `${name}.out`, channels, channels))
}

function blocks<T>(ops: Ops<T>, x: T, name: string, count: number, channels: number, kernel: number): T {
  let y = x
  for (let i = 0; i < count; i++) y = block(ops, y, `${name}.${i}`, channels, kernel)
  return y
}

/** `speaker` is undefined in a net of one voice. */
function voiced<T>(
  ops: Ops<T>,
  x: T,
  speaker: T | undefined,
  config: AcousticConfig,
  name: string,
  channels: number,
): T {
  return config.speakers.length > 0 ? ops.shift(x, speaker as T, `${name}.speaker`, SPEAKER_FIELDS, channels) : x
}

/** Numbers of speakers [.., 1] to their values [.., 1, SPEAKER_FIELDS], in training. */
export const speakerValues = <T>(ops: Ops<T>, config: AcousticConfig, numbers: T): T =>
  ops.embed(numbers, 'speakers', config.speakers.length, SPEAKER_FIELDS)

/** ids [.., P] and positions [.., P, POSITION_FIELDS] to [.., P, channels]. */
export function encode<T>(ops: Ops<T>, config: AcousticConfig, ids: T, positions: T, speaker?: T): T {
  const { channels, heads, kernel } = config
  const embedded = ops.embed(ids, 'encoder.symbols', [...config.symbols].length + 1, channels)
  let x = ops.add(embedded, ops.linear(positions, 'encoder.position', POSITION_FIELDS, channels))
  for (let i = 0; i < config.encoderBlocks; i++) {
    x = block(ops, x, `encoder.${i}`, channels, kernel)
    if (i % 2 === 1) {
      const attended = ops.attention(
        ops.norm(x, `encoder.${i}.attention.norm`, channels),
        `encoder.${i}.attention`,
        channels,
        heads,
      )
      x = ops.add(x, ops.dropout(attended, channels))
    }
  }
  return voiced(ops, ops.norm(x, 'encoder.norm', channels), speaker, config, 'encoder', channels)
}

/** Encoded symbols to the ln of their durations in units, [.., P, 1]. */
export function predictDurations<T>(ops: Ops<T>, config: AcousticConfig, encoded: T): T {
  const { channels, durationChannels: d } = config
  let x = ops.relu(ops.conv(encoded, 'duration.0', 3, channels, d))
  x = ops.dropout(ops.norm(x, 'duration.0.norm', d), d)
  x = ops.relu(ops.conv(x, 'duration.1', 3, d, d))
  x = ops.dropout(ops.norm(x, 'duration.1.norm', d), d)
  return ops.linear(x, 'duration.out', d, 1)
}

/** Repeated encodings [.., U, channels] and places in the symbol [.., U, UNIT_FIELDS] to the units' common input. */
export function placeUnits<T>(ops: Ops<T>, config: AcousticConfig, repeated: T, places: T): T {
  return ops.add(repeated, ops.linear(places, 'unit.place', UNIT_FIELDS, config.channels))
}

/** Units to normalised ln F0 and voicing logits of their frames, [.., U, PITCH_FIELDS]. */
export function predictPitch<T>(ops: Ops<T>, config: AcousticConfig, units: T, speaker?: T): T {
  const { channels, pitchChannels: p, kernel } = config
  let x = voiced(ops, ops.linear(units, 'pitch.in', channels, p), speaker, config, 'pitch', p)
  x = blocks(ops, x, 'pitch', config.pitchBlocks, p, kernel)
  return ops.linear(ops.norm(x, 'pitch.norm', p), 'pitch.out', p, PITCH_FIELDS)
}

/** Units and their pitch (normalised ln F0, voicing 0 or 1) to the normalised envelope of frames, [.., 5 U, 64]. */
export function decode<T>(
  unitOps: Ops<T>,
  frameOps: Ops<T>,
  config: AcousticConfig,
  units: T,
  pitch: T,
  speaker?: T,
): T {
  const { channels, frameChannels: f, kernel } = config
  let x = unitOps.add(units, unitOps.linear(pitch, 'decoder.pitch', PITCH_FIELDS, channels))
  x = voiced(unitOps, x, speaker, config, 'decoder', channels)
  x = blocks(unitOps, x, 'decoder', config.decoderBlocks, channels, kernel)
  x = unitOps.linear(unitOps.norm(x, 'decoder.norm', channels), 'decoder.spread', channels, FRAMES_PER_UNIT * f)
  x = voiced(frameOps, unitOps.spread(x, FRAMES_PER_UNIT, f), speaker, config, 'frame', f)
  x = blocks(frameOps, x, 'frame', config.frameBlocks, f, kernel)
  return frameOps.linear(frameOps.norm(x, 'frame.norm', f), 'frame.out', f, ENVELOPE_POINTS)
}

/** The net's parameters, in a fixed order. */
export function parametersOf(config: AcousticConfig): Parameter[] {
  const ops = new ParameterCollector()
  if (config.speakers.length > 0) speakerValues(ops, config, undefined)
  encode(ops, config, undefined, undefined)
  predictDurations(ops, config, undefined)
  placeUnits(ops, config, undefined, undefined)
  predictPitch(ops, config, undefined)
  decode(ops, ops, config, undefined, undefined)
  return ops.parameters
}
